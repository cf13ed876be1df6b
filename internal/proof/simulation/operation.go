package simulation

import (
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// injector counts the operations, and holds the faults that strike them.
type injector struct {
	// armed: operations are counted and faults strike.
	armed bool
	// faults are those that have not struck yet, struck how many have, by kind.
	faults Schedule
	struck [kindEnd]int
	ops    int
	// record: the kinds of operation are noted in steps.
	record bool
	steps  []operation
}

// count counts an operation, and returns its number.
func (i *injector) count(o operation) (n int) {
	n = i.ops
	i.ops++
	if i.record {
		i.steps = append(i.steps, o)
	}
	return n
}

// dueFault takes the next fault that strikes an operation.
func (i *injector) dueFault(n int, o operation) (f Fault, due bool) {
	if len(i.faults) == 0 || i.faults[0].At > n || !i.faults[0].Kind.strikes(o) {
		return Fault{}, false
	}
	f, i.faults = i.faults[0], i.faults[1:]
	i.struck[f.Kind]++
	return f, true
}

// refusals reports whether good tokens were refused in this run. After that a
// keeper looks again only a few times a day.
func (i *injector) refusals() bool { return i.struck[FalseRefusal]+i.struck[AtlassianDenies] > 0 }

// strike is how one operation is struck.
type strike struct {
	crashBefore, crashAfter, errorAfter, repeat bool
	// before fails the operation without effect.
	before     error
	pauseAfter time.Duration
	// post is how a token request goes wrong, and n the variant of it.
	post Kind
	n    uint64
}

// begin is called before every operation of every process. It counts it, lets
// others take their turns, and lets the faults strike that are due. An error
// means that the operation fails without effect.
func (a *actor) begin(o operation, name string) (h strike, err error) {
	w := a.w
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
	a.killIfLate()
	a.trouble |= w.down
	if o != opClock && w.tracing() {
		w.note("%d %s %s: %s %s", w.ops, w.now.Format("15:04:05.000"), a.name, operationNames[o], name)
	}
	n := w.count(o)
	for f, due := w.dueFault(n, o); due; f, due = w.dueFault(n, o) {
		w.busy = w.now
		w.note("  %s strikes %s", f, operationNames[o])
		a.struck(f, o, &h)
	}
	if h.pauseAfter > 0 {
		w.stall(h.pauseAfter)
	}
	if h.crashBefore {
		panic(killedProcess{})
	}
	return h, h.before
}

// struck lets a fault strike an operation of the process, or the world before it.
func (a *actor) struck(f Fault, o operation, h *strike) {
	switch {
	case f.Kind == CrashBefore:
		h.crashBefore = true
	case f.Kind == PauseBefore:
		a.w.stall(f.For)
		a.w.advance(f.For)
		a.killIfLate()
	case f.Kind.single():
		a.strikes++
		if err := h.add(f, o); err != nil {
			h.before = err
		}
	default:
		a.w.happen(f)
	}
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
		h.post, h.n = f.Kind, f.N
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
func (a *actor) end(h strike, err error) error {
	if h.pauseAfter > 0 {
		a.w.advance(h.pauseAfter)
	}
	a.killIfLate()
	if h.crashAfter {
		panic(killedProcess{})
	}
	if h.errorAfter && err == nil && h.post == 0 {
		return errNoAnswer
	}
	return err
}

// killIfLate ends the invocation at its deadline, as the platform does.
func (a *actor) killIfLate() {
	if !a.deadline.IsZero() && !a.w.now.Before(a.deadline) {
		panic(killedProcess{})
	}
}
