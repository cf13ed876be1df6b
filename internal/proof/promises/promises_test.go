// Package promises runs the simulation as far as fits into every test run: all
// single faults, a part of all pairs, and random schedules. The rest is
// `tokenkeeper simulate`.
package promises

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/simulation"
)

// requireKept runs the plans and fails for every run that breaks a promise, with
// the command that replays it.
func requireKept(t *testing.T, plans iter.Seq[simulation.Plan]) simulation.Summary {
	t.Helper()
	s := simulation.Simulate(context.Background(), plans, runtime.GOMAXPROCS(0), nil)
	for _, b := range s.Broken {
		t.Errorf("%v: replay it by: tokenkeeper simulate --trace --replay '%s'", b.Counters, b.Minimised)
	}
	t.Logf("%d runs, %.1f simulated years, %d rotations", s.Runs, s.SimulatedYears, s.Rotations)
	return s
}

// Every third fault of every kind at every operation, under the rules that
// Atlassian may have, where psoxy only reads. `tokenkeeper simulate --exhaustive 1`
// runs them all, and those of the shared mode.
func TestSingleFaults(t *testing.T) {
	plans, err := simulation.Exhaustive(1, simulation.Draw{Mode: simulation.Reader})
	require.NoError(t, err)
	require.Greater(t, requireKept(t, every(3, plans)).Runs, 5_000)
}

// Every 256th pair of faults; `tokenkeeper simulate --exhaustive 2` runs them all.
func TestPairsOfFaults(t *testing.T) {
	plans, err := simulation.Exhaustive(2, simulation.Draw{Mode: simulation.Reader})
	require.NoError(t, err)
	require.Greater(t, requireKept(t, every(256, plans)).Runs, 2_000)
}

// every yields every n-th plan.
func every(n int, plans iter.Seq[simulation.Plan]) iter.Seq[simulation.Plan] {
	return func(yield func(simulation.Plan) bool) {
		i := 0
		for p := range plans {
			if i++; i%n == 0 && !yield(p) {
				return
			}
		}
	}
}

func TestRandomFaults(t *testing.T) {
	for _, c := range []struct {
		simulation.Draw
		runs int
	}{
		{simulation.Draw{Weight: simulation.None, Mode: simulation.Both}, 20},
		{simulation.Draw{Weight: simulation.Light, Mode: simulation.Reader}, 200},
		{simulation.Draw{Weight: simulation.Heavy, Mode: simulation.Reader}, 3_000},
		{simulation.Draw{Weight: simulation.Heavy, Mode: simulation.Reader, Every: time.Minute}, 500},
		{simulation.Draw{Weight: simulation.Heavy, Mode: simulation.Reader, Every: 5 * time.Minute}, 1_000},
	} {
		t.Run(fmt.Sprintf("%s/%s/%s", c.Weight, c.Mode, c.Every), func(t *testing.T) {
			s := requireKept(t, simulation.Random(1, c.runs, c.Draw))
			if c.Weight == simulation.None {
				require.Empty(t, s.Faults)
			}
		})
	}
}
