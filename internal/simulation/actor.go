package simulation

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/countdown"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/refresher"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// actor is a process that uses the connection, or a person.
type actor struct {
	name string
	// keeper and refresher are nil for psoxy and for a person.
	keeper    *keeper.Keeper
	refresher *refresher.Refresher
	// consents: the process is a person's, who consents; it never ticks.
	consents bool
	// dead: the process was killed and its memory is lost.
	dead bool
	// received is the newest refresh token that this process ever received.
	received atlassian.Secret

	// The rest is about the invocation under way.
	busy            bool
	begun, deadline time.Time
	trouble         trouble
	// stalled is the time that pauses took from it.
	stalled time.Duration

	// turn, where the actor runs beside another, hands over to that one; step
	// runs it up to its next operation; turns says how many steps it makes at
	// each operation of the other, two bits at a time, and 0 means all.
	turn  func(struct{}) bool
	step  func() (struct{}, bool)
	turns uint64
}

var person = &actor{name: "person"}

// killedProcess is the panic that ends a process in the middle.
type killedProcess struct{}

// spawn starts a new keeper process.
func (w *world) spawn() *actor {
	w.started++
	a := &actor{name: fmt.Sprintf("keeper-%d", w.started)}
	now := func() time.Time {
		if w.armed {
			_, _ = w.begin(a, opClock, "")
		}
		return w.now.Add(w.skew)
	}
	sleep := func(_ context.Context, d time.Duration) {
		h, _ := w.begin(a, opSleep, "")
		w.advance(d)
		w.killIfLate(a)
		_ = w.end(a, h, nil)
	}
	c := keeper.Config{Store: storage{w, a}, Token: endpoint{w, a}, Process: a.name, Now: now, Sleep: sleep}
	if w.broken.store != nil {
		c.Store = w.broken.store(w, a, c.Store)
	}
	if w.broken.token != nil {
		c.Token = w.broken.token(w, a, c.Token)
	}
	a.keeper = keeper.New(c)
	a.refresher = &refresher.Refresher{Keeper: a.keeper, Connections: []keeper.Connection{w.conn},
		Sink: sink{w, a}, Now: now, Sleep: sleep, Parallel: 1}
	return a
}

// invocationContext has a deadline by the process's clock. It never fires: the
// platform kills the process instead.
type invocationContext struct {
	context.Context
	deadline time.Time
}

func (c invocationContext) Deadline() (time.Time, bool) { return c.deadline, true }

// tick is one invocation of a keeper process.
func (w *world) tick(a *actor) {
	a.begun, a.deadline, a.stalled = w.now, w.now.Add(invocation), 0
	a.trouble = w.down
	if l := &w.slots[slotLock]; l.entry.Version != 0 && w.now.Sub(l.entry.Modified) < lease &&
		!strings.Contains(l.entry.Value.Reveal(), `"owner":"`+a.name+`/`) {
		a.trouble |= lockHeld
	}
	if w.trace != nil {
		w.trace(a.name + " ticks")
	}
	ops, foreign := w.ops, w.idle.foreign
	a.busy = true
	out, survived := w.invoke(a)
	a.busy = false
	if !survived {
		a.trouble |= killed
		a.dead = true
		if w.proc == a {
			w.proc = w.spawn()
		}
	}
	if w.trace != nil {
		w.trace(fmt.Sprintf("%s ends: survived=%v %s: %s", a.name, survived, out.Action, out.Reason))
	}
	w.oracle.ticked(a)
	w.idle.observe(w, a, out, w.ops-ops)
	if w.idle.foreign != foreign {
		w.idle.valid = false // what the tick has read is not what is stored now
	}
}

func (w *world) invoke(a *actor) (out keeper.Outcome, survived bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, kill := r.(killedProcess); !kill {
				panic(r)
			}
		}
	}()
	ctx := invocationContext{context.Background(), w.now.Add(w.skew).Add(invocation)}
	report, err := a.refresher.Tick(ctx, w.log)
	if err != nil {
		w.canary.look(err.Error())
	}
	out = report.Connections[0]
	w.canary.look(out.Reason)
	return out, true
}

// sink takes the metrics of one actor.
type sink struct {
	w *world
	a *actor
}

// Publish is an operation like any other call.
func (s sink) Publish(_ context.Context, _ time.Time, metrics []countdown.Metric) error {
	h, err := s.w.begin(s.a, opPublish, "")
	for _, m := range metrics {
		s.w.canary.look(m.Name)
		s.w.canary.look(m.Connection)
	}
	return s.w.end(s.a, h, err)
}

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

// letOthers gives those who run beside their turns, or lets them finish.
func (w *world) letOthers(finish bool) {
	for i := 0; i < len(w.others); i++ {
		o := w.others[i]
		steps := int(o.turns & 3)
		o.turns = o.turns>>2 | o.turns<<62
		for running := true; running && (finish || o.turns == 0 || steps > 0); steps-- {
			if _, running = o.step(); !running {
				w.others = append(w.others[:i], w.others[i+1:]...)
				i--
			}
		}
	}
}

// concurrent starts another keeper process beside. It is a new one, or the one
// that was displaced earlier and wakes with its old memory. Afterwards either
// of the two may be the one that the platform goes on with.
func (w *world) concurrent(n uint64) {
	for _, o := range w.others {
		if o.refresher != nil {
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

// fillIn is a person who puts a consent's tokens in by hand.
func (w *world) fillIn(n uint64) {
	if n&1 != 0 && w.slots[slotFamily].entry.Version != 0 {
		_ = w.mem.Delete(context.Background(), w.names.Family)
		w.changed(person, w.names.Family, atlassian.Secret{}, 0, store.Plain)
	}
	tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	if err != nil {
		return // as long as the account is deactivated nobody can consent with it
	}
	refresh := func() {
		w.put(slotRefresh, tokens.Refresh, store.Encrypted)
	}
	access := func() { w.put(slotAccess, tokens.Access, store.Encrypted) }
	first, second := refresh, access
	if n&2 != 0 {
		first, second = access, refresh
	}
	wait := [...]time.Duration{0, 50 * time.Millisecond, 20 * time.Second, 7 * time.Minute}[n>>2&3]
	first()
	if wait == 0 {
		second()
		return
	}
	w.in(wait, second)
}
