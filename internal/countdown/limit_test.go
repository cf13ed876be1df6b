package countdown_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/countdown"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

type kept struct{ metrics []countdown.Metric }

func (k *kept) Publish(_ context.Context, _ time.Time, ms []countdown.Metric) error {
	k.metrics = ms
	return nil
}

func TestLimitedSendsTheFamiliesThatEndFirst(t *testing.T) {
	days := func(d float64) *float64 { return &d }
	all := countdown.Metrics([]keeper.Outcome{
		{Connection: "A_", Action: keeper.Refused, FamilyDaysRemaining: days(300)},
		{Connection: "B_", Action: keeper.Idle, FamilyDaysRemaining: days(7)},
		{Connection: "C_", Action: keeper.Idle, FamilyDaysRemaining: days(90)},
	}, 1)
	for limit, want := range map[int][]string{5: {"B_", "C_", "A_"}, 2: {"B_", "C_"}, 1: {"B_"}} {
		var sink kept
		require.NoError(t, countdown.Limited{Sink: &sink, Connections: limit}.Publish(t.Context(), time.Now(), all))
		var got, rollUps []string
		for _, m := range sink.metrics {
			if m.Name == countdown.FamilyDaysRemaining && m.Connection != "" {
				got = append(got, m.Connection)
			}
			if m.Connection == "" {
				rollUps = append(rollUps, m.Name)
			}
		}
		require.Equal(t, want, got)
		require.Len(t, rollUps, 7, "as many as there are")
		require.Contains(t, sink.metrics, countdown.Metric{Name: countdown.FamilyLost, Value: 1, Unit: countdown.Count, Connection: "A_"})
	}
}

func TestATickThatServedNotAllHasNoHeartbeat(t *testing.T) {
	names := func(outcomes ...keeper.Outcome) (names []string) {
		for _, m := range countdown.Metrics(outcomes, 1) {
			names = append(names, m.Name)
		}
		return names
	}
	idle := keeper.Outcome{Connection: "A_", Action: keeper.Idle}
	require.Contains(t, names(idle), countdown.Heartbeat)
	require.NotContains(t, names(idle), countdown.Postponed)
	late := names(idle, keeper.Outcome{Connection: "B_", Action: keeper.Postponed})
	require.NotContains(t, late, countdown.Heartbeat)
	require.Contains(t, late, countdown.Postponed)
	require.False(t, keeper.Postponed.Healthy())
}
