package simulation

import (
	"bytes"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Result is the end of a run.
type Result struct {
	Counters
	// Rotations are the successors that keepers received.
	Rotations int
	// Simulated is how long the run was.
	Simulated time.Duration
	// Operations are all that were counted.
	Operations int
	// Losses are the unavoidable ones by reason.
	Losses map[string]int
	// Struck are the faults that struck, by kind.
	Struck [kindEnd]int
	// steps are the kinds of operation, in their order, where the plan asks.
	steps []operation
	// final is the state at the end, for comparisons.
	final [slotCount]store.Entry
}

// settled is how long a run goes on after the last trouble: longer than any
// wait of the protocol.
const settled = 210 * time.Minute

// longest is a run's end, even if some faults found nothing to strike.
const longest = 400 * 24 * time.Hour

// Run carries out a plan.
func Run(p Plan) Result {
	w := newWorld(p.Seed, p.Settings, p.broken)
	w.prepare(p.Situation)
	w.idle.never = p.EveryTick
	w.trace, w.record = p.Trace, p.record
	w.armed, w.faults = true, p.Faults.sorted()
	begun := w.now
	w.busy = begun
	for {
		w.advanceTo(w.nextTick)
		w.letOthers(true)
		at := w.nextTick
		w.nextTick = at.Add(tickEvery)
		switch {
		case w.now.Before(w.noTicks):
		case w.recycle:
			w.recycle = false
			w.proc.dead = true
			w.proc = w.spawn()
			fallthrough
		default:
			w.serve(at)
		}
		ran := w.now.Sub(begun)
		quiet := len(w.agenda) == 0 && w.down == 0 && w.now.Sub(w.busy) > settled && w.now.Sub(w.noTicks) > settled
		if quiet && ran >= p.For && (len(w.faults) == 0 || ran > p.For+2*24*time.Hour) || ran > longest {
			break
		}
	}
	w.oracle.judge(true)
	r := Result{steps: w.steps, Counters: w.oracle.Counters, Rotations: w.oracle.rotations, Simulated: w.now.Sub(begun),
		Operations: w.ops, Losses: w.oracle.losses, Struck: w.struck}
	for i := range w.slots {
		r.final[i] = w.slots[i].entry
	}
	return r
}

// serve is one event of the scheduler, and those that it delivers twice.
func (w *world) serve(at time.Time) {
	for again := true; again; {
		if w.idle.skips(w, at) {
			w.ops += w.idle.ops
			w.advance(storeLatency)
		} else {
			w.tick(w.proc)
		}
		w.letOthers(true)
		if again = w.again > 0; again {
			w.again--
			w.idle.valid = false
		}
	}
}

// prepare brings the world to where a situation begins.
func (w *world) prepare(s Situation) {
	w.put(slotClientID, atlassian.NewSecret(w.fix.App.ClientID), store.Encrypted)
	w.put(slotClientSecret, w.secret, store.Encrypted)
	w.fillIn(0)
	if s == Adoption {
		return
	}
	w.tick(w.proc)
	w.advance(8 * tickEvery)
	switch s {
	case Replay:
		w.dieAfterPost = true
		w.tick(w.proc)
		w.advance(tickEvery)
	case Reconsent:
		w.fillIn(0)
	}
	w.nextTick = w.now
	w.ops = 0
}

// idleness knows which ticks would be idle. Such a tick reads, decides that
// nothing is due and writes nothing, so that leaving it out changes nothing but
// the count of operations and the clock, which are made up for.
//
// A tick is left out if the last one of the same process ended well and has read
// or written all that is stored, the store did not change since, nothing is wrong
// and nothing is going to happen, and the access token that the last tick
// described will have 25 minutes left when the tick has read the store. What the
// tick described is rounded; TOKEN_FAMILY has the very moment, unless somebody
// else rotated.
// TestSkippedTicksChangeNothing compares runs with and without.
type idleness struct {
	never, valid bool
	by           *actor
	// foreign counts the changes of the store by others than ticks.
	foreign int
	// until is when the last tick may begin that finds nothing due.
	until time.Time
	// undisturbed: nothing went wrong or came in between during the last tick.
	undisturbed bool
	// ops are the operations of an idle tick. steady: they were seen in one that
	// nothing disturbed, of a process that knew the store already; a process that
	// sees it for the first time needs a few more.
	ops    int
	steady bool
}

// observe looks at a tick that ended.
func (i *idleness) observe(w *world, a *actor, out keeper.Outcome, ops int) {
	undisturbed := w.busy.Before(a.begun)
	known := i.valid && i.by == a && i.undisturbed
	i.undisturbed = undisturbed
	if i.valid = false; a.dead || out.AccessTokenSecondsRemaining == nil || a.trouble != 0 || w.slots[slotLock].entry.Version != 0 ||
		a.begun.Before(w.stale.until) {
		return
	}
	switch out.Action {
	case keeper.Idle:
		if w.armed {
			i.ops, i.steady = ops, known && undisturbed
		}
	case keeper.Rotated, keeper.Replayed:
		// It describes its own pair, and a person may have written over a part of it.
		if w.slots[slotAccess].by != a || w.slots[slotRefresh].by != a {
			return
		}
	default:
		return
	}
	left := time.Duration(*out.AccessTokenSecondsRemaining) * time.Second
	const rounding = 2 * time.Second
	i.valid, i.by = true, a
	i.until = a.begun.Add(left - family.DefaultPolicy().RefreshBefore - rounding - 1)
	exact := w.accessExpires().Add(-family.DefaultPolicy().RefreshBefore - storeLatency)
	if later := exact.Sub(i.until); undisturbed && later > 0 && later < 2*rounding {
		i.until = exact
	}
}

// accessExpires is the expiry in TOKEN_FAMILY; zero if it has none.
func (w *world) accessExpires() time.Time {
	var stack [1024]byte
	_, value, _ := bytes.Cut(w.slots[slotFamily].entry.Value.AppendReveal(stack[:0]), []byte(`"access_expires_at":"`))
	value, _, _ = bytes.Cut(value, []byte(`"`))
	at, _ := time.Parse(time.RFC3339, string(value))
	return at
}

// skips reports whether the tick at the given time can be left out.
func (i *idleness) skips(w *world, at time.Time) bool {
	if i.never || !i.valid || !i.steady || i.by != w.proc || w.now.After(at) || at.After(i.until) ||
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
