package simulation

import (
	"context"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// role is what an actor does.
type role uint8

const (
	// ticks: a keeper's process.
	ticks role = iota
	// consents: a process of ours in which a person consents; it never ticks.
	consents
	// consumes: psoxy.
	consumes
	// byHand: people, and programs other than ours.
	byHand
)

// actor is a process that uses the connection, or a person.
type actor struct {
	w      *world
	role   role
	number int
	name   string
	// keeper and refresher are nil for psoxy and for a person.
	keeper    *keeper.Keeper
	refresher *fleet.Fleet
	// dead: the process was killed and its memory is lost.
	dead bool
	// received is the newest refresh token that this process ever received.
	received atlassian.Secret
	// skew is how wrong its clock is during this invocation.
	skew time.Duration

	// The rest is about the invocation under way.
	busy            bool
	begun, deadline time.Time
	// free is when nobody else's lease kept it from acting any more.
	free    time.Time
	trouble trouble
	// holds: when it began, what the process received last was alive.
	holds bool
	// stalled is the time that pauses took from it, strikes are the faults that
	// struck its operations.
	stalled time.Duration
	strikes int
	// learned: it has read a history.
	learned bool
	// lock is the newest lock of psoxy's that the invocation has read.
	lock store.Entry

	// turn, where the actor runs beside another, hands over to that one; step
	// runs it up to its next operation; turns says how many steps it makes at
	// each operation of the other, two bits at a time, and 0 means all.
	turn  func(struct{}) bool
	step  func() (struct{}, bool)
	turns uint64
	// wakes is until when it waits.
	wakes time.Time
}

var person = &actor{role: byHand, name: "person"}

// killedProcess is the panic that ends a process in the middle.
type killedProcess struct{}

// ends recovers a kill, and reports it.
func ends(killed *bool) {
	if r := recover(); r != nil {
		if _, ok := r.(killedProcess); !ok {
			panic(r)
		}
		*killed = true
	}
}

// equip gives an actor a keeper of its own.
func (a *actor) equip() {
	w := a.w
	now := func() time.Time {
		if w.armed {
			_, _ = a.begin(opClock, "")
		}
		return w.now.Add(a.skew)
	}
	sleep := func(_ context.Context, d time.Duration) {
		h, _ := a.begin(opSleep, "")
		w.wait(a, d)
		_ = a.end(h, nil)
	}
	var s store.Store = storage{w, a}
	if w.broken.store != nil {
		s = w.broken.store(w, a, s)
	}
	var e keeper.TokenEndpoint = endpoint{w, a}
	if w.broken.token != nil {
		e = w.broken.token(w, a, e)
	}
	a.keeper = newKeeper(s, e, a.name, now, sleep, a.number%2 == 0)
	a.refresher = &fleet.Fleet{Keeper: a.keeper, Connections: []family.Connection{w.conn},
		Sink: sink{w, a}, Now: now, Sleep: sleep, Parallel: 1}
}

// newKeeper makes the keeper of one process. What it does side by side is done
// one after the other: a simulated process is one coroutine.
func newKeeper(s store.Store, e keeper.TokenEndpoint, process string, now func() time.Time, sleep func(context.Context, time.Duration), backwards bool) *keeper.Keeper {
	together := func(tasks ...func()) {
		for i := range tasks {
			if backwards {
				i = len(tasks) - 1 - i
			}
			tasks[i]()
		}
	}
	return keeper.New(keeper.Config{Store: s, Token: e, Process: process, Now: now, Sleep: sleep, Together: together})
}

// invocationContext has a deadline by the process's clock. It never fires: the
// platform kills the process instead.
type invocationContext struct {
	context.Context
	deadline time.Time
}

// Deadline implements context.Context.
func (c invocationContext) Deadline() (time.Time, bool) { return c.deadline, true }

// open begins an invocation.
func (a *actor) open() {
	now := a.w.now
	a.begun, a.deadline, a.stalled, a.strikes, a.learned, a.lock = now, now.Add(invocation), 0, 0, false, store.Entry{}
	a.skew = a.w.clocks.skewOf(a.number, now)
	a.trouble = a.w.down
	a.busy = true
}

// tick is one invocation of a keeper's process. It reports whether the platform
// sees it fail.
func (a *actor) tick() (failed bool) {
	w := a.w
	a.open()
	if w.tracing() {
		w.note("%s ticks, clock %v", a.name, a.skew)
	}
	w.oracle.tickBegins(a)
	ops, writes := w.ops, w.writes
	out, healthy, survived := a.invoke()
	a.busy = false
	if !survived {
		a.trouble |= killed
		a.dead = true
		if w.proc == a {
			w.proc = w.spawn()
		}
	}
	if w.tracing() {
		w.note("%s ends: survived=%v %s: %s", a.name, survived, out.Action, out.Reason)
	}
	w.oracle.ticked(a)
	failed = !survived || !healthy
	w.idle.observe(w, a, out, failed, w.ops-ops, w.writes-writes)
	return failed
}

// invoke lets the process do its work, as far as it lives.
func (a *actor) invoke() (out keeper.Outcome, healthy, survived bool) {
	dead := false
	defer func() { survived = !dead }()
	defer ends(&dead)
	ctx := invocationContext{context.Background(), a.deadline.Add(a.skew)}
	report, err := a.refresher.Tick(ctx, a.w.log)
	if err != nil {
		a.w.canary.look(err.Error())
	}
	out = report.Connections[0]
	a.w.canary.look(out.Reason)
	return out, err == nil, true
}

// sink takes the metrics of one actor.
type sink struct {
	w *world
	a *actor
}

// Publish is an operation like any other call.
func (s sink) Publish(_ context.Context, _ time.Time, metrics []metrics.Metric) error {
	h, err := s.a.begin(opPublish, "")
	for _, m := range metrics {
		s.w.canary.look(m.Name)
		s.w.canary.look(m.Connection)
	}
	return s.a.end(h, err)
}

// goesOn reports whether a process will act again. One that the platform passed
// over for another may be kept for hours, with all that it holds, and never be called
// again: nobody can count on it.
func (a *actor) goesOn() bool { return !a.dead && (a.busy || a == a.w.proc) }

// sawLock remembers a lock of psoxy's that a tick has read.
func (a *actor) sawLock(e store.Entry) {
	if by := a.w.slots[slotLock].by; e.Version != 0 && by != nil && by.role == consumes {
		a.lock = e
	}
}
