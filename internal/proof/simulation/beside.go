package simulation

import (
	"iter"
	"time"
)

// beside lets an actor run beside whatever runs now.
func (w *world) beside(a *actor, turns uint64, run func()) {
	const most = 3
	if len(w.others) == most {
		return
	}
	a.turns = turns
	a.step, _ = iter.Pull(func(yield func(struct{}) bool) {
		a.turn = yield
		run()
		a.turn = nil
	})
	w.others = append(w.others, a)
}

// letOthers gives those who run beside their turns, or lets them finish. Who
// waits for a time that has not come is passed over.
func (w *world) letOthers(finish bool) {
	for i := 0; i < len(w.others); i++ {
		o := w.others[i]
		steps := int(o.turns & 3)
		o.turns = o.turns>>2 | o.turns<<62
		for running := true; running && (finish || o.turns == 0 || steps > 0); steps-- {
			if w.now.Before(o.wakes) {
				if !finish {
					break
				}
				w.advanceTo(o.wakes)
			}
			if _, running = o.step(); !running {
				w.others = append(w.others[:i], w.others[i+1:]...)
				i--
			}
		}
	}
}

// wait lets an actor do nothing for a time, in which others go on.
func (w *world) wait(a *actor, d time.Duration) {
	until := w.now.Add(d)
	if a.turn != nil {
		for a.wakes = until; w.now.Before(until); {
			a.turn(struct{}{})
		}
		return
	}
	const most = 40 // steps of others in one wait
	for i := 0; i < most && len(w.others) > 0; i++ {
		w.letOthers(false)
		next := until
		for _, o := range w.others {
			if o.wakes.Before(next) {
				next = o.wakes
			}
		}
		if !w.now.Before(until) || !next.Before(until) {
			break
		}
		w.advanceTo(next)
	}
	w.advanceTo(until)
}

// concurrent starts another keeper process beside. It is a new one, or the one
// that was displaced earlier and wakes with its old memory. Afterwards either
// of the two may be the one that the platform goes on with.
func (w *world) concurrent(n uint64) {
	for _, o := range w.others {
		if o.role == ticks {
			return
		}
	}
	a, turns := w.spare, n>>2
	if a == nil || a.dead || a.busy || n&2 == 0 {
		a = w.spawn()
	}
	if n&1 != 0 {
		w.spare, w.proc = w.proc, a
	} else {
		w.spare = a
	}
	w.beside(a, turns, func() { w.tick(a) })
}
