package simulation

import (
	"fmt"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// strike is how one operation is struck, beyond what begin does itself.
type strike struct {
	crashAfter, errorAfter, repeat bool
	pauseAfter                     time.Duration
	// post is how a token request goes wrong, and n the variant of it.
	post Kind
	n    uint64
}

// begin is called before every operation of every process. It counts it, lets
// others take their turns, and lets the faults strike that are due. An error
// means that the operation fails without effect.
func (w *world) begin(a *actor, o operation, name string) (h strike, err error) {
	if !w.armed {
		return h, nil
	}
	if a.turn != nil {
		a.turn(struct{}{})
	} else if len(w.others) > 0 && o != opClock {
		begun := w.now
		w.letOthers(false)
		a.stalled += w.now.Sub(begun) // this operation took as long as what the others did beside it
	}
	w.killIfLate(a)
	a.trouble |= w.down
	if w.trace != nil && o != opClock {
		w.trace(fmt.Sprintf("%d %s %s: %s %s", w.ops, w.now.Format("15:04:05.000"), a.name, operationNames[o], name))
	}
	n := w.ops
	w.ops++
	if w.record {
		w.steps = append(w.steps, o)
	}
	crash := false
	for len(w.faults) > 0 && w.faults[0].At <= n && w.faults[0].Kind.strikes(o) {
		f := w.faults[0]
		w.faults = w.faults[1:]
		w.struck[f.Kind]++
		w.busy = w.now
		w.note("  " + f.String() + " strikes " + operationNames[o])
		switch {
		case f.Kind == CrashBefore:
			crash = true
		case f.Kind == PauseBefore:
			w.stall(f.For)
			w.advance(f.For)
			w.killIfLate(a)
		case f.Kind.single():
			a.strikes++
			if e := h.add(f, o); e != nil {
				err = e
			}
		default:
			w.happen(f)
		}
	}
	if h.pauseAfter > 0 {
		w.stall(h.pauseAfter)
	}
	if crash {
		panic(killedProcess{})
	}
	return h, err
}

// add lets a fault strike one operation; an error fails it without effect.
func (h *strike) add(f Fault, o operation) error {
	switch f.Kind {
	case CrashAfter:
		h.crashAfter = true
	case ErrorBefore, Throttle:
		switch {
		case o == opPost:
			h.post, h.n = f.Kind, f.N
		case f.Kind == Throttle:
			return store.ErrNotWritten
		default:
			return errNoAnswer
		}
	case TooMany:
		return store.ErrNotWritten
	case ErrorAfter:
		if o == opPost {
			h.post, h.n = f.Kind, f.N
		}
		h.errorAfter = true
	case Unreached, OmitBefore, OmitAfter, FalseRefusal, Unreadable:
		h.post = f.Kind
	case Repeat:
		h.repeat = true
	case PauseAfter:
		h.pauseAfter += f.For
	}
	return nil
}

// stall notes that a pause takes time from all invocations under way: those that
// run beside cannot go on before it is over.
func (w *world) stall(d time.Duration) {
	for _, a := range append([]*actor{w.proc, w.spare}, w.others...) {
		if a != nil && a.busy {
			a.stalled += d
		}
	}
}

// end is called after every operation that took effect.
func (w *world) end(a *actor, h strike, err error) error {
	if h.pauseAfter > 0 {
		w.advance(h.pauseAfter)
	}
	w.killIfLate(a)
	if h.crashAfter {
		panic(killedProcess{})
	}
	if h.errorAfter && err == nil && h.post == 0 {
		return errNoAnswer
	}
	return err
}

// killIfLate is the platform that ends an invocation at its deadline.
func (w *world) killIfLate(a *actor) {
	if !a.deadline.IsZero() && !w.now.Before(a.deadline) {
		panic(killedProcess{})
	}
}
