package keeper

import (
	"cmp"
	"context"
	"time"
)

// clock is the store's clock as far as a tick knows it: the time of the last
// reading, and what has elapsed since. So a local clock that is wrong decides
// nothing. Only the invocation's deadline is compared with it.
type clock struct {
	local func() time.Time
	// deadline is when the invocation ends, by the local clock; zero if it does not.
	deadline time.Time
	// store and read are one moment by both clocks.
	store, read time.Time
}

// set notes the store's time of a reading that has just ended, and returns it.
// Where the store does not tell the time, the local time counts.
func (c *clock) set(store time.Time) time.Time {
	c.read = c.local()
	c.store = cmp.Or(store, c.read)
	return c.store
}

// notBefore moves the clock forward to when the store wrote what was just put. A reading
// tells whole seconds, rounded down.
func (c *clock) notBefore(written time.Time) {
	if local := c.local(); written.After(c.at(local)) {
		c.store, c.read = written, local
	}
}

func (c *clock) now() time.Time { return c.at(c.local()) }

func (c *clock) at(local time.Time) time.Time { return c.store.Add(elapsed(c.read, local)) }

// left reports whether the invocation has at least d left.
func (c *clock) left(d time.Duration) bool {
	return c.deadline.IsZero() || c.deadline.Sub(c.local()) >= d
}

// elapsed is the time from a to b by the clock that saw more of it. The monotonic
// clock misses a suspended machine; the wall clock can be set back.
func elapsed(a, b time.Time) time.Duration {
	return max(0, b.Sub(a), b.Round(0).Sub(a.Round(0)))
}

// What is kept free at the end of an invocation.
const (
	// lastCall is for the metrics and the report.
	lastCall = 8 * time.Second
	// giveUp is how long before the end of the invocation hanging calls are
	// cancelled.
	giveUp = 3 * time.Second
)

// uncancelled is ctx without its cancellation: what is received must be saved,
// even if the caller has gone. It ends a moment before the platform would kill the
// process. Where the clock has jumped, it still leaves time for one call.
func (c *clock) uncancelled(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = context.WithoutCancel(ctx)
	if c.deadline.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, max(c.deadline.Sub(c.local())-giveUp, lastCall))
}

// Sleep waits for d, or until ctx ends.
func Sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
