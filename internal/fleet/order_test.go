package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// In doubt come first, then whose access token ends first. If there is too little
// time for a rotation, only connections that need none are looked at. One that
// would have been due early is looked at last, by its own policy.
func TestTurns(t *testing.T) {
	now := time.Now()
	st := memstore.New(func() time.Time { return now })
	spread := fleet.Spread(25*time.Minute, "EARLY_")
	require.Greater(t, spread, 28*time.Minute, "for the name is chosen so")
	var conns []family.Connection
	for _, c := range []struct {
		name     string
		left     time.Duration
		intended bool
	}{{"IDLE_", 50 * time.Minute, false}, {"EARLY_", spread - time.Second, false}, {"DUE_", 20 * time.Minute, false}, {"URGENT_", time.Minute, false}, {"DOUBT_", 50 * time.Minute, true}} {
		refresh := atlassian.NewSecret("the-refresh-token-of-" + c.name)
		state := family.State{Refresh: refresh, Record: family.Record{Schema: family.Schema, Connection: c.name, AuthorizedAt: now.Add(-time.Hour), AuthorizedAtSource: family.FromAdoption,
			LifetimeDays: 365, Refresh: family.FingerprintOf(refresh), AccessExpiresAt: now.Add(c.left), RotatedAt: now.Add(-time.Minute)}}
		if c.intended {
			state.Intent = &family.Intent{Owner: "p/1", Token: state.Record.Refresh}
		}
		l := ledger.Ledger{Log: ledger.Parameter{Store: st, Name: family.NamesOf(c.name).Ledger}, Of: c.name}
		_, err := l.Put(t.Context(), ledger.NewDraft(c.name, ledger.Entry{}, state.Encode(), now, "p/1/1"))
		require.NoError(t, err)
		conns = append(conns, family.Connection{Name: c.name, Policy: family.DefaultPolicy()})
	}
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
