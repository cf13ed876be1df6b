package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
)

// pulse answers whether ticks still end, with success or not. A process that hangs
// must be restarted; one whose store fails must not.
type pulse struct {
	now func() time.Time
	// limit is the longest time from the end of a tick to that of the next.
	limit time.Duration
	// last is when a tick ended, or the process started, in milliseconds.
	last atomic.Int64
}

func newPulse(now func() time.Time, every time.Duration) *pulse {
	p := &pulse{now: now, limit: 2*every + 2*fleet.TickTime}
	p.ticked(now())
	return p
}

// ticked notes the end of a tick.
func (p *pulse) ticked(at time.Time) { p.last.Store(at.UnixMilli()) }

// ServeHTTP implements http.Handler.
func (p *pulse) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	ago := p.now().Sub(time.UnixMilli(p.last.Load())).Round(time.Second)
	if ago > p.limit {
		http.Error(w, fmt.Sprintf("the last tick ended %s ago: expected one every few minutes", ago), http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintf(w, "ok: the last tick ended, or the process started, %s ago\n", ago)
}
