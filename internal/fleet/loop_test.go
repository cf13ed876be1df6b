package fleet_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
)

// TestLoop: ticks come at once and at every interval. A tick that takes longer
// delays the next one. Missed ticks are not made later.
func TestLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 19*time.Minute)
		defer cancel()
		began := time.Now()
		var at []time.Duration
		under := 0
		fleet.Loop(ctx, 2*time.Minute, func(ctx context.Context) {
			under++
			require.Equal(t, 1, under, "two ticks are under way")
			deadline, ok := ctx.Deadline()
			require.True(t, ok)
			require.Equal(t, min(fleet.TickTime, 19*time.Minute-time.Since(began)), time.Until(deadline))
			at = append(at, time.Since(began))
			if len(at) == 3 {
				time.Sleep(5 * time.Minute)
			}
			under--
		})
		minutes := func(all ...time.Duration) (ds []time.Duration) {
			for _, m := range all {
				ds = append(ds, m*time.Minute)
			}
			return ds
		}
		require.Equal(t, minutes(0, 2, 4, 9, 10, 12, 14, 16, 18), at)
		require.Equal(t, 19*time.Minute, time.Since(began))
	})
}

// TestLoopStops: Loop waits for the running tick, and none follows.
func TestLoopStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began, ticks := time.Now(), 0
		fleet.Loop(ctx, time.Minute, func(ctx context.Context) {
			ticks++
			cancel()
			require.Error(t, ctx.Err(), "it is told")
			time.Sleep(time.Hour)
		})
		require.Equal(t, 1, ticks)
		require.Equal(t, time.Hour, time.Since(began))
		fleet.Loop(ctx, time.Minute, func(context.Context) { require.Fail(t, "it was stopped before") })
	})
}
