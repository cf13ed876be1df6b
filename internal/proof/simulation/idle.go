package simulation

import (
	"bytes"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

// idleness knows which ticks would do nothing. Such a tick reads, decides that
// nothing is due and writes nothing. Leaving it out changes only the count of
// operations and the clock, and both are made up for.
//
// A tick is left out if the last two of the same process did nothing. One is enough
// where it read no history, from which it could have learned, and cost the usual; so is one
// that did nothing but publish TOKEN_FAMILY. Nothing may have been wrong, and the store must
// not have changed since. Nothing may be going to happen, and no wait of the keeper may end
// before the tick has read the store.
// TestSkippedTicksChangeNothing compares runs with and without.
type idleness struct {
	never, valid bool
	by           *actor
	// until is when the last tick may begin that finds nothing due.
	until time.Time
	// last is what the last tick cost, if it did nothing. usual is what such ticks of the
	// process cost that learn nothing: two in a row have cost the same. next is what the
	// next tick costs, where it is left out.
	last, usual, next cost
	// writes are the changes of the store up to then.
	writes int
}

// cost is what a tick that does nothing changes: the count of operations, and the clock.
type cost struct {
	ops  int
	took time.Duration
	// failed: the platform saw it fail.
	failed bool
}

// observe looks at a tick that ended, which took so many operations and wrote so often.
func (i *idleness) observe(w *world, a *actor, out keeper.Outcome, failed bool, ops, wrote int) {
	before, took := i.last, w.now.Sub(a.begun)
	i.valid, i.last = false, cost{}
	published := wrote == 1 && w.slots[slotFamily].by == a && !w.slots[slotFamily].entry.Modified.Before(a.begun)
	if wrote > 0 && !published || !a.idled(out) || i.disturbed(w, a.begun) {
		return
	}
	if i.by != a {
		i.usual, before = cost{}, cost{}
	}
	i.next = cost{ops, took, failed}
	if published {
		i.next = cost{ops - 1, took - storeLatency, failed} // the next tick finds it as it must be
	} else if i.last = i.next; i.last == before && !a.learned {
		i.usual = i.last
	}
	i.until = rests(w, a.begun, out.Action == keeper.Refused).Add(-took)
	i.by, i.writes = a, w.writes
	again := before.ops > 0 && !published
	i.valid = w.armed && (again || i.next == i.usual && !a.learned)
}

// idled reports whether a tick found nothing due, and met nothing.
func (a *actor) idled(out keeper.Outcome) bool {
	return !a.dead && a.trouble == 0 && (out.Action == keeper.Idle || out.Action == keeper.Refused)
}

// disturbed reports whether something may make the next tick different from this one.
func (i *idleness) disturbed(w *world, begun time.Time) bool {
	lock := &w.slots[slotLock].entry
	return !w.busy.Before(begun) || begun.Before(w.stale.until) || begun.Before(w.clocks.until) || w.obstructed() ||
		lock.Version != 0 && begun.Sub(lock.Modified) < reuseInterval
}

// keeperWaits are the waits of a keeper that begin at a time in the ledger: before
// it asks about a token again, and for the end of the leeway.
var keeperWaits = [...]time.Duration{time.Minute, 9*time.Minute + 30*time.Second, time.Hour, 6 * time.Hour}

// rests returns how long a keeper that found nothing to do finds nothing, judging by
// the ledger and the copies. It is zero where they do not show that.
func rests(w *world, now time.Time, refused bool) (until time.Time) {
	ledger := &w.slots[slotLedger].entry
	var stack [8192]byte
	_, state, _ := bytes.Cut(ledger.Value.AppendReveal(stack[:0]), []byte(`"state":`))
	if ledger.Version == 0 || ledger.Version != w.oracle.chain.valid || bytes.Contains(state, []byte(`"failure":`)) {
		return time.Time{}
	}
	until = now.Add(24 * time.Hour)
	if !refused {
		if !published(w, state) {
			return time.Time{}
		}
		expiry, _ := textAfter(state, `"access_expires_at":"`)
		expires, _ := time.Parse(time.RFC3339, string(expiry))
		until = expires.Add(-family.DefaultPolicy().RefreshBefore)
	}
	return waitEnds(state, now.Truncate(time.Second), until)
}

// waitEnds is the end of the first wait after now that began at a time in a state,
// or until if that is earlier.
func waitEnds(state []byte, now, until time.Time) time.Time {
	for _, name := range []string{`"at":"`, `"first":"`} {
		for at, rest := textAfter(state, name); rest != nil; at, rest = textAfter(rest, name) {
			began, _ := time.Parse(time.RFC3339, string(at))
			for _, wait := range keeperWaits {
				if ends := began.Add(wait); ends.After(now) && ends.Before(until) {
					until = ends
				}
			}
		}
	}
	return until
}

// published reports whether the copies hold the tokens of a ledger's state.
func published(w *world, state []byte) bool {
	access, _ := textAfter(state, `"access_token":"`)
	return w.slots[slotRefresh].entry.Value == w.oracle.chain.token && fingerprint(accessIn(w.slots[slotAccess].entry.Value)) == string(access)
}

// textAfter returns the text between a mark and the next quotation mark, and what
// follows. Without the mark that is nil.
func textAfter(s []byte, mark string) (text, rest []byte) {
	_, s, found := bytes.Cut(s, []byte(mark))
	if !found {
		return nil, nil
	}
	text, rest, _ = bytes.Cut(s, []byte(`"`))
	return text, rest
}

// skips reports whether the tick at the given time can be left out.
func (i *idleness) skips(w *world, at time.Time) bool {
	if i.never || !i.valid || i.writes != w.writes || i.by != w.proc || w.now.After(at) || at.After(i.until) ||
		w.down != 0 || len(w.others) > 0 || w.now.Before(w.stale.until) {
		return false
	}
	if len(w.faults) > 0 && w.faults[0].At < w.ops+i.next.ops {
		return false
	}
	for _, e := range w.agenda {
		if e.at.Before(at.Add(time.Second)) {
			return false
		}
	}
	return true
}
