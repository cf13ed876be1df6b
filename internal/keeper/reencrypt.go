package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// Reencrypted tells what became of one encrypted parameter.
type Reencrypted struct {
	Parameter string `json:"parameter"`
	// Left says why it still is under the key that it was under, and when another
	// run may help; empty where it was written.
	Left string `json:"left,omitempty"`
}

// Reencrypt writes the encrypted parameters of a connection again, and so under
// the store's own key. Their values stay. Psoxy's lock is left out, since its time
// means something.
//
// It may run beside ticks and consents. The ledger gets an unchanged entry, by the
// rule for all entries. If another was written at the same time, ours is invalid,
// and the next attempt builds on that one. No other parameter can be written on a
// condition. For another parameter the version number shows that it was written or
// deleted between the reading and the writing. That value is then restored. A run
// that dies in between leaves an older copy, which the next tick repairs, or an
// older secret of the app, which a person must store again. Where psoxy rotates
// too, its lock keeps it away.
//
// After an error it may be run again.
func (k *Keeper) Reencrypt(ctx context.Context, conn family.Connection, log *slog.Logger) ([]Reencrypted, error) {
	t := k.open(ctx, conn, log)
	defer t.memory.mu.Unlock()
	defer t.unlock(ctx)
	v, err := t.lookLocked(ctx)
	if err != nil {
		return nil, err
	}
	var done []Reencrypted
	if !v.State.Empty() {
		if v, err = (consenting{t}).announce(ctx); err != nil {
			return nil, err
		}
		done = append(done, Reencrypted{Parameter: t.names.Ledger})
	}
	n := t.names
	for _, name := range []string{n.RefreshToken, n.AccessToken, n.ClientID, n.ClientSecret, n.ConsentState, n.ConsentTokens} {
		one, err := t.reencrypt(ctx, name, v)
		if one != nil {
			done = append(done, *one)
		}
		if err != nil {
			return done, fmt.Errorf("%s: %w", name, err)
		}
	}
	return done, nil
}

// lookLocked looks at the connection, where psoxy rotates too under psoxy's lock.
func (t *tick) lookLocked(ctx context.Context) (view, error) {
	v, err := t.look(ctx)
	if err == nil && v.Shared() {
		if v.Lock.Version > 0 && v.Now.Sub(v.Lock.Modified) < family.Lease {
			return view{}, fmt.Errorf("%s is held since %s: try again in two minutes", t.names.Lock, v.Lock.Modified.UTC().Format(time.RFC3339))
		}
		if err := t.takeLock(ctx, v, family.Decision{}); err != nil {
			return view{}, fmt.Errorf("%s cannot be taken: %w", t.names.Lock, err)
		}
		v, err = t.look(ctx) // what was read may have changed before
	}
	if err != nil {
		return view{}, fmt.Errorf("reading the parameters failed: %w", err)
	}
	return v, nil
}

// reencrypt writes one parameter again; nil where there is nothing to do.
func (t *tick) reencrypt(ctx context.Context, name string, v view) (*Reencrypted, error) {
	found, err := t.params.Read(ctx, name)
	e := found[name]
	if err != nil || e.Version == 0 || e.Kind != store.Encrypted {
		return nil, err
	}
	if name == t.names.RefreshToken && family.FieldOf(e).Value != v.State.Refresh {
		return &Reencrypted{name, "it holds what no tick has judged yet: run this again after the next one"}, nil
	}
	return &Reencrypted{Parameter: name}, t.params.rewrite(ctx, name, e)
}

// rewrite writes a parameter again as it was read, and puts back what others did
// to it meanwhile.
func (p parameters) rewrite(ctx context.Context, name string, e store.Entry) error {
	for range 2 * fewAttempts {
		version, _, err := p.write(ctx, name, e.Value, store.Encrypted)
		switch {
		case err != nil:
			return err
		case version == e.Version+1:
			return nil
		case version <= e.Version: // its numbers begin again
			p.log.Warn("a parameter was deleted meanwhile, and is deleted again", "parameter", name)
			return p.delete(ctx, name)
		}
		p.log.Warn("a parameter was written meanwhile, and is put back", "parameter", name)
		history, err := p.history(ctx, name, version-1, version)
		if err != nil {
			return err
		}
		if history[0].Version != version-1 {
			return ledger.ErrStale
		}
		e = history[0]
		e.Version = version // what it is written over
	}
	return errors.New("others keep writing it: try again in a minute")
}
