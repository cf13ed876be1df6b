// Package reencrypt writes the encrypted parameters of a connection again, and so
// under the store's own key.
package reencrypt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// Parameter tells what became of one encrypted parameter.
type Parameter struct {
	Parameter string `json:"parameter"`
	// Left says why it still is under the key that it was under, and when another
	// run may help; empty where it was written.
	Left string `json:"left,omitempty"`
}

// Connection writes the encrypted parameters of a connection again. Their values
// stay. Psoxy's lock is left out, since its time means something.
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
func Connection(ctx context.Context, k *keeper.Keeper, conn family.Connection, log *slog.Logger) (done []Parameter, err error) {
	r, n := rewriting{k.Store, k.Sleep, log}, conn.Names()
	err = k.Alone(ctx, conn, log, func(ctx context.Context, s family.Snapshot) error {
		if !s.State.Empty() {
			done = append(done, Parameter{Parameter: n.Ledger}) // by the entry that announced us
		}
		for _, name := range []string{n.RefreshToken, n.AccessToken, n.ClientID, n.ClientSecret, n.ConsentState, n.ConsentTokens} {
			one, err := r.encrypted(ctx, name)
			switch {
			case err != nil || one.Version == 0:
			case name == n.RefreshToken && family.FieldOf(one).Value != s.State.Refresh:
				done = append(done, Parameter{name, "it holds what no tick has judged yet: run this again after the next one"})
			default:
				done = append(done, Parameter{Parameter: name})
				err = r.rewrite(ctx, name, one)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
	return done, err
}

// rewriting writes parameters again.
type rewriting struct {
	store store.Store
	sleep func(context.Context, time.Duration)
	log   *slog.Logger
}

// encrypted reads a parameter; without a version if it is not encrypted or absent.
func (r rewriting) encrypted(ctx context.Context, name string) (e store.Entry, err error) {
	err = r.retry(ctx, func() error {
		found, err := r.store.Read(ctx, name)
		if e = found[name]; e.Kind != store.Encrypted {
			e = store.Entry{}
		}
		return err
	})
	return e, err
}

// How often a parameter is written where others write it too, and how often a call is
// tried, with a pause between.
const (
	writes = 6
	calls  = 3
	pause  = 200 * time.Millisecond
)

// rewrite writes a parameter again as it was read, and puts back what others did
// to it meanwhile.
func (r rewriting) rewrite(ctx context.Context, name string, e store.Entry) error {
	for range writes {
		var version int64
		err := r.retry(ctx, func() (err error) {
			version, err = r.store.Write(ctx, name, e.Value, store.Encrypted)
			return err
		})
		switch {
		case err != nil:
			return err
		case version == e.Version+1:
			return nil
		case version <= e.Version: // its numbers begin again
			r.log.Warn("a parameter was deleted meanwhile, and is deleted again", "parameter", name)
			return r.retry(ctx, func() error {
				if err := r.store.Delete(ctx, name); !errors.Is(err, store.ErrNotFound) {
					return err
				}
				return nil
			})
		}
		r.log.Warn("a parameter was written meanwhile, and is put back", "parameter", name)
		err = r.retry(ctx, func() error {
			history, err := r.store.History(ctx, name, version-1)
			if err == nil && (len(history) < 2 || history[0].Version != version-1) {
				err = ledger.ErrStale
			}
			if err == nil {
				e = history[0]
				e.Version = version // what it is written over
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return errors.New("others keep writing it: try again in a minute")
}

// retry does what may fail, a few times.
func (r rewriting) retry(ctx context.Context, do func() error) (err error) {
	for call := range calls {
		if call > 0 {
			r.sleep(ctx, pause)
		}
		if err = do(); err == nil || errors.Is(err, store.ErrDenied) || ctx.Err() != nil {
			break
		}
	}
	return err
}
