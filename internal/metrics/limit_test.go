package metrics_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
)

type kept struct{ metrics []metrics.Metric }

func (k *kept) Publish(_ context.Context, _ time.Time, ms []metrics.Metric) error {
	k.metrics = ms
	return nil
}

func TestLimitedSendsTheFamiliesThatEndFirst(t *testing.T) {
	days := func(d float64) *float64 { return &d }
	all := metrics.Of([]keeper.Outcome{
		{Connection: "A_", Action: keeper.Refused, FamilyDaysRemaining: days(300)},
		{Connection: "B_", Action: keeper.Idle, FamilyDaysRemaining: days(7)},
		{Connection: "C_", Action: keeper.Idle, FamilyDaysRemaining: days(90)},
	}, 1)
	for limit, want := range map[int][]string{5: {"B_", "C_", "A_"}, 2: {"B_", "C_"}, 1: {"B_"}} {
		var sink kept
		require.NoError(t, metrics.Limited{Sink: &sink, Connections: limit}.Publish(t.Context(), time.Now(), all))
		var got, rollUps []string
		for _, m := range sink.metrics {
			if m.Name == metrics.FamilyDaysRemaining && m.Connection != "" {
				got = append(got, m.Connection)
			}
			if m.Connection == "" {
				rollUps = append(rollUps, m.Name)
			}
		}
		require.Equal(t, want, got)
		require.Len(t, rollUps, 7, "as many as there are")
		require.Contains(t, sink.metrics, metrics.Metric{Name: metrics.FamilyLost, Value: 1, Unit: metrics.Count, Connection: "A_"})
	}
}

func TestATickThatServedNotAllHasNoHeartbeat(t *testing.T) {
	names := func(outcomes ...keeper.Outcome) (names []string) {
		for _, m := range metrics.Of(outcomes, 1) {
			names = append(names, m.Name)
		}
		return names
	}
	idle := keeper.Outcome{Connection: "A_", Action: keeper.Idle}
	require.Contains(t, names(idle), metrics.Heartbeat)
	require.NotContains(t, names(idle), metrics.Postponed)
	late := names(idle, keeper.Outcome{Connection: "B_", Action: keeper.Postponed})
	require.NotContains(t, late, metrics.Heartbeat)
	require.Contains(t, late, metrics.Postponed)
	require.False(t, keeper.Postponed.Healthy())
}
