package simulation

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
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
	// Claims: tokens carry their chain and the time of their issue.
	Claims bool
	// Shared: psoxy rotates too, and ACCESS_TOKEN has psoxy's JSON form.
	Shared bool
	// Aged: the family has more generations behind it than a ledger remembers.
	Aged bool
	// Google: the store is Google Cloud's Secret Manager, and not Parameter Store.
	Google bool
}

// locking is how much longer a spend takes where psoxy's lock must be taken.
func (s Settings) locking() time.Duration {
	if s.Shared {
		return 5 * time.Second
	}
	return 0
}

// world is one connection, everything it depends on, and what happens to it.
type world struct {
	settings Settings
	timeline
	tracer
	injector
	parameters
	troubles
	coroutines
	platform
	clocks clocks

	em     *atlassiantest.Emulator
	fix    atlassiantest.Fixture
	secret atlassian.Secret

	names  family.Names
	conn   family.Connection
	log    *slog.Logger
	canary *canary
	broken broken

	containers [2]*container
	// dieAfterPost is how a replay is prepared.
	dieAfterPost bool

	oracle oracle
	idle   idleness
}

// broken replaces parts of a keeper by ones that break the protocol, for the
// tests of the oracle.
type broken struct {
	store func(*world, *actor, store.Store) store.Store
	token func(*world, *actor, keeper.TokenEndpoint) keeper.TokenEndpoint
}

func newWorld(p Plan) *world {
	w := &world{settings: p.Settings, broken: p.broken, timeline: timeline{now: birth}, platform: platform{every: p.interval(), nextTick: birth},
		names: family.NamesOf(connectionName)}
	policy := atlassiantest.DefaultPolicy()
	policy.SiblingsDie, policy.ReconsentKillsOld, policy.LegacyRefusalBody = p.Settings.SiblingsDie, p.Settings.ReconsentKillsOld, p.Settings.LegacyRefusal
	w.em = atlassiantest.New(atlassiantest.Config{Clock: &w.timeline, Policy: &policy, Seed: p.Seed, CheapTokens: true, CheapClaims: p.Settings.Claims, EventLog: -1})
	var err error
	if w.fix, err = w.em.AddFixture(); err != nil {
		panic("simulation: " + err.Error())
	}
	w.secret = w.fix.App.ClientSecret
	w.parameters = newParameters(w)
	w.troubles.time, w.coroutines.time = &w.timeline, &w.timeline
	w.conn = connectionOf(connectionName, p.Settings.Shared)
	w.canary = &canary{w: w}
	w.log = slog.New(w.canary)
	w.oracle = newOracle(w)
	w.proc = w.spawn()
	return w
}

// connectionOf is the connection as an operator configures it.
func connectionOf(name string, shared bool) family.Connection {
	policy := family.DefaultPolicy()
	if shared {
		policy.AccessFormat = psoxy.JSON
	}
	return family.Connection{Name: name, Policy: policy}
}

// tracer is given what happens, line by line, where somebody wants to know it.
type tracer struct{ line func(string) }

// tracing reports whether anybody reads the trace.
func (t *tracer) tracing() bool { return t.line != nil }

// note tells the trace what happens.
func (t *tracer) note(format string, args ...any) {
	if t.line != nil {
		t.line(fmt.Sprintf(format, args...))
	}
}

// errNoAnswer is the error of calls that were struck, beside those of package store.
var errNoAnswer = errors.New("no answer")

// must panics for what cannot fail in a simulation.
func must(err error) {
	if err != nil {
		panic("simulation: " + err.Error())
	}
}
