package keeper

import (
	"context"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// Where psoxy does not rotate too, nothing in this file runs.

// takeLock takes psoxy's lock. A lock that is still there is stale, or else
// nothing would be presented now. The ledger keeps the doubt that it caused.
func (t *tick) takeLock(ctx context.Context, v view, d family.Decision) (err error) {
	t.lockedAt = t.clock.local()
	if v.LockTells(d.Candidate) {
		state := v.State.Doubting(v.PsoxysLock().Modified)
		if c := d.Candidate; c.Version > 0 && !d.FirstSpend.IsZero() {
			state.Inbox = state.Inbox.Presented(family.Pending{Version: c.Version, Token: family.FingerprintOf(c.Value), First: d.FirstSpend})
		}
		if _, err := t.append(ctx, v.base, state); err != nil {
			return err
		}
		t.memory.left = family.Field{}
	}
	var other store.Entry
	t.lock, other, err = psoxy.TakeLock(ctx, t.parameters, t.names.Lock, v.Lock.Version > 0, t.clock.now(), t.newMark(), t.Sleep)
	if found := family.FieldOf(other); found.Version > 0 && !psoxy.Ours(found.Value) {
		t.memory.met = family.Field{Version: found.Version, Modified: found.Modified}
	}
	return err
}

// unlock releases the lock that this tick holds.
func (t *tick) unlock(ctx context.Context) {
	if t.lock == nil {
		return
	}
	if err := t.lock.Release(context.WithoutCancel(ctx), elapsed(t.lockedAt, t.clock.local())); err != nil {
		t.log.Warn("psoxy's lock could not be released and will go stale", "error", err)
	}
	t.lock = nil
}
