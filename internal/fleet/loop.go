package fleet

import (
	"context"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// TickTime is how long a tick lasts at most.
const TickTime = family.Lease

// Loop calls tick at once and then at every interval, until ctx is cancelled, and
// returns when the last call has returned. Two calls never run at the same time: a
// tick that comes due during another is left out.
//
// The context of a call ends with ctx and after TickTime. A tick begins no rotation
// under a cancelled one, and saves what is under way until its deadline.
func Loop(ctx context.Context, every time.Duration, tick func(context.Context)) {
	due := time.NewTicker(every)
	defer due.Stop()
	for ctx.Err() == nil {
		one, cancel := context.WithTimeout(ctx, TickTime)
		tick(one)
		cancel()
		select {
		case <-ctx.Done():
		case <-due.C:
		}
	}
}
