package simulation

import (
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
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
	// Losses are the unavoidable ones by the name of their excuse.
	Losses map[string]int
	// Struck are the faults that struck, by kind.
	Struck [kindEnd]int
	// steps are the kinds of operation, in their order, where the plan asks.
	steps []operation
	// final is the state at the end, for comparisons.
	final [slotCount]store.Entry
}

// settled is how long a run goes on after the last trouble: longer than any
// wait of the protocol. After good tokens were refused a keeper looks again only
// every six hours.
const (
	settled        = 170 * time.Minute
	settledRefused = 14 * time.Hour
)

// longest is a run's end, even if some faults found nothing to strike.
const longest = 400 * 24 * time.Hour

// Run carries out a plan.
func Run(p Plan) Result {
	w := newWorld(p)
	w.prepare(p.Situation)
	w.idle.never = p.EveryTick
	w.trace, w.record = p.Trace, p.record
	w.armed, w.faults = true, p.Faults.sorted()
	begun := w.now
	w.busy = begun
	for !w.over(p, begun) {
		w.next()
	}
	w.oracle.judge(true)
	r := Result{steps: w.steps, Counters: w.oracle.Counters, Rotations: w.oracle.rotations, Simulated: w.now.Sub(begun),
		Operations: w.ops, Losses: w.oracle.losses, Struck: w.struck}
	for i := range w.slots {
		r.final[i] = w.slots[i].entry
	}
	return r
}

// over reports whether a run has lasted, all its faults have struck, and what
// they did is long over.
func (w *world) over(p Plan, begun time.Time) bool {
	ran, calm := w.now.Sub(begun), settled
	if w.refusals() {
		calm = settledRefused
	}
	quiet := len(w.agenda) == 0 && w.down == 0 && w.now.Sub(w.busy) > calm && w.now.Sub(w.noTicks) > calm
	return quiet && ran >= p.For && (len(w.faults) == 0 || ran > p.For+2*24*time.Hour) || ran > longest
}

// retry is an event that the platform delivers again, because its invocation
// ended in an error.
type retry struct {
	at, event time.Time
	attempt   int
}

// How Lambda repeats an asynchronous invocation: after a minute, and once more
// two minutes later, within the event's age in template.yaml.
var retryWaits = [...]time.Duration{time.Minute, 2 * time.Minute}

const eventAge = 5 * time.Minute

// next is the next event: one of the schedule, or one that is repeated.
func (w *world) next() {
	now := retry{at: w.nextTick, event: w.nextTick}
	if len(w.retries) > 0 && w.retries[0].at.Before(w.nextTick) {
		now, w.retries = w.retries[0], w.retries[1:]
	} else {
		w.nextTick = w.nextTick.Add(w.every)
	}
	w.advanceTo(now.at)
	w.letOthers(true)
	if w.now.Before(w.noTicks) {
		return
	}
	if w.recycle {
		w.recycle = false
		w.proc.dead = true
		w.proc = w.spawn()
	}
	if failed := w.serve(now.at); failed && now.attempt < len(retryWaits) && w.now.Sub(now.event) < eventAge {
		again := retry{w.now.Add(retryWaits[now.attempt]), now.event, now.attempt + 1}
		i := len(w.retries)
		for i > 0 && again.at.Before(w.retries[i-1].at) {
			i--
		}
		w.retries = append(w.retries[:i], append([]retry{again}, w.retries[i:]...)...)
	}
}

// serve is one event, and its duplicates. It reports whether the platform sees
// the event's last invocation fail.
func (w *world) serve(at time.Time) (failed bool) {
	for again := true; again; {
		if w.idle.skips(w, at) {
			w.ops += w.idle.ops
			w.advance(w.idle.took)
			failed = w.idle.failed
		} else {
			failed = w.tick(w.proc)
		}
		w.letOthers(true)
		if again = w.again > 0; again {
			w.again--
			w.idle.valid = false
		}
	}
	return failed
}
