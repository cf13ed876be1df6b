package bench

import (
	"context"
	"fmt"
	"testing"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/simulation"
)

// BenchmarkSimulation measures the operations on store and token endpoint that
// one core simulates in a second, and how that grows with the runs. What a run
// costs depends on how long it is; what an operation costs does not.
func BenchmarkSimulation(b *testing.B) {
	for _, weight := range []simulation.Weight{simulation.None, simulation.Light, simulation.Heavy} {
		for _, runs := range []int{1, 10, 100} {
			if weight != simulation.Heavy && runs > 10 {
				continue // they last days each
			}
			b.Run(fmt.Sprintf("faults=%s/runs=%d", weight, runs), func(b *testing.B) {
				operations := 0
				for b.Loop() {
					operations += simulation.Simulate(context.Background(), simulation.Random(1, runs, simulation.Draw{Weight: weight}), 1, nil).Operations
				}
				b.ReportMetric(float64(operations)/b.Elapsed().Seconds(), "operations/s")
			})
		}
	}
}
