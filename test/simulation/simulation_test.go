// Package simulation runs the simulation as far as fits into every test run: all
// single faults, a part of all pairs, and random schedules. The rest is
// `tokenkeeper simulate`.
package simulation

import (
	"context"
	"iter"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/simulation"
)

// requireKept runs the plans and fails for every run that breaks a promise, with
// the command that replays it.
func requireKept(t *testing.T, plans iter.Seq[simulation.Plan]) simulation.Summary {
	t.Helper()
	s := simulation.Simulate(context.Background(), plans, runtime.GOMAXPROCS(0), nil)
	for _, b := range s.Broken {
		t.Errorf("%v: replay it by: tokenkeeper simulate --trace --replay '%s'", b.Counters, b.Minimised)
	}
	require.Equal(t, simulation.Counters{}, s.Counters)
	t.Logf("%d runs, %.1f simulated years, %d rotations", s.Runs, s.SimulatedYears, s.Rotations)
	return s
}

// Every fault of every kind at every operation, under all rules that Atlassian may have.
func TestEverySingleFault(t *testing.T) {
	plans, err := simulation.Exhaustive(1)
	require.NoError(t, err)
	require.Greater(t, requireKept(t, plans).Runs, 40_000)
}

// Every 64th pair of faults; `tokenkeeper simulate --exhaustive 2` runs them all.
func TestPairsOfFaults(t *testing.T) {
	plans, err := simulation.Exhaustive(2)
	require.NoError(t, err)
	n := 0
	require.Greater(t, requireKept(t, func(yield func(simulation.Plan) bool) {
		for p := range plans {
			if n++; n%64 == 0 && !yield(p) {
				return
			}
		}
	}).Runs, 20_000)
}

func TestRandomFaults(t *testing.T) {
	for weight, runs := range map[simulation.Weight]int{simulation.None: 20, simulation.Light: 200, simulation.Heavy: 15_000} {
		s := requireKept(t, simulation.Random(1, runs, weight))
		if weight == simulation.None {
			require.Empty(t, s.Faults)
		}
	}
}
