package keeper

import (
	"context"
	"errors"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// How often calls are tried, and how long the pauses between attempts are.
const (
	fewAttempts  = 3
	firstPause   = 200 * time.Millisecond
	longestPause = 3 * time.Second
	// withoutDeadline bounds the attempts to save in an invocation that does not end.
	withoutDeadline = 20
)

// retry does what may fail, up to fewAttempts times, while the invocation has time and another
// attempt can help. A store that answers with older values gets one attempt more.
func (p parameters) retry(ctx context.Context, do func() error) error {
	for attempt := 0; ; attempt++ {
		err, attempts := do(), fewAttempts
		if errors.Is(err, ledger.ErrStale) {
			attempts++
		}
		if err == nil || final(err) || errors.Is(err, store.ErrDenied) || attempt+1 >= attempts || ctx.Err() != nil || !p.clock.left(pause(attempt)+lastCall) {
			return err
		}
		p.log.Warn("a call failed and is tried again", "error", err)
		p.sleep(ctx, pause(attempt))
	}
}

// final reports whether a call was refused for what it is, so that trying again cannot help.
func final(err error) bool {
	for _, reason := range []error{ledger.ErrOvertaken, store.ErrTooLarge, store.ErrEmpty, store.ErrNotText, store.ErrName} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

// pause is the wait after the given attempt, counted from 0.
func pause(attempt int) time.Duration {
	return min(longestPause, firstPause<<min(attempt, 10))
}

// Sleep waits for d, or until ctx ends.
func Sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
