package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

// BenchmarkTick measures whole ticks of one connection over real HTTP, against
// moto and the emulator. The time is theirs for the most part; the calls and
// the memory are the refresher's.
func BenchmarkTick(b *testing.B) {
	b.Run("idle", func(b *testing.B) { ticks(b, "idle", 0) })
	b.Run("rotation", func(b *testing.B) { ticks(b, "rotated", 40*time.Minute) })
}

// ticks runs ticks that must end in the given action, after letting time pass.
func ticks(b *testing.B, action string, pass time.Duration) {
	w := world.New(b, world.Options{})
	w.RequireAction(w.Tick(), "rotated")
	var awsCalls, posts, n int
	var rss int64
	for b.Loop() {
		b.StopTimer()
		w.Pass(pass)
		b.StartTimer()
		tick := w.Tick()
		w.RequireAction(tick, action)
		n++
		awsCalls, posts, rss = awsCalls+len(tick.AWS), posts+len(tick.Posts), max(rss, tick.PeakRSS)
	}
	require.Positive(b, n)
	b.ReportMetric(float64(awsCalls)/float64(n), "AWS-calls/op")
	b.ReportMetric(float64(posts)/float64(n), "POSTs/op")
	b.ReportMetric(float64(rss)/(1<<20), "peak-RSS-MiB")
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1e3/float64(n), "ms/op")
}
