package simulation

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Equal plans have equal results, and a plan survives being written down.
func TestRunsAreReplayable(t *testing.T) {
	for i := range 60 {
		p := NewPlan(RunSeed(7, i), Heavy)
		again, err := ParsePlan(p.String())
		require.NoError(t, err)
		require.Equal(t, p.String(), again.String())
		require.Equal(t, Run(p), Run(again), p.String())
	}
}

func TestPlansThatCannotBe(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "no situation",
		"holiday seed=1":                  `"holiday" is no situation`,
		"rotation seed=xyz":               "xyz",
		"rotation for=ever":               "ever",
		"rotation bang@3":                 `no kind "bang"`,
		"rotation crash-after":            "no operation",
		"rotation crash-after@-1":         "no operation",
		"rotation store-outage@1/long":    "no duration",
		"rotation concurrent@1#variant":   "no variant",
		"rotation seed=1 siblings-die x=": `no kind "x="`,
	} {
		_, err := ParsePlan(text)
		require.ErrorContains(t, err, want, "%q", text)
	}
}

// Leaving out ticks that are known to be idle changes nothing.
func TestSkippedTicksChangeNothing(t *testing.T) {
	for i, weight := range []Weight{Heavy, Heavy, Heavy, Heavy, Heavy, Heavy, Light, None} {
		p := NewPlan(RunSeed(3, i), weight)
		p.For = min(p.For, 30*time.Hour)
		quick := Run(p)
		p.EveryTick = true
		slow := Run(p)
		require.Equal(t, slow.Counters, quick.Counters, p.String())
		require.Equal(t, slow.Rotations, quick.Rotations, p.String())
		require.Equal(t, slow.Operations, quick.Operations, p.String())
		require.Equal(t, slow.Simulated, quick.Simulated, p.String())
		require.Equal(t, slow.Losses, quick.Losses, p.String())
		require.Equal(t, slow.final, quick.final, p.String())
	}
}

// Every kind of fault strikes in random runs, and the sum does not depend on
// the number of workers.
func TestSummary(t *testing.T) {
	one := Simulate(context.Background(), Random(1, 1500, Heavy), 1, nil)
	require.Empty(t, one.Broken)
	require.Equal(t, Counters{}, one.Counters)
	require.Equal(t, 1500, one.Runs)
	for k := CrashBefore; k < kindEnd; k++ {
		require.NotZero(t, one.Faults[k.String()], k.String())
	}
	require.Equal(t, one, Simulate(context.Background(), Random(1, 1500, Heavy), 4, nil))
}

// A broken run is found, replayed and made simpler.
func TestMinimise(t *testing.T) {
	p := Plan{Seed: 1, Situation: Replay, Settings: Settings{SiblingsDie: true}}
	var err error
	p.Faults, err = ParseSchedule("stale@3/1s throttle@9 crash-before@30 late@40/1m0s consent@60#3")
	require.NoError(t, err)
	p.broken = presentsUnlocked
	require.Contains(t, Run(p).Counters.Broken(), "unlocked_spends")
	require.Empty(t, Minimise(p).Faults, "the keeper alone breaks it")

	s := Simulate(context.Background(), slices.Values([]Plan{{Situation: Rotation}, p}), 1, nil)
	require.Len(t, s.Broken, 1)
	require.Equal(t, 1, s.Broken[0].Run)
	require.Equal(t, p.String(), s.Broken[0].Plan)
}
