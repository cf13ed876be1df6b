package simulation

import (
	"bytes"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

// idleness knows which ticks would be idle. Such a tick reads, decides that
// nothing is due and writes nothing, so that leaving it out changes nothing but
// the count of operations and the clock, which are made up for.
//
// A tick is left out if the last one of the same process was idle, wrote nothing,
// and nothing was wrong, the store did not change since, nothing is going to
// happen, and the access token that TOKEN_FAMILY describes will have 25 minutes
// left when the tick has read the store.
// TestSkippedTicksChangeNothing compares runs with and without.
type idleness struct {
	never, valid bool
	by           *actor
	// foreign counts the changes of the store by others than ticks.
	foreign int
	// until is when the last tick may begin that finds nothing due.
	until time.Time
	// ops are the operations of an idle tick that followed another.
	ops int
}

// observe looks at a tick that ended.
func (i *idleness) observe(w *world, a *actor, out keeper.Outcome, ops int, wrote bool) {
	again := i.by == a && i.ops > 0
	i.valid, i.ops = false, 0
	if a.dead || out.Action != keeper.Idle || wrote || a.trouble != 0 || !w.busy.Before(a.begun) ||
		w.slots[slotLock].entry.Version != 0 || a.begun.Before(w.stale.until) || a.begun.Before(w.clocks.until) || w.obstructed() {
		return
	}
	i.by, i.ops = a, ops
	i.valid = again && w.armed
	i.until = w.accessExpires().Add(-family.DefaultPolicy().RefreshBefore - w.readLatency())
}

// obstructed reports whether a name is denied or labelled.
func (w *world) obstructed() bool {
	for n := range w.slots {
		s := &w.slots[n]
		if w.now.Before(s.unreadable) || w.now.Before(s.unwritable) || w.now.Before(s.labelled) {
			return true
		}
	}
	return false
}

// accessExpires is the expiry in TOKEN_FAMILY; zero if it has none.
func (w *world) accessExpires() time.Time {
	var stack [4096]byte
	_, value, _ := bytes.Cut(w.slots[slotFamily].entry.Value.AppendReveal(stack[:0]), []byte(`"access_expires_at":"`))
	value, _, _ = bytes.Cut(value, []byte(`"`))
	at, _ := time.Parse(time.RFC3339, string(value))
	return at
}

// skips reports whether the tick at the given time can be left out.
func (i *idleness) skips(w *world, at time.Time) bool {
	if i.never || !i.valid || i.by != w.proc || w.now.After(at) || at.After(i.until) ||
		w.down != 0 || len(w.others) > 0 || w.now.Before(w.stale.until) {
		return false
	}
	if len(w.faults) > 0 && w.faults[0].At < w.ops+i.ops {
		return false
	}
	for _, e := range w.agenda {
		if e.at.Before(at.Add(time.Second)) {
			return false
		}
	}
	return true
}
