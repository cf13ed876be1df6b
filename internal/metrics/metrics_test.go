package metrics_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
)

func outcome(name string, a keeper.Action, days, seconds float64) keeper.Outcome {
	inactive := days / 4
	return keeper.Outcome{Connection: name, Action: a, FamilyDaysRemaining: &days, InactivityDaysRemaining: &inactive, AccessTokenSecondsRemaining: &seconds}
}

func value(t *testing.T, ms []metrics.Metric, name, connection string) float64 {
	t.Helper()
	for _, m := range ms {
		if m.Name == name && m.Connection == connection {
			return m.Value
		}
	}
	require.Fail(t, "no metric", "%s of %q", name, connection)
	return 0
}

func TestOneHealthyConnectionFitsTheFreeMetrics(t *testing.T) {
	ms := metrics.Of([]keeper.Outcome{outcome("A_", keeper.Rotated, 300, 3600)}, 1)
	require.Len(t, ms, 10)
	seen := map[string]bool{}
	for _, m := range ms {
		require.False(t, seen[m.Name+m.Connection], "sent twice: %s", m.Name)
		seen[m.Name+m.Connection] = true
	}
	require.Equal(t, 300.0, value(t, ms, metrics.FamilyDaysRemaining, "A_"))
	require.Equal(t, 300.0, value(t, ms, metrics.FamilyDaysRemaining, ""))
	require.Equal(t, 75.0, value(t, ms, metrics.InactivityDaysRemaining, ""))
	require.Equal(t, 3600.0, value(t, ms, metrics.AccessTokenSecondsRemaining, ""))
	require.Equal(t, 1.0, value(t, ms, metrics.Rotations, ""))
	for _, problem := range []string{metrics.RotationFailures, metrics.InDoubt, metrics.ConsentNeeded, metrics.FamilyLost} {
		require.Zero(t, value(t, ms, problem, ""))
	}
	require.Equal(t, 1.0, value(t, ms, metrics.Heartbeat, ""))
}

func TestRollUps(t *testing.T) {
	ms := metrics.Of([]keeper.Outcome{
		outcome("A_", keeper.Idle, 300, 1600),
		outcome("B_", keeper.Replayed, 20, 3600),
		outcome("C_", keeper.Refused, -3, 0),
		outcome("D_", keeper.InDoubt, 200, 900),
		outcome("E_", keeper.Failed, 201, 800),
		outcome("F_", keeper.Misconfigured, 202, 700),
		{Connection: "G_", Action: keeper.AwaitingConsent},
	}, 1)
	require.Equal(t, -3.0, value(t, ms, metrics.FamilyDaysRemaining, ""))
	require.Equal(t, 0.0, value(t, ms, metrics.AccessTokenSecondsRemaining, ""))
	for name, connection := range map[string]string{
		metrics.FamilyLost: "C_", metrics.ConsentNeeded: "C_", metrics.InDoubt: "D_", metrics.Misconfigured: "F_", metrics.AwaitingConsent: "G_",
	} {
		require.Equal(t, 1.0, value(t, ms, name, ""), name)
		require.Equal(t, 1.0, value(t, ms, name, connection), "which one it is")
	}
	require.Equal(t, 3.0, value(t, ms, metrics.RotationFailures, ""), "in doubt, failed or misconfigured")
	for _, connection := range []string{"D_", "E_", "F_"} {
		require.Equal(t, 1.0, value(t, ms, metrics.RotationFailures, connection))
	}
}

func TestTheLastWarning(t *testing.T) {
	for _, tt := range []struct {
		days, lastWarning, needed float64
	}{
		{1, 1, 0}, {0.9999, 1, 1}, {2.5, 3, 1}, {0.0001, 0, 0}, {-0.0001, 0, 1},
	} {
		ms := metrics.Of([]keeper.Outcome{outcome("A_", keeper.Idle, tt.days, 3600), outcome("B_", keeper.Idle, 300, 3600)}, tt.lastWarning)
		require.Equal(t, tt.needed, value(t, ms, metrics.ConsentNeeded, ""), "%+v", tt)
		require.Zero(t, value(t, ms, metrics.FamilyLost, ""), "it is kept until it ends")
	}
}

func TestNothingToCountDown(t *testing.T) {
	ms := metrics.Of([]keeper.Outcome{{Connection: "A_", Action: keeper.AwaitingConsent}}, 1)
	for _, m := range ms {
		require.NotContains(t, []string{metrics.FamilyDaysRemaining, metrics.AccessTokenSecondsRemaining, metrics.InactivityDaysRemaining}, m.Name)
	}
	require.Equal(t, 1.0, value(t, ms, metrics.Heartbeat, ""))
}

// A site that is gone is a metric of its connection, and one more thing to look at
// beside foreign writes; each connection counts once.
func TestAttention(t *testing.T) {
	lost, both, idle := outcome("A_", keeper.Idle, 300, 3600), outcome("B_", keeper.Restored, 300, 3600), outcome("C_", keeper.Rotated, 300, 3600)
	lost.SiteLost, both.SiteLost, both.Foreign = "the site is gone", "the site is gone", "REFRESH_TOKEN was deleted"
	ms := metrics.Of([]keeper.Outcome{lost, both, idle}, 1)
	require.Equal(t, 2.0, value(t, ms, metrics.SiteLost, ""))
	require.Equal(t, 1.0, value(t, ms, metrics.SiteLost, "A_"))
	require.Equal(t, 2.0, value(t, ms, metrics.Attention, ""))
	for _, m := range ms {
		require.False(t, m.Name == metrics.Attention && m.Connection != "", "it costs a metric")
	}
	for _, m := range metrics.Of([]keeper.Outcome{idle}, 1) {
		require.NotContains(t, []string{metrics.SiteLost, metrics.Attention}, m.Name, "it costs a metric")
	}
}

// Whatever became of the connection: the write is what a person has to hear of.
func TestForeignWrites(t *testing.T) {
	restored, idle := outcome("A_", keeper.Restored, 300, 3600), outcome("B_", keeper.Idle, 300, 3600)
	refused := outcome("C_", keeper.Refused, 300, 3600)
	restored.Foreign, refused.Foreign = "REFRESH_TOKEN was written over: it is a placeholder", "REFRESH_TOKEN was deleted"
	ms := metrics.Of([]keeper.Outcome{restored, idle, refused}, 1)
	require.Equal(t, 2.0, value(t, ms, metrics.ForeignWrites, ""))
	for _, connection := range []string{"A_", "C_"} {
		require.Equal(t, 1.0, value(t, ms, metrics.ForeignWrites, connection))
	}
	require.NotContains(t, ms, metrics.Metric{Name: metrics.ForeignWrites, Value: 1, Unit: metrics.Count, Connection: "B_"})
	require.Zero(t, value(t, ms, metrics.RotationFailures, ""), "the family is kept")
	for _, m := range metrics.Of([]keeper.Outcome{idle}, 1) {
		require.NotEqual(t, metrics.ForeignWrites, m.Name, "it costs a metric")
	}
}

// What passes at a probe of a lost family is no trouble of a living one.
func TestLostFamily(t *testing.T) {
	for _, a := range []keeper.Action{keeper.Failed, keeper.InDoubt, keeper.Misconfigured, keeper.Refused} {
		ms := metrics.Of([]keeper.Outcome{{Connection: "A_", Action: a, Lost: true}}, 1)
		require.Equal(t, 1.0, value(t, ms, metrics.ConsentNeeded, ""))
		require.Equal(t, 1.0, value(t, ms, metrics.FamilyLost, ""))
		require.Zero(t, value(t, ms, metrics.RotationFailures, ""))
		require.Zero(t, value(t, ms, metrics.InDoubt, ""))
	}
}
