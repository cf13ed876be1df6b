package bench

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

// TestAStartIsCheap guards the refresher's start by what does not depend on the
// machine: what the runtime traces of it.
func TestAStartIsCheap(t *testing.T) {
	const firstCollection = "gc 1 @"
	t.Run("no garbage is collected before the first event", func(t *testing.T) {
		require.NotContains(t, cold(t, world.Binary(t), "GODEBUG=gctrace=1").Logs, firstCollection)
		require.Contains(t, cold(t, world.Binary(t), "GODEBUG=gctrace=1", "GOGC=10").Logs, firstCollection, "a collection would be seen")
	})
	t.Run("our packages build next to nothing before main", func(t *testing.T) {
		const most = 16 << 10 // bytes; 3 KB when this was written
		packages, bytes := 0, 0
		for line := range strings.Lines(cold(t, world.Binary(t), "GODEBUG=inittrace=1").Logs) {
			if !strings.HasPrefix(line, "init github.com/tokenkeeper/") {
				continue
			}
			var name string
			var at, clock float64
			var size int
			_, err := fmt.Sscanf(line, "init %s @%f ms, %f ms clock, %d bytes", &name, &at, &clock, &size)
			require.NoError(t, err, line)
			packages, bytes = packages+1, bytes+size
		}
		require.NotZero(t, packages)
		require.Less(t, bytes, most)
	})
}
