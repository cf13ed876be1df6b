package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// lease is a lock that this tick took.
type lease struct {
	value atlassian.Secret
	// since is when taking it began, by this process's clock.
	since time.Time
}

// errLost: somebody else has, or may have, the lock.
type errLost struct{ why string }

func (e errLost) Error() string { return e.why }

// take takes the lock with the given intent (invariants 1 and 6): it creates
// it, or overwrites the very version that was read, stale or this process's
// own. Then it reads lock and refresh token again in one call: a create right
// after a delete is not always exclusive, and the token must still be the one
// decided upon.
func (t *tick) take(ctx context.Context, s family.Snapshot, in family.Intent) (lease, error) {
	since := t.Now()
	in.Owner, in.Attempt = t.owner(), since
	l := lease{value: family.EncodeLock(since, in), since: since}

	var err error
	if s.Lock == nil {
		err = t.create(ctx, l)
	} else {
		err = t.takeOver(ctx, l, *s.Lock)
	}
	if err != nil {
		return lease{}, err
	}
	return l, t.verify(ctx, l, s)
}

func (t *tick) create(ctx context.Context, l lease) error {
	_, err := t.Store.Create(ctx, t.names.Lock, l.value, store.Plain)
	if !errors.Is(err, store.ErrExists) {
		return err
	}
	// The call's own repetition after a lost answer finds our lock: verify
	// tells it from another's.
	return nil
}

// takeOver overwrites a lock. The versions say that nobody else wrote in
// between: the one before our first is the one that was read, even if the lock
// may have been deleted and created anew, and those up to the one returned are
// our own, of a call that was repeated because its answer was lost.
func (t *tick) takeOver(ctx context.Context, l lease, old family.Lock) error {
	version, err := t.Store.Write(ctx, t.names.Lock, l.value, store.Plain)
	if err != nil {
		return err
	}
	if version <= old.Version {
		return errLost{"the stale lock was released and taken by another process at the same time"}
	}
	history, err := t.history(ctx, t.names.Lock, old.Version, version)
	if err != nil {
		return fmt.Errorf("reading the lock that was taken over: %w", err)
	}
	for i, e := range history {
		if i == 0 && (e.Version != old.Version || e.Value != old.Raw) || i > 0 && e.Value != l.value {
			return errLost{"another process took the stale lock over, or released it, at the same time"}
		}
	}
	return nil
}

// verify reads lock and refresh token again; a stale answer gets another chance.
func (t *tick) verify(ctx context.Context, l lease, s family.Snapshot) error {
	var err error
	for attempt := range readAttempts {
		var entries map[string]store.Entry
		if entries, err = t.Store.Read(ctx, t.names.Lock, t.names.RefreshToken); err == nil {
			switch now := family.NewSnapshot(t.conn.Name, entries); {
			case now.Lock == nil || now.Lock.Raw != l.value:
				err = errLost{"another process holds the lock"}
			case t.stale(entries):
				err = errLost{errStale.Error()}
			case now.Token() != s.Token():
				t.release(ctx, l)
				return errLost{"the refresh token changed after it was read"}
			default:
				return nil
			}
		}
		if attempt < readAttempts-1 {
			t.Sleep(ctx, pause(attempt))
		}
	}
	return err
}

// inTime reports, at this very moment, whether the lease has time left for a
// token request and the saves after it, and the invocation too. A process that
// was paused since it took the lock finds that it has not.
func (t *tick) inTime(l lease) error {
	const need = family.PostTimeout + family.SaveReserve
	if held := elapsed(l.since, t.Now()); held+need > family.LockStale {
		return fmt.Errorf("the lock is held for %s already, too long to begin a token request under it", held.Round(time.Second))
	}
	if !t.left(need) {
		return fmt.Errorf("less than %s are left of this invocation, too little for a token request and for saving its answer: raise the function's time-out", need)
	}
	return nil
}

// release deletes the lock if it is still ours. While the lease lasts nobody
// else may have taken it; afterwards the store is asked. A lock that stays
// behind does no harm: it goes stale, and its intent names a token that is no
// longer the newest.
func (t *tick) release(ctx context.Context, l lease) {
	if elapsed(l.since, t.Now()) > family.LockStale-releaseMargin {
		entries, err := t.Store.Read(ctx, t.names.Lock)
		if err != nil || entries[t.names.Lock].Value != l.value {
			t.log.Warn("the lock is not ours any more, or cannot be read: it is left alone")
			return
		}
	}
	if err := t.Store.Delete(ctx, t.names.Lock); err != nil {
		t.log.Warn("the lock could not be released and will go stale", "error", err)
	}
}

// releaseMargin is the time a delete may take to arrive.
const releaseMargin = 15 * time.Second
