package simulation

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

const (
	connection = "PSOXY_JIRA_CLOUD_"
	// tickEvery and invocation are the schedule and the time-out in template.yaml.
	tickEvery  = 5 * time.Minute
	invocation = 2 * time.Minute
	// How long calls take when nothing is wrong.
	storeLatency = 15 * time.Millisecond
	postLatency  = 300 * time.Millisecond
	// How long it takes to find out that a service does not answer.
	outageLatency = time.Second
)

// birth is when every run begins.
var birth = time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)

// Settings are the rules of Atlassian that are not known for certain, and the
// mode of operation. Each run has its own.
type Settings struct {
	// SiblingsDie, ReconsentKillsOld and LegacyRefusal are atlassiantest.Policy's.
	SiblingsDie, ReconsentKillsOld, LegacyRefusal bool
	// Shared: psoxy rotates too, and ACCESS_TOKEN has psoxy's JSON form.
	Shared bool
}

// world is one connection, everything it depends on, and what happens to it.
type world struct {
	settings Settings
	// faults are those that have not struck yet.
	faults Schedule
	// armed: operations are counted and faults strike.
	armed bool
	// record: the kinds of operation are noted in steps.
	record bool
	steps  []operation
	ops    int
	now    time.Time
	// skew is how wrong the keepers' clocks are.
	skew time.Duration

	em     *atlassiantest.Emulator
	fix    atlassiantest.Fixture
	secret atlassian.Secret
	mem    *memstore.Store
	slots  [slotCount]slot
	// recent are the last changes of the store, for stale reads.
	recent []change
	stale  staleness
	shared time.Time // until when creates may not be exclusive

	agenda []event
	down   trouble
	until  [troubleCount]time.Time
	// keyDenies is since when the key denies what it denies, and keyReads that
	// reading is not a part of that.
	keyDenies time.Time
	keyReads  bool

	names  family.Names
	conn   keeper.Connection
	log    *slog.Logger
	canary *canary
	broken broken

	// proc is the process that the platform invokes, spare one that it passed over.
	proc, spare *actor
	// others run beside whatever runs now.
	others  []*actor
	started int // processes so far
	again   int // deliveries of the same event that are still to come
	// noTicks is until when the scheduler is down, recycle that the next tick
	// comes in a new process.
	noTicks time.Time
	recycle bool
	// dieAfterPost is how a replay is prepared.
	dieAfterPost bool

	oracle   oracle
	struck   [kindEnd]int
	trace    func(string)
	nextTick time.Time
	busy     time.Time // when something last went wrong or came in between
	idle     idleness
}

// broken replaces parts of a keeper by ones that break the protocol, for the
// tests of the oracle.
type broken struct {
	store func(*world, *actor, store.Store) store.Store
	token func(*world, *actor, keeper.TokenEndpoint) keeper.TokenEndpoint
}

// event is something that will happen at a time.
type event struct {
	at time.Time
	do func()
}

func newWorld(seed uint64, s Settings, b broken) *world {
	w := &world{settings: s, broken: b, now: birth, names: family.NamesOf(connection)}
	p := atlassiantest.DefaultPolicy()
	p.SiblingsDie, p.ReconsentKillsOld, p.LegacyRefusalBody = s.SiblingsDie, s.ReconsentKillsOld, s.LegacyRefusal
	w.em = atlassiantest.New(atlassiantest.Config{Clock: clock{w}, Policy: &p, Seed: seed, CheapTokens: true, EventLog: -1})
	var err error
	if w.fix, err = w.em.AddFixture(); err != nil {
		panic("simulation: " + err.Error())
	}
	w.secret = w.fix.App.ClientSecret
	w.mem = memstore.New(w.clockNow)
	for i := range w.slots {
		w.slots[i].name = [...]string{w.names.Lock, w.names.RefreshToken, w.names.AccessToken, w.names.Family, w.names.ClientID, w.names.ClientSecret}[i]
	}
	policy := family.DefaultPolicy()
	if s.Shared {
		policy.AccessFormat = family.PsoxyJSON
	}
	w.conn = keeper.Connection{Name: connection, Policy: policy}
	w.canary = newCanary(w)
	w.log = slog.New(w.canary)
	w.oracle.w = w
	w.proc = w.spawn()
	w.nextTick = birth
	return w
}

// clock is the true time: Atlassian's and the store's.
type clock struct{ w *world }

func (c clock) Now() time.Time { return c.w.now }

func (w *world) clockNow() time.Time { return w.now }

// advance lets time pass, and what is due happen.
func (w *world) advance(d time.Duration) { w.advanceTo(w.now.Add(d)) }

func (w *world) advanceTo(t time.Time) {
	for len(w.agenda) > 0 {
		first := 0
		for i := range w.agenda {
			if w.agenda[i].at.Before(w.agenda[first].at) {
				first = i
			}
		}
		e := w.agenda[first]
		if e.at.After(t) {
			break
		}
		w.agenda = append(w.agenda[:first], w.agenda[first+1:]...)
		if e.at.After(w.now) {
			w.now = e.at
		}
		e.do()
		w.busy = w.now
	}
	if t.After(w.now) {
		w.now = t
	}
}

// in lets something happen later.
func (w *world) in(d time.Duration, do func()) {
	w.agenda = append(w.agenda, event{w.now.Add(d), do})
}

// trouble is a set of things that keep a tick from its work.
type trouble uint16

const (
	storeDown trouble = 1 << iota
	keyDown
	atlassianFailsBefore
	atlassianFailsAfter
	atlassianUnreachable
	clockWrong
	accountOff
	secretWrong
	// The rest are not the world's but a single tick's.
	lockHeld
	paused
	killed
	troubleCount = 11
)

// trouble lets trouble begin, and end after d.
func (w *world) trouble(t trouble, d time.Duration, end func()) {
	bit := 0
	for 1<<bit != t {
		bit++
	}
	w.down |= t
	until := w.now.Add(d)
	if until.After(w.until[bit]) {
		w.until[bit] = until
	}
	w.in(d, func() {
		if end != nil {
			end()
		}
		if !w.until[bit].After(w.now) {
			w.down &^= t
		}
	})
}

// Errors of calls that were struck.
var (
	errNoAnswer  = errors.New("no answer")
	errThrottled = errors.New("too many requests")
)

// put writes a parameter by a person's hand.
func (w *world) put(i slotIndex, value atlassian.Secret, kind store.Kind) {
	name := w.slots[i].name
	v, err := w.mem.Write(context.Background(), name, value, kind)
	if err != nil {
		panic("simulation: " + err.Error())
	}
	w.changed(person, name, value, v, kind)
}
