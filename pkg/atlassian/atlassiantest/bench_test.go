package atlassiantest_test

import (
	"testing"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// BenchmarkRefresh rotates one family every five minutes of emulated time, as
// a simulation does.
func BenchmarkRefresh(b *testing.B) {
	for _, c := range []struct {
		name  string
		cheap bool
	}{{"cheap", true}, {"jwt", false}} {
		b.Run(c.name, func(b *testing.B) {
			policy := atlassiantest.DefaultPolicy()
			policy.AbsoluteLifetime = 0
			w := newWorld(b, atlassiantest.Config{CheapTokens: c.cheap, Policy: &policy})
			current := w.authorize(b)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				w.clock.Advance(5 * time.Minute)
				next, err := w.e.Refresh(w.request(current))
				if err != nil {
					b.Fatal(err)
				}
				current = next
			}
		})
	}
}
