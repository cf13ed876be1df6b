package bench

import (
	"context"
	"fmt"
	"testing"

	"github.com/tokenkeeper/tokenkeeper/internal/simulation"
)

// Rotations simulated per second on one core, and how that grows with the runs.
func BenchmarkSimulation(b *testing.B) {
	for _, weight := range []simulation.Weight{simulation.None, simulation.Light, simulation.Heavy} {
		for _, runs := range []int{10, 100, 1000} {
			if weight == simulation.None && runs > 100 {
				continue // a month each
			}
			b.Run(fmt.Sprintf("faults=%s/runs=%d", weight, runs), func(b *testing.B) {
				rotations := 0
				for b.Loop() {
					rotations += simulation.Simulate(context.Background(), simulation.Random(1, runs, weight), 1, nil).Rotations
				}
				b.ReportMetric(float64(rotations)/b.Elapsed().Seconds(), "rotations/s")
			})
		}
	}
}
