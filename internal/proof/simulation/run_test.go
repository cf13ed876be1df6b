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
		p := NewPlan(RunSeed(7, i), Draw{Weight: Heavy, Mode: Both, Google: i >= 40})
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
		"rotation every=1s":               "1s",
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
	for i, weight := range []Weight{Heavy, Heavy, Heavy, Heavy, Heavy, Heavy, Light, None, Heavy, Heavy, Light} {
		p := NewPlan(RunSeed(3, i), Draw{Weight: weight, Mode: Both, Google: i >= 8})
		p.For = min(p.For, 30*time.Hour)
		requireSkipsChangeNothing(t, p)
	}
	for _, plan := range []string{
		"adoption seed=fd39dcb0d39afbbb reconsent-kills-old shared deactivated@16/3s consent@70#f error-after@70 again@78 late@99/9m34s error-after@103",
		// A keeper saves its pair while the person who consents has stored the
		// access token, and not yet the refresh token.
		"adoption seed=fd39dcb0d39afbbb reconsent-kills-old shared error-after@122 consent@128#f again@143 late@177/9m34s error-after@179",
		// A tick of which every read was stale is followed by one that finds more.
		"adoption seed=676fba02a71b47d3 legacy-refusal shared stale@12/2s#8 consent@14#d again@16 consent@81#9 clock-back@108/1s#1a clock-forward@116/1s#e",
		// ACCESS_TOKEN is useless, and a rotation waits some minutes for its turn.
		"adoption seed=7291c3ae4caa83fc legacy-refusal crash-before@3 crash-after@32",
		// A candidate that was refused is asked about again after an hour.
		"rotation seed=711e4acae7065e89 reconsent-kills-old consent@2#6a0f consent@21#72dc atlassian-unreachable@29/2h34m44s concurrent@31#5f924f0d48bebe62",
		// A refused token is probed after an hour, by a clock that tells whole seconds.
		"rotation seed=895787111aaa1d83 claims crash-after@10 crash-after@23 atlassian-after@24/48m15s",
		// The ledger's newest version is a backup, and does not say what counts.
		"rotation seed=a5d433f74121c19 false-refusal@4 damaged@10/50m0s#773d pause-before@29/12s older@37#2be6 no-ticks@45/12m38s backup@51#8fda",
		// All versions of the ledger are destroyed, and a refused token is probed after an hour.
		"rotation seed=5790176ae243cb15 siblings-die claims google false-refusal@214 ledger-deleted@330",
	} {
		p, err := ParsePlan(plan)
		require.NoError(t, err)
		requireSkipsChangeNothing(t, p)
	}
}

func requireSkipsChangeNothing(t *testing.T, p Plan) {
	t.Helper()
	quick := Run(p)
	p.EveryTick = true
	require.Equal(t, Run(p), quick, p.String())
}

// Every kind of fault strikes in random runs, and the sum does not depend on
// the number of workers.
func TestSummary(t *testing.T) {
	one := Simulate(context.Background(), Random(1, 1500, Draw{Weight: Heavy, Mode: Both}), 1, nil)
	require.Equal(t, 1500, one.Runs)
	for k := CrashBefore; k < kindEnd; k++ {
		require.NotZero(t, one.Faults[k.String()], k.String())
	}
	require.Equal(t, one, Simulate(context.Background(), Random(1, 1500, Draw{Weight: Heavy, Mode: Both}), 4, nil))
}

// A broken run is found, replayed and made simpler.
func TestMinimise(t *testing.T) {
	p := Plan{Seed: 1, Situation: Replay, Settings: Settings{SiblingsDie: true}}
	var err error
	p.Faults, err = ParseSchedule("stale@3/1s throttle@9 crash-before@30 late@40/1m0s consent@60#3")
	require.NoError(t, err)
	p.broken = announcesNothing
	require.Contains(t, Run(p).Counters.Broken(), "unlocked_spends")
	least := Minimise(p)
	require.Less(t, len(least.Faults), len(p.Faults))
	require.Contains(t, Run(p).Counters.Broken(), Run(least).Counters.Broken()[0])

	s := Simulate(context.Background(), slices.Values([]Plan{{Situation: Rotation}, p}), 1, nil)
	require.Len(t, s.Broken, 1)
	require.Equal(t, 1, s.Broken[0].Run)
	require.Equal(t, p.String(), s.Broken[0].Plan)
}

// A search through all pairs simulates more years than a Duration holds.
func TestManyYearsAreSummed(t *testing.T) {
	var s, half Summary
	half.count(numbered{}, Result{Simulated: 200 * 365 * 24 * time.Hour})
	s.add(half)
	s.add(half)
	require.InDelta(t, 400, s.finish().SimulatedYears, 0.001)
}
