package simulation

import (
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
	connectionName = "PSOXY_JIRA_CLOUD_"
	// invocation is the time-out in template.yaml.
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
	// Claims: tokens tell their chain and when they were issued.
	Claims bool
	// Shared: psoxy rotates too, and ACCESS_TOKEN has psoxy's JSON form.
	Shared bool
	// Aged: the family has more generations behind it than a ledger remembers.
	Aged bool
	// Google: the store is Google Cloud's Secret Manager, and not Parameter Store.
	Google bool
}

// world is one connection, everything it depends on, and what happens to it.
type world struct {
	settings Settings
	// every is the interval of the schedule.
	every time.Duration
	// faults are those that have not struck yet.
	faults Schedule
	// armed: operations are counted and faults strike.
	armed bool
	// record: the kinds of operation are noted in steps.
	record bool
	steps  []operation
	ops    int
	now    time.Time
	agenda []event

	em     *atlassiantest.Emulator
	fix    atlassiantest.Fixture
	secret atlassian.Secret

	parameters
	troubles
	clocks clocks

	names  family.Names
	conn   family.Connection
	log    *slog.Logger
	canary *canary
	broken broken

	// proc is the process that the platform invokes, spare one that it passed over.
	proc, spare *actor
	// others run beside whatever runs now.
	others     []*actor
	containers [2]*container
	started    int // processes so far
	// nextTick is the schedule's; retries are the platform's, of failed events.
	nextTick time.Time
	retries  []retry
	again    int // deliveries of the same event that are still to come
	// noTicks is until when nobody is invoked, recycle that the next tick
	// comes in a new process.
	noTicks time.Time
	recycle bool
	// dieAfterPost is how a replay is prepared.
	dieAfterPost bool

	oracle oracle
	struck [kindEnd]int
	trace  func(string)
	busy   time.Time // when something last went wrong or came in between
	idle   idleness
}

// broken replaces parts of a keeper by ones that break the protocol, for the
// tests of the oracle.
type broken struct {
	store func(*world, *actor, store.Store) store.Store
	token func(*world, *actor, keeper.TokenEndpoint) keeper.TokenEndpoint
}

func newWorld(p Plan) *world {
	w := &world{settings: p.Settings, every: p.interval(), broken: p.broken, now: birth, nextTick: birth, names: family.NamesOf(connectionName)}
	policy := atlassiantest.DefaultPolicy()
	policy.SiblingsDie, policy.ReconsentKillsOld, policy.LegacyRefusalBody = p.Settings.SiblingsDie, p.Settings.ReconsentKillsOld, p.Settings.LegacyRefusal
	w.em = atlassiantest.New(atlassiantest.Config{Clock: trueTime{w}, Policy: &policy, Seed: p.Seed, CheapTokens: true, CheapClaims: p.Settings.Claims, EventLog: -1})
	var err error
	if w.fix, err = w.em.AddFixture(); err != nil {
		panic("simulation: " + err.Error())
	}
	w.secret = w.fix.App.ClientSecret
	w.mem = memstore.New(w.clockNow)
	for i, name := range slotNames(w.names) {
		w.slots[i].name = name
	}
	w.conn = connectionOf(connectionName, p.Settings.Shared)
	w.canary = newCanary(w)
	w.log = slog.New(w.canary)
	w.oracle.w = w
	w.proc = w.spawn()
	return w
}

// trueTime is Atlassian's clock and the store's.
type trueTime struct{ w *world }

// Now returns the true time.
func (c trueTime) Now() time.Time { return c.w.now }

func (w *world) clockNow() time.Time { return w.now }

// event is something that will happen at a time.
type event struct {
	at time.Time
	do func()
}

// in lets something happen later.
func (w *world) in(d time.Duration, do func()) {
	w.agenda = append(w.agenda, event{w.now.Add(d), do})
}

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

// note tells a trace what happens.
func (w *world) note(text string) {
	if w.trace != nil {
		w.trace(text)
	}
}

// Errors of calls that were struck, beside those of package store.
var errNoAnswer = errors.New("no answer")

// must panics for what cannot fail in a simulation.
func must(err error) {
	if err != nil {
		panic("simulation: " + err.Error())
	}
}
