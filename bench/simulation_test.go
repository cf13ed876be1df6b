package bench

import (
	"context"
	"fmt"
	"testing"

	"github.com/tokenkeeper/tokenkeeper/internal/simulation"
)

// Operations simulated per second on one core: flat, whatever happens in a run.
func BenchmarkSimulation(b *testing.B) {
	for _, weight := range []simulation.Weight{simulation.None, simulation.Light, simulation.Heavy} {
		for _, runs := range []int{10, 100, 1000} {
			if weight == simulation.None && runs > 100 {
				continue // a month each
			}
			b.Run(fmt.Sprintf("faults=%s/runs=%d", weight, runs), func(b *testing.B) {
				operations := 0
				for b.Loop() {
					operations += simulation.Simulate(context.Background(), simulation.Random(1, runs, simulation.Draw{Weight: weight, Mode: simulation.Both}), 1, nil).Operations
				}
				b.ReportMetric(float64(operations)/b.Elapsed().Seconds(), "operations/s")
			})
		}
	}
}
