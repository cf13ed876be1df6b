package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// policies is a Keeper that notes with which policy it was asked.
type policies struct {
	mu     sync.Mutex
	order  []string
	before map[string]time.Duration
}

func (p *policies) Tick(_ context.Context, c family.Connection, _ *slog.Logger) keeper.Outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.order = append(p.order, c.Name)
	p.before[c.Name] = c.Policy.RefreshBefore
	return keeper.Outcome{Connection: c.Name, Action: keeper.Idle}
}

// unreadable is a store whose reads fail.
type unreadable struct{ fleet.Reader }

func (unreadable) Read(context.Context, ...string) (map[string]store.Entry, error) {
	return nil, errors.New("throttled")
}

// begun begins a connection's ledger, whose access token has some time left.
func begun(t *testing.T, st store.Store, name string, now time.Time, left time.Duration, change func(*family.State)) family.Connection {
	refresh := atlassian.NewSecret("the-refresh-token-of-" + name)
	state := family.State{Refresh: refresh, Record: family.Record{Schema: family.Schema, Connection: name, AuthorizedAt: now.Add(-time.Hour), AuthorizedAtSource: family.FromAdoption,
		LifetimeDays: 365, Refresh: family.FingerprintOf(refresh), AccessExpiresAt: now.Add(left), RotatedAt: now.Add(-time.Minute)}}
	if change != nil {
		change(&state)
	}
	l := ledger.Ledger{Log: ledger.Parameter{Store: st, Name: family.NamesOf(name).Ledger}, Of: name}
	_, err := l.Put(t.Context(), ledger.NewDraft(name, ledger.Entry{}, state.Encode(), now, "p/1/1"))
	require.NoError(t, err)
	return family.Connection{Name: name, Policy: family.DefaultPolicy()}
}

// doubted is a state in doubt since some time; the last attempt was later.
func doubted(first, last time.Time) func(*family.State) {
	return func(s *family.State) {
		s.Intent = &family.Intent{Owner: "p/1", Token: s.Record.Refresh, First: first, Last: last}
	}
}

// order is in which order a fleet serves connections, one at a time.
func order(t *testing.T, survey fleet.Reader, now time.Time, conns ...family.Connection) []string {
	k := &policies{before: map[string]time.Duration{}}
	r := fleet.Fleet{Keeper: k, Survey: survey, Connections: conns, Now: func() time.Time { return now }, Parallel: 1}
	_, err := r.Tick(t.Context(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return k.order
}

// A doubt whose leeway is open comes first. After the leeway, or after a failure, a connection comes
// behind those that have waited for longer: it would keep them from their turns for ever.
func TestWhoFailsDoesNotComeFirstAgain(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	st := memstore.New(func() time.Time { return now })
	ago := func(m time.Duration) time.Time { return now.Add(-m * time.Minute) }
	conns := []family.Connection{
		begun(t, st, "TRIED_", now, -3*time.Hour, doubted(ago(200), ago(2))),
		begun(t, st, "LIMITED_", now, -2*time.Hour, func(s *family.State) {
			s.Record.LastFailure = &family.Failure{Class: atlassian.Transient.String(), At: ago(3), Token: s.Record.Refresh}
		}),
		begun(t, st, "DUE_", now, 20*time.Minute, nil),
		begun(t, st, "WAITED_", now, -3*time.Hour, doubted(ago(200), ago(10))),
		begun(t, st, "SAVED_", now, 50*time.Minute, doubted(ago(9), ago(1))),
	}
	require.Equal(t, []string{"SAVED_", "WAITED_", "DUE_", "LIMITED_", "TRIED_"}, order(t, st, now, conns...))
}

// Of what an entry tells, the leeway that began first counts: that of the own token, or of
// a candidate.
func TestEarliestLeewayComesFirst(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	st := memstore.New(func() time.Time { return now })
	ago := func(m time.Duration) time.Time { return now.Add(-m * time.Minute) }
	conns := []family.Connection{
		begun(t, st, "DUE_", now, 15*time.Minute, nil),
		begun(t, st, "ANNOUNCED_", now, 50*time.Minute, doubted(ago(3), ago(3))),
		begun(t, st, "REFUSED_", now, 50*time.Minute, func(s *family.State) {
			s.Inbox.Rejected = []family.Rejected{{Version: 2, First: ago(4), At: ago(1), Count: 1}}
		}),
		begun(t, st, "PENDING_", now, 50*time.Minute, func(s *family.State) {
			s.Inbox.Pending = []family.Pending{{Version: 2, Token: "c", First: ago(5)}}
		}),
		begun(t, st, "DOUBT_", now, 50*time.Minute, func(s *family.State) {
			s.Doubt = &family.Intent{Token: s.Record.Refresh, First: ago(8), Last: ago(8)}
		}),
		begun(t, st, "BOTH_", now, 50*time.Minute, func(s *family.State) {
			s.Intent = &family.Intent{Token: "c", Candidate: 3, First: ago(1), Last: ago(1)}
			s.Doubt = &family.Intent{Token: s.Record.Refresh, First: ago(9), Last: ago(9)}
		}),
	}
	require.Equal(t, []string{"BOTH_", "DOUBT_", "PENDING_", "REFUSED_", "ANNOUNCED_", "DUE_"}, order(t, st, now, conns...))
}

// Hundreds of connections that are new do not come before those whose access tokens are about to
// end, and not after all that are due.
func TestNewConnectionsLetOverdueOnesPass(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	st := memstore.New(func() time.Time { return now })
	policy := family.DefaultPolicy()
	conns := []family.Connection{{Name: "NEW_", Policy: policy}, begun(t, st, "DUE_", now, 24*time.Minute, nil), begun(t, st, "OVERDUE_", now, 5*time.Minute, nil)}
	require.Equal(t, []string{"OVERDUE_", "NEW_", "DUE_"}, order(t, st, now, conns...))
}

// denying is a store that denies access to one name.
type denying struct {
	fleet.Reader
	name string
}

func (d denying) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	if slices.Contains(names, d.name) {
		return nil, fmt.Errorf("%s: %w", d.name, store.ErrDenied)
	}
	return d.Reader.Read(ctx, names...)
}

// A ledger that may not be read does not hide which of the others is urgent.
func TestADeniedLedgerHidesNoOther(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	st := memstore.New(func() time.Time { return now })
	conns := []family.Connection{begun(t, st, "IDLE_", now, 50*time.Minute, nil), begun(t, st, "DENIED_", now, 50*time.Minute, nil),
		begun(t, st, "DUE_", now, 5*time.Minute, nil), begun(t, st, "DOUBT_", now, 50*time.Minute, doubted(now, now))}
	require.Equal(t, []string{"DOUBT_", "DUE_", "DENIED_", "IDLE_"}, order(t, denying{st, conns[1].Names().Ledger}, now, conns...))
}

// sluggish is a store whose reads take a while, and may fail at the end.
type sluggish struct {
	fleet.Reader
	takes time.Duration
	now   *time.Time
	err   error
}

func (s sluggish) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	*s.now = s.now.Add(s.takes)
	if s.err != nil {
		return nil, s.err
	}
	return s.Reader.Read(ctx, names...)
}

// partly is a store that answers the calls that ask for one name only.
type partly struct {
	fleet.Reader
	name string
}

func (p partly) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	if !slices.Contains(names, p.name) {
		return nil, errors.New("throttled")
	}
	return p.Reader.Read(ctx, names...)
}

// Those of whom nothing is known come after a doubt, whose leeway ends.
func TestADoubtComesBeforeTheUnknown(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	st := memstore.New(func() time.Time { return now })
	conns := []family.Connection{begun(t, st, "DOUBT_", now, 50*time.Minute, doubted(now.Add(-time.Minute), now.Add(-time.Minute)))}
	for i := range 30 {
		conns = append(conns, begun(t, st, fmt.Sprintf("C%d_", i), now, 50*time.Minute, nil))
	}
	require.Equal(t, "DOUBT_", order(t, partly{st, conns[0].Names().Ledger}, now, conns...)[0])
}

// A store that is slow, or away, does not use up the tick before the first connection is served.
// Those of whom nothing is known come in another order each time, or the last ones would never be
// served.
func TestASlowSurveyLeavesTime(t *testing.T) {
	for name, err := range map[string]error{"slow": nil, "away": errors.New("throttled")} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			st := memstore.New(func() time.Time { return now })
			var conns []family.Connection
			for i := range 400 {
				conns = append(conns, begun(t, st, fmt.Sprintf("C%d_", i), now, 20*time.Minute, nil))
			}
			first := map[string]bool{}
			for tick := range 60 {
				if tick == 30 {
					require.Greater(t, len(first), 200, "of 400 in 30 ticks of some 17 turns")
				}
				began := now
				k := keeperFunc(func(c family.Connection) keeper.Outcome {
					now = now.Add(3 * time.Second)
					first[c.Name] = true
					return keeper.Outcome{Connection: c.Name, Action: keeper.Rotated}
				})
				r := fleet.Fleet{Keeper: k, Survey: sluggish{st, 4 * time.Second, &now, err}, Connections: conns, Now: func() time.Time { return now }, Parallel: 1}
				ctx, cancel := context.WithDeadline(t.Context(), began.Add(2*time.Minute))
				_, _ = r.Tick(ctx, slog.New(slog.DiscardHandler))
				cancel()
				now = began.Add(2 * time.Minute)
			}
			require.Len(t, first, 400, "nobody waits for two hours")
		})
	}
}

// In doubt come first, then whose access token ends first. If there is too little
// time for a rotation, only connections that need none are looked at. One that
// would have been due early is looked at last, by its own policy.
func TestTurns(t *testing.T) {
	now := time.Now()
	st := memstore.New(func() time.Time { return now })
	spread := fleet.Spread(25*time.Minute, "EARLY_")
	require.Greater(t, spread, 28*time.Minute, "for the name is chosen so")
	conns := []family.Connection{begun(t, st, "IDLE_", now, 50*time.Minute, nil), begun(t, st, "EARLY_", now, spread-time.Second, nil), begun(t, st, "DUE_", now, 20*time.Minute, nil),
		begun(t, st, "URGENT_", now, time.Minute, nil), begun(t, st, "DOUBT_", now, 50*time.Minute, doubted(now, now))}
	tick := func(survey fleet.Reader, parallel int, left time.Duration) (*policies, map[string]keeper.Action) {
		k := &policies{before: map[string]time.Duration{}}
		r := &fleet.Fleet{Keeper: k, Survey: survey, Sink: &sink{journal: &journal{}}, Now: func() time.Time { return now },
			Sleep: func(context.Context, time.Duration) {}, Parallel: parallel,
			List: func(context.Context, *slog.Logger) ([]family.Connection, []keeper.Outcome, error) {
				return conns, []keeper.Outcome{{Connection: "entry", Action: keeper.Misconfigured}}, nil
			}}
		ctx, cancel := context.WithDeadline(t.Context(), now.Add(left))
		defer cancel()
		report, err := r.Tick(ctx, slog.New(slog.DiscardHandler))
		require.ErrorContains(t, err, "entry is misconfigured")
		actions := map[string]keeper.Action{}
		for _, o := range report.Connections {
			actions[o.Connection] = o.Action
		}
		return k, actions
	}

	k, _ := tick(st, 1, 2*time.Minute)
	require.Equal(t, []string{"DOUBT_", "URGENT_", "DUE_", "EARLY_", "IDLE_"}, k.order)
	require.Equal(t, spread, k.before["EARLY_"])

	k, actions := tick(st, 1, 30*time.Second)
	require.Equal(t, []string{"IDLE_", "EARLY_"}, k.order)
	require.Equal(t, 25*time.Minute, k.before["EARLY_"])
	require.Equal(t, map[string]keeper.Action{"IDLE_": keeper.Idle, "EARLY_": keeper.Idle, "entry": keeper.Misconfigured,
		"DUE_": keeper.Postponed, "URGENT_": keeper.Postponed, "DOUBT_": keeper.Postponed}, actions)

	_, actions = tick(st, 1, 10*time.Second)
	require.Equal(t, keeper.Postponed, actions["IDLE_"])
	for range 20 {
		k, _ = tick(st, 8, 2*time.Minute)
		require.Len(t, k.order, 5, "each once")
	}
	k, _ = tick(unreadable{}, 1, 2*time.Minute)
	require.Len(t, k.order, 5, "a survey that fails keeps nobody from being served: %s", fmt.Sprint(k.order))
}
