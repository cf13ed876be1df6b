package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
)

// health answers whether ticks still end, however they end: a process that hangs is
// to be started anew, and one whose store is down is not.
type health struct {
	now func() time.Time
	// limit is the longest time from the end of a tick to that of the next.
	limit time.Duration
	// last is when a tick ended, or the process started, in milliseconds.
	last atomic.Int64
}

func newHealth(now func() time.Time, every time.Duration) *health {
	h := &health{now: now, limit: 2*every + 2*fleet.TickTime}
	h.ticked(now())
	return h
}

// ticked notes the end of a tick.
func (h *health) ticked(at time.Time) { h.last.Store(at.UnixMilli()) }

// ServeHTTP implements http.Handler.
func (h *health) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	ago := h.now().Sub(time.UnixMilli(h.last.Load())).Round(time.Second)
	if ago > h.limit {
		http.Error(w, fmt.Sprintf("the last tick ended %s ago: expected one every few minutes", ago), http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintf(w, "ok: the last tick ended, or the process started, %s ago\n", ago)
}
