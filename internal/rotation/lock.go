package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// lease is a lock that this tick took.
type lease struct {
	value  atlassian.Secret
	intent family.Intent
	// since is when taking it began, by this process's clock.
	since time.Time
	// version of REFRESH_TOKEN under the lock: what was written up to it was known
	// when its token was decided upon.
	version int64
	// locked is when, by the store's clock, the lock was written.
	locked time.Time
}

// errLost: somebody else has, or may have, the lock.
type errLost struct{ why string }

func (e errLost) Error() string { return e.why }

// take takes the lock with the given intent (invariants 1 and 6): it creates
// it, or overwrites the very version that was read, stale or this process's
// own. Then it reads lock and refresh token again in one call: a create right
// after a delete is not always exclusive, and the token must still be the one
// decided upon.
//
// The lock is encrypted, though nothing in it is secret: taking it shows that the
// key, too, takes what has to be saved.
func (t *tick) take(ctx context.Context, s family.Snapshot, in family.Intent) (lease, error) {
	since := t.Now()
	in.Owner = t.owner()
	l := lease{value: family.EncodeLock(since, in), since: since, intent: in}

	var err error
	if s.Lock == nil {
		t.state.overtaken = nil
		err = t.create(ctx, l)
	} else {
		err = t.takeOver(ctx, l, *s.Lock)
	}
	if err != nil {
		return lease{}, err
	}
	return l, t.verify(ctx, &l, s)
}

func (t *tick) create(ctx context.Context, l lease) error {
	_, err := t.Store.Create(ctx, t.names.Lock, l.value, store.Encrypted)
	if !errors.Is(err, store.ErrExists) {
		return err
	}
	// The call's own repetition after a lost answer finds our lock: verify
	// tells it from another's.
	return nil
}

// takeOver overwrites a lock, and proves by its history that this process was
// the first to do so: after the lock that is taken over, which was read, or from
// the first version of one that was created anew meanwhile, come this process's
// own values only. Of these there can be several, where answers were lost. The
// history also tells by the store's clock, whatever this process's says, how old
// that lock was. Who was wrong puts the lock back.
func (t *tick) takeOver(ctx context.Context, l lease, old family.Lock) error {
	if t.state.overtaken == nil || !old.OwnedBy(t.Process) {
		t.state.overtaken = &old
	}
	first := *t.state.overtaken
	version, err := t.Store.Write(ctx, t.names.Lock, l.value, store.Encrypted)
	if err != nil {
		return err
	}
	history, err := t.history(ctx, t.names.Lock, 1, version)
	if err != nil {
		return fmt.Errorf("reading the lock that was taken over: %w", err)
	}
	since := slices.IndexFunc(history, func(e store.Entry) bool { return e.Version == first.Version && e.Value == first.Raw })
	switch {
	case since < 0 && history[0].Version != 1:
		t.state.overtaken = nil
		return errLost{"the lock was written so often that it cannot be told whose it is"}
	case since >= 0 && since+1 < len(history) && !first.OwnedBy(t.Process) && history[since+1].Modified.Sub(first.Modified) < family.LockStale:
		return t.yieldTo(ctx, history[since], "by the store's clock the lock was not stale yet: this process's clock is wrong")
	}
	for _, e := range history[since+1:] {
		if e.Version <= version && !family.ParseLock(e).OwnedBy(t.Process) {
			return t.yieldTo(ctx, e, "another process took the stale lock over, or created it anew, at the same time")
		}
	}
	// From here on the proof need not go further back than this, which the
	// history forgets after a hundred versions.
	ours := family.ParseLock(store.Entry{Value: l.value, Version: version})
	t.state.overtaken = &ours
	return nil
}

// yieldTo puts the lock back whose holder is right.
func (t *tick) yieldTo(ctx context.Context, e store.Entry, why string) error {
	if _, err := t.Store.Write(ctx, t.names.Lock, e.Value, store.Encrypted); err != nil {
		t.log.Warn("the lock of another process was written over, and could not be put back", "error", err)
	}
	return errLost{why}
}

// verify reads lock and refresh token again; a stale answer gets another chance.
func (t *tick) verify(ctx context.Context, l *lease, s family.Snapshot) error {
	var err error
	for attempt := range readAttempts {
		var entries map[string]store.Entry
		if entries, err = t.Store.Read(ctx, t.names.Lock, t.names.RefreshToken); err == nil {
			lock, token := entries[t.names.Lock], family.FieldOf(entries[t.names.RefreshToken])
			switch {
			case lock.Value != l.value:
				err = errLost{"another process holds the lock"}
			case t.stale(entries):
				err = errLost{errStale.Error()}
			case token.Value != s.RefreshToken.Value:
				t.release(ctx, *l)
				return errLost{"the refresh token changed after it was read"}
			default:
				l.version, l.locked = max(s.RefreshToken.Version, token.Version), lock.Modified
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

// announce writes into the lock which refresh token is about to be saved, if it
// does not say so yet. It is no reason to delay the save for long, nor to be
// without it: where it fails, a crash leaves what is saved looking like a person's.
func (t *tick) announce(ctx context.Context, l *lease, successor family.Fingerprint) {
	if l.intent.Successor == successor || elapsed(l.since, t.Now()) > family.LockStale-releaseMargin {
		return // or the lock may be another's by now
	}
	in := l.intent
	in.Successor = successor
	value := family.EncodeLock(l.since, in)
	ctx, cancel := context.WithTimeout(ctx, announceTimeout)
	defer cancel()
	for attempt := range fewAttempts {
		_, err := t.Store.Write(ctx, t.names.Lock, value, store.Encrypted)
		if err == nil {
			l.value, l.intent = value, in
			return
		}
		t.log.Warn("the lock does not name the token that is about to be saved", "error", err)
		if attempt < fewAttempts-1 && ctx.Err() == nil {
			t.Sleep(ctx, pause(attempt))
		}
	}
}

// announceTimeout bounds what a save waits for.
const announceTimeout = 2 * time.Second

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
