package atlassiantest

import (
	"sync"
	"time"
)

// TimeSource tells the emulator the time. It must be safe for concurrent use.
type TimeSource interface {
	Now() time.Time
}

// Clock is a TimeSource that tests control. A clock of NewClock moves only by
// Advance and Set. A clock of NewRunningClock also runs with the machine's time.
// Both are safe for concurrent use.
type Clock struct {
	mu      sync.RWMutex
	running bool
	at      time.Time     // the time, if not running
	offset  time.Duration // distance from the machine's time, if running
}

// NewClock returns a clock that shows start until it is moved.
func NewClock(start time.Time) *Clock {
	return &Clock{at: start.Round(0).UTC()}
}

// NewRunningClock returns a clock that shows the machine's time. After Advance or
// Set it runs on from the new time.
func NewRunningClock() *Clock {
	return &Clock{running: true}
}

// Now returns the clock's time in UTC, without a monotonic reading.
func (c *Clock) Now() time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	if c.running {
		return time.Now().Round(0).UTC().Add(c.offset)
	}
	return c.at
}

// Advance moves the clock by d, which may be negative, and returns the new time.
func (c *Clock) Advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running {
		c.offset += d
	} else {
		c.at = c.at.Add(d)
	}
	return c.now()
}

// Set moves the clock to t and returns the new time.
func (c *Clock) Set(t time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t = t.Round(0).UTC()
	if c.running {
		c.offset = t.Sub(time.Now().Round(0))
	} else {
		c.at = t
	}
	return c.now()
}

// Running reports whether the clock moves by itself.
func (c *Clock) Running() bool { return c.running }
