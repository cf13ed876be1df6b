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
	w.line, w.record = p.Trace, p.record
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
