package simulation

import (
	"fmt"
	"time"
)

// platform is what invokes the keeper's processes: by its schedule, and once more
// after a failure.
type platform struct {
	// every is the interval of the schedule, nextTick its next event, and retries
	// are the events that are delivered once more.
	every    time.Duration
	nextTick time.Time
	retries  []retry
	// again counts the deliveries of the same event that are still to come.
	again int
	// Until noTicks nobody is invoked. recycle: the next tick comes in a new process.
	noTicks time.Time
	recycle bool
	// proc is the process that is invoked, spare one that was passed over.
	proc, spare *actor
	started     int // processes so far
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

// dueEvent takes the next event: one of the schedule, or one that is repeated.
func (p *platform) dueEvent() (next retry) {
	next = retry{at: p.nextTick, event: p.nextTick}
	if len(p.retries) > 0 && p.retries[0].at.Before(p.nextTick) {
		next, p.retries = p.retries[0], p.retries[1:]
		return next
	}
	p.nextTick = p.nextTick.Add(p.every)
	return next
}

// repeat delivers an event once more that failed, if it is not too old.
func (p *platform) repeat(failed retry, now time.Time) {
	if failed.attempt >= len(retryWaits) || now.Sub(failed.event) >= eventAge {
		return
	}
	again := retry{now.Add(retryWaits[failed.attempt]), failed.event, failed.attempt + 1}
	i := len(p.retries)
	for i > 0 && again.at.Before(p.retries[i-1].at) {
		i--
	}
	p.retries = append(p.retries[:i], append([]retry{again}, p.retries[i:]...)...)
}

// admit numbers a process that starts.
func (p *platform) admit(a *actor, name string) *actor {
	p.started++
	a.number, a.name = p.started, fmt.Sprintf("%s-%d", name, p.started)
	return a
}

// next carries out the next event.
func (w *world) next() {
	now := w.dueEvent()
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
	if w.serve(now.at) {
		w.repeat(now, w.now)
	}
}

// serve carries out one event, and its duplicates. It reports whether the platform
// sees the event's last invocation fail.
func (w *world) serve(at time.Time) (failed bool) {
	for again := true; again; {
		if w.idle.skips(w, at) {
			w.ops += w.idle.next.ops
			w.advance(w.idle.next.took)
			failed = w.idle.next.failed
		} else {
			failed = w.proc.tick()
		}
		w.letOthers(true)
		if again = w.again > 0; again {
			w.again--
			w.idle.valid = false
		}
	}
	return failed
}

// spawn starts a new keeper process.
func (w *world) spawn() *actor {
	a := w.admit(&actor{w: w}, "keeper")
	a.equip()
	return a
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
	w.beside(a, turns, func() { a.tick() })
}
