package fleet_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

// scripted is a Keeper that is urgent for some ticks of a connection.
type scripted struct {
	urgent map[string]int
	served []string
}

func (s *scripted) Tick(_ context.Context, c family.Connection, _ *slog.Logger) keeper.Outcome {
	s.served = append(s.served, c.Name)
	if s.urgent[c.Name] > 0 {
		s.urgent[c.Name]--
		return keeper.Outcome{Connection: c.Name, Action: keeper.Failed, Reason: "the store did not answer", Urgent: true}
	}
	return keeper.Outcome{Connection: c.Name, Action: keeper.Rotated}
}

// An urgent connection is served again after a pause, the others are not. The
// report holds the last outcome. It ends with the invocation's time.
func TestUrgentConnectionsAreServedAgain(t *testing.T) {
	for _, c := range []struct {
		urgent  int
		limit   time.Duration
		served  []string
		problem string
	}{
		{0, time.Hour, []string{"A_", "B_"}, ""},
		{2, time.Hour, []string{"A_", "B_", "A_", "A_"}, ""},
		{2, 0, []string{"A_", "B_"}, "the store did not answer"},
		{100, time.Hour, []string{"A_", "B_", "A_", "A_", "A_", "A_", "A_", "A_"}, "the store did not answer"},
	} {
		k := &scripted{urgent: map[string]int{"A_": c.urgent}}
		now := time.Now()
		r := &fleet.Fleet{Keeper: k, Connections: []family.Connection{{Name: "A_"}, {Name: "B_"}}, Sink: &sink{journal: &journal{}},
			Now: func() time.Time { return now }, Sleep: func(_ context.Context, d time.Duration) { now = now.Add(d) }, Parallel: 1}
		ctx, cancel := context.WithDeadline(t.Context(), now.Add(c.limit))
		defer cancel()
		_, err := r.Tick(ctx, slog.New(slog.DiscardHandler))
		require.Equal(t, c.served, k.served)
		if c.problem == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, c.problem)
		}
	}
}

// If another process was at work, the last look comes when its lease may have
// ended. A tick that Lambda repeats after a kill begins one minute after the
// intent.
func TestContendedConnectionsAreServedUntilTheLeaseEnds(t *testing.T) {
	now := time.Now()
	begun := now
	var last time.Duration
	k := keeperFunc(func(c family.Connection) keeper.Outcome {
		last = now.Sub(begun)
		return keeper.Outcome{Connection: c.Name, Action: keeper.Contended, Urgent: true}
	})
	r := &fleet.Fleet{Keeper: k, Connections: []family.Connection{{Name: "A_"}}, Sink: &sink{journal: &journal{}},
		Now: func() time.Time { return now }, Sleep: func(_ context.Context, d time.Duration) { now = now.Add(d) }, Parallel: 1}
	_, err := r.Tick(t.Context(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Greater(t, last, family.Lease-time.Minute)
}

type keeperFunc func(family.Connection) keeper.Outcome

func (k keeperFunc) Tick(_ context.Context, c family.Connection, _ *slog.Logger) keeper.Outcome {
	return k(c)
}

// An attempt that failed may look less urgent than the one before it.
func TestWhatWasUrgentStaysSo(t *testing.T) {
	ticks := 0
	k := keeperFunc(func(c family.Connection) keeper.Outcome {
		ticks++
		if ticks == 3 {
			return keeper.Outcome{Connection: c.Name, Action: keeper.Replayed}
		}
		return keeper.Outcome{Connection: c.Name, Action: keeper.InDoubt, Urgent: ticks == 1}
	})
	r := &fleet.Fleet{Keeper: k, Connections: []family.Connection{{Name: "A_"}}, Sink: &sink{journal: &journal{}},
		Now: time.Now, Sleep: func(context.Context, time.Duration) {}, Parallel: 1}
	_, err := r.Tick(t.Context(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Equal(t, 3, ticks)
}
