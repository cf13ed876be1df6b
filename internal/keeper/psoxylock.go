package keeper

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// psoxyLock is psoxy's lock, held by this tick.
type psoxyLock struct {
	value atlassian.Secret
	// since is when taking it began, by the local clock.
	since time.Time
}

// lockSettles is the wait after creating the lock: psoxy looks after at most
// 300 ms whether what it wrote still stands.
const lockSettles = 3 * time.Second

var errLocked = errors.New("another process holds it")

// shares reports whether psoxy rotates too: it stores access tokens in its own
// form. Everywhere else nothing in this file runs.
func (t *tick) shares(v view) bool { return v.format == family.PsoxyJSON }

// takeLock takes psoxy's lock as psoxy does: it creates the parameter, waits,
// and looks whether its own value stands there. What was left behind is deleted
// first; it is stale, or else nothing would be presented now. The ledger remembers
// the doubt that it told of.
func (t *tick) takeLock(ctx context.Context, v view, d family.Decision) error {
	l := &psoxyLock{since: t.clock.local(),
		value: atlassian.NewSecret("locked_" + strconv.FormatInt(t.clock.now().UnixMilli(), 10) + " " + t.mark())}
	if v.Lock.Version > 0 {
		if v.LockTells(d.Candidate) {
			state := v.State.Doubting(v.Lock.Modified)
			if _, err := t.append(ctx, ledger.NewDraft(t.conn.Name, v.base, state.Encode(), t.clock.now(), t.mark())); err != nil {
				return err
			}
		}
		if err := t.Store.Delete(ctx, t.names.Lock); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	if _, err := t.Store.Create(ctx, t.names.Lock, l.value, store.Plain); err != nil && !errors.Is(err, store.ErrExists) {
		return err
	}
	t.Sleep(ctx, lockSettles)
	found, err := t.params.get(ctx, t.names.Lock)
	if err != nil {
		return err
	}
	if found[t.names.Lock].Value != l.value {
		return errLocked
	}
	t.lock = l
	return nil
}

// unlock deletes the lock that this tick holds. One that is not surely ours any
// more is left to go stale.
func (t *tick) unlock(ctx context.Context) {
	if t.lock == nil {
		return
	}
	const margin = 15 * time.Second // for the delete to arrive
	if elapsed(t.lock.since, t.clock.local()) > family.Lease-margin {
		t.log.Warn("psoxy's lock was held for too long to be surely ours: it is left to go stale")
		return
	}
	if err := t.Store.Delete(context.WithoutCancel(ctx), t.names.Lock); err != nil {
		t.log.Warn("psoxy's lock could not be released and will go stale", "error", err)
	}
	t.lock = nil
}
