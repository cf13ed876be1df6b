package fleet_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// journal records in which order things happened.
type journal struct{ lines []string }

type sink struct {
	*journal
	err     error
	metrics []metrics.Metric
}

func (s *sink) Publish(_ context.Context, _ time.Time, ms []metrics.Metric) error {
	s.lines = append(s.lines, "metrics")
	s.metrics = ms
	return s.err
}

// journalStore notes writes, and panics on the parameters of one connection.
type journalStore struct {
	store.Store
	*journal
	poisoned string
}

func (s journalStore) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	if s.poisoned != "" && slices.Contains(names, family.NamesOf(s.poisoned).ClientID) {
		panic("canary-secret")
	}
	return s.Store.Read(ctx, names...)
}

func (s journalStore) Write(ctx context.Context, name string, v atlassian.Secret, k store.Kind) (int64, error) {
	s.lines = append(s.lines, name)
	return s.Store.Write(ctx, name, v, k)
}

func setUp(t *testing.T) (*fleet.Fleet, *sink, *journalStore) {
	em := atlassiantest.New(atlassiantest.Config{CheapTokens: true})
	fix, err := em.AddFixture()
	require.NoError(t, err)
	server := atlassiantest.NewServer(em)
	t.Cleanup(server.Close)
	tokens, err := em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)

	j := &journal{}
	st := &journalStore{Store: memstore.New(time.Now), journal: j}
	names := family.NamesOf("GOOD_")
	for name, value := range map[string]atlassian.Secret{
		names.ClientID: atlassian.NewSecret(fix.App.ClientID), names.ClientSecret: fix.App.ClientSecret,
		names.RefreshToken: tokens.Refresh, names.AccessToken: tokens.Access,
		family.NamesOf("SICK_").RefreshToken: atlassian.NewSecret("a-token-without-an-app"),
	} {
		_, err := st.Store.Write(context.Background(), name, value, store.Encrypted)
		require.NoError(t, err)
	}
	s := &sink{journal: j}
	policy := family.DefaultPolicy()
	sleep := func(context.Context, time.Duration) {}
	return &fleet.Fleet{
		Keeper: fleet.Guarded{Keeper: keeper.New(keeper.Config{Store: st, Token: &atlassian.Client{AuthURL: server.URL, APIURL: server.URL},
			Now: time.Now, Sleep: sleep, Process: "p", Together: inTurn})},
		Connections: []family.Connection{{Name: "SICK_", Policy: policy}, {Name: "GOOD_", Policy: policy}},
		Sink:        s, Now: time.Now, Sleep: sleep, Parallel: 1,
	}, s, st
}

func TestASickConnectionHindersNoOther(t *testing.T) {
	r, s, _ := setUp(t)
	report, err := r.Tick(context.Background(), slog.New(slog.DiscardHandler))
	var sick *fleet.UnhealthyError
	require.ErrorAs(t, err, &sick)
	require.ErrorContains(t, err, "SICK_ is misconfigured")
	require.Equal(t, keeper.Misconfigured, report.Connections[0].Action)
	require.Equal(t, keeper.Rotated, report.Connections[1].Action)
	require.Equal(t, "metrics", s.lines[len(s.lines)-1], "metrics come after every save")
	require.NotEmpty(t, s.metrics)
}

func TestAPanicHindersNoOther(t *testing.T) {
	r, s, st := setUp(t)
	st.poisoned = "SICK_"
	var logs bytes.Buffer
	report, err := r.Tick(context.Background(), slog.New(slog.NewJSONHandler(&logs, nil)))
	require.ErrorContains(t, err, "SICK_ is failed")
	require.Equal(t, keeper.Rotated, report.Connections[1].Action)
	require.NotEmpty(t, s.metrics)
	require.Contains(t, logs.String(), "fleet_test.go", "the stack is in the log")
	require.NotContains(t, logs.String(), "canary", "the panic's value is not")
}

func TestMetricsThatCannotBePublishedFailTheTick(t *testing.T) {
	r, s, _ := setUp(t)
	r.Connections = r.Connections[1:]
	s.err = errors.New("throttled")
	report, err := r.Tick(context.Background(), slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "throttled")
	require.Equal(t, keeper.Rotated, report.Connections[0].Action, "after the rotation was saved")
}

// The platform repeats a tick whose failure may be gone a minute later. It does not
// repeat one that only a person can mend.
func TestRetryable(t *testing.T) {
	for action, want := range map[keeper.Action]bool{
		keeper.Idle: false, keeper.Restored: false, keeper.Rotated: false, keeper.Replayed: false, keeper.AwaitingConsent: false, keeper.Contended: false,
		keeper.Refused: false, keeper.Misconfigured: false,
		keeper.Failed: true, keeper.InDoubt: true, keeper.Postponed: true,
	} {
		for published, refusal := range map[string]error{"published": nil, "not published": errors.New("throttled")} {
			t.Run(string(action)+", metrics "+published, func(t *testing.T) {
				k := keeperFunc(func(c family.Connection) keeper.Outcome {
					return keeper.Outcome{Connection: c.Name, Action: action}
				})
				r := fleet.Fleet{Keeper: k, Connections: []family.Connection{{Name: "A_"}}, Sink: &sink{journal: &journal{}, err: refusal}, Now: time.Now, Parallel: 1}
				_, err := r.Tick(t.Context(), slog.New(slog.DiscardHandler))
				require.Equal(t, want || refusal != nil, fleet.Retryable(err))
			})
		}
	}
	require.True(t, fleet.Retryable(errors.New("the list could not be read")))
}

// inTurn runs tasks one after the other, so that the journal has one order.
func inTurn(tasks ...func()) {
	for _, task := range tasks {
		task()
	}
}
