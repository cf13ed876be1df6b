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
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// parameters reads and writes the parameters of one connection, and tries again
// where that may help.
type parameters struct {
	store.Store
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
	err = p.retry(ctx, fewAttempts, func() error {
		found, err = p.Store.Read(ctx, names...)
		return err
	})
	return found, err
}

// settled returns the ledger's last valid entry. A stale reading is repeated.
func (p parameters) settled(ctx context.Context, l *ledger.Ledger, newest store.Entry) (e ledger.Entry, err error) {
	first := true
	err = p.retry(ctx, fewAttempts, func() error {
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

// history reads the kept versions of a parameter from the given one on. One
// without the version that must exist is stale.
func (p parameters) history(ctx context.Context, name string, from, to int64) (entries []store.Entry, err error) {
	err = p.retry(ctx, fewAttempts, func() error {
		entries, err = p.Store.History(ctx, name, from)
		if err == nil && to > 0 && (len(entries) == 0 || entries[len(entries)-1].Version < to) {
			err = fmt.Errorf("%s: %w", name, ledger.ErrStale)
		}
		return err
	})
	return entries, err
}

// unfit is what the entries of a ledger say that are valid no more: it was deleted, and put
// back or moved. They are no ledger, but they know tokens and the age.
func (p parameters) unfit(ctx context.Context, newest store.Entry, connection string) (states []family.State) {
	if newest.Version == 0 {
		return nil
	}
	entries, err := p.history(ctx, p.names.Ledger, 0, 0)
	if err != nil {
		entries = []store.Entry{newest}
	}
	for _, e := range entries {
		entry := ledger.Peek(e, connection)
		if state, err := family.ParseState(entry.State, entry.Written, connection); err == nil {
			states = append(states, state)
		}
	}
	return states
}

// Aside is what the newest version of a ledger says where it is no valid entry.
func Aside(newest store.Entry, valid ledger.Entry, connection string) family.State {
	if newest.Version == valid.Version && !valid.State.IsZero() {
		return family.State{}
	}
	e := ledger.Peek(newest, connection)
	state, err := family.ParseState(e.State, e.Written, connection)
	if err != nil {
		return family.State{}
	}
	return state
}

// write writes a copy. It returns its version, and whether more than one attempt was
// needed.
func (p parameters) write(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (version int64, late bool, err error) {
	attempts := 0
	err = p.retry(ctx, fewAttempts, func() error {
		attempts++
		version, err = p.Store.Write(ctx, name, value, kind)
		return err
	})
	return version, attempts > 1, err
}

// retry does what may fail, up to the given number of attempts, while the
// invocation has time and another attempt can help. A store that answers, but with
// older values, gets one attempt more.
func (p parameters) retry(ctx context.Context, attempts int, do func() error) error {
	for attempt := 0; ; attempt++ {
		err := do()
		if errors.Is(err, ledger.ErrStale) && attempt+1 == attempts {
			attempts = fewAttempts + 1
		}
		if err == nil || final(err) || errors.Is(err, store.ErrDenied) || attempt+1 >= attempts || ctx.Err() != nil || !p.clock.left(pause(attempt)+lastCall) {
			return err
		}
		p.log.Warn("a call failed and is tried again", "error", err)
		p.sleep(ctx, pause(attempt))
	}
}

// final reports whether a call was refused for what it is, so that trying again
// cannot help.
func final(err error) bool {
	return errors.Is(err, store.ErrTooLarge) || errors.Is(err, store.ErrEmpty) || errors.Is(err, store.ErrNotText) || errors.Is(err, store.ErrName)
}

func describeState(name string, err error) error {
	return fmt.Errorf("%s: its newest entry %w; restore an earlier version of its value, or delete it to begin anew from REFRESH_TOKEN and TOKEN_FAMILY", name, err)
}
