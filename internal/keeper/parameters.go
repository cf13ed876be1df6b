package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// parameters reads and writes the parameters of one connection, and tries again
// where that may help.
type parameters struct {
	store.Store
	conn  family.Connection
	names family.Names
	clock *clock
	sleep func(context.Context, time.Duration)
	log   *slog.Logger
}

// read reads the whole connection in one call. Where access to one of the names
// is denied, the copies are read one by one: what cannot be read of them stops
// no rotation, and is returned as denied.
func (p parameters) read(ctx context.Context) (found map[string]store.Entry, denied []string, err error) {
	n := p.names
	needed := []string{n.Ledger, n.ClientID, n.ClientSecret}
	copies := []string{n.RefreshToken, n.AccessToken, n.Family, n.CloudID, n.Lock}
	found, err = p.Read(ctx, append(needed, copies...)...)
	if !errors.Is(err, store.ErrDenied) {
		return found, nil, err
	}
	whole := err
	if found, err = p.Read(ctx, needed...); err != nil {
		return nil, nil, err
	}
	for _, name := range copies {
		one, err := p.Read(ctx, name)
		if err != nil {
			p.log.Error("a parameter cannot be read", "parameter", name, "error", err)
			denied = append(denied, name)
		}
		maps.Copy(found, one)
	}
	if len(denied) == len(copies) {
		return nil, nil, whole
	}
	return found, denied, nil
}

// Read reads parameters, and again where that may help.
func (p parameters) Read(ctx context.Context, names ...string) (found map[string]store.Entry, err error) {
	err = p.retry(ctx, func() error {
		found, err = p.Store.Read(ctx, names...)
		return err
	})
	return found, err
}

// newestEntry returns the ledger's last valid entry, given the newest version of the parameter.
// Each further attempt reads that again: it may have been stale.
func (p parameters) newestEntry(ctx context.Context, l *ledger.Ledger, newest store.Entry) (e ledger.Entry, err error) {
	first := true
	err = p.retry(ctx, func() error {
		if !first {
			found, err := p.Store.Read(ctx, p.names.Ledger)
			if err != nil {
				return err
			}
			newest = found[p.names.Ledger]
		}
		first = false
		e, err = l.Newest(ctx, newest)
		return err
	})
	if err != nil {
		return ledger.Entry{}, fmt.Errorf("%s: %w", p.names.Ledger, err)
	}
	return e, nil
}

// history reads the versions of a parameter that are kept, oldest first. A reading that ends
// before the version to is stale, and repeated.
func (p parameters) history(ctx context.Context, name string, to int64) (entries []store.Entry, err error) {
	err = p.retry(ctx, func() error {
		entries, err = p.Store.History(ctx, name, 0)
		if err == nil && to > 0 && (len(entries) == 0 || entries[len(entries)-1].Version < to) {
			err = fmt.Errorf("%s: %w", name, ledger.ErrStale)
		}
		return err
	})
	return entries, err
}

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
