package atlassiantest

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Config describes an emulator. The zero Config is useful: it means the
// machine's clock, the default policy, realistic tokens and seed 0.
type Config struct {
	// Clock is the emulator's only source of time; nil is NewRunningClock().
	Clock TimeSource
	// Policy is the policy at the start; nil is DefaultPolicy().
	Policy *Policy
	// Seed determines every identifier, client secret and, with CheapTokens,
	// every token. Two emulators with the same seed and the same history issue
	// the same tokens, and each accepts the other's. Use different seeds where
	// that matters.
	Seed uint64
	// CheapTokens makes tokens that look like a JWT but have no claims and no
	// signature. It is for simulations, where RSA would take nearly all the time.
	CheapTokens bool
	// CheapClaims, with CheapTokens, gives tokens the claims iat, exp and
	// refresh_chain_id, still without a signature.
	CheapClaims bool
	// EventLog is how many token-endpoint events are kept, the newest ones.
	// 0 means 1024; a negative number means none.
	EventLog int
}

// Emulator is an in-memory Atlassian authorization server. It starts no
// goroutine and no timer: a time limit takes effect at the next request after
// it. All methods are safe for concurrent use.
//
// Its parts share one lock. Each part is a type of its own:
//
//   - the directory of apps, accounts and sites
//   - the consents and their codes
//   - the token families
//   - the faults that wait
//   - the event log
type Emulator struct {
	*core
	directory
	consents
	families
	faultQueue
	eventLog

	config Config
	resets uint64 // changes the tokens, so that those from before a reset are unknown
}

// core is what all parts of an emulator share. The lock guards the other fields
// and all parts.
type core struct {
	mu     sync.Mutex
	clock  TimeSource
	policy Policy
	rng    *rand.Rand
	minter minter
}

// New returns an emulator without apps, accounts or sites. AddFixture adds one
// of each. New panics if config.Policy is invalid, since that is a mistake in
// the calling test.
func New(config Config) *Emulator {
	e := &Emulator{core: &core{clock: config.Clock}, config: config}
	if e.clock == nil {
		e.clock = NewRunningClock()
	}
	if p := config.Policy; p != nil {
		if err := p.Validate(); err != nil {
			panic("atlassiantest.New: " + err.Error())
		}
	}
	e.start()
	return e
}

// Reset removes all apps, accounts, sites, tokens, faults and events, and
// restores the policy of the start. The clock keeps its time. Tokens from before
// are unknown afterwards.
func (e *Emulator) Reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.resets++
	e.start()
}

// start resets every part to its initial state.
func (e *Emulator) start() {
	e.policy = DefaultPolicy()
	if e.config.Policy != nil {
		e.policy = *e.config.Policy
	}
	e.rng = rand.New(rand.NewPCG(e.config.Seed, 0x746f6b656e6b6565+e.resets))
	e.minter = newMinter(e.config, tokenKey{e.rng.Uint64(), e.rng.Uint64()})
	e.directory = newDirectory(e.core)
	e.consents = newConsents(e.core, &e.directory)
	e.families = families{core: e.core, lately: map[atlassian.Secret]identity{}}
	e.faultQueue = faultQueue{core: e.core}
	e.eventLog = newEventLog(e.core, e.config.EventLog)
}

// Now returns the emulator's time.
func (c *core) Now() time.Time { return c.clock.Now() }

// Policy returns the rules that are in force.
func (c *core) Policy() Policy {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.policy
}

// ChangePolicy lets change edit the rules for later requests. A token that is
// already spent keeps its reuse interval. If the result is invalid, ChangePolicy
// changes nothing and returns the error of Policy.Validate.
func (c *core) ChangePolicy(change func(*Policy)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.policy
	change(&p)
	if err := p.Validate(); err != nil {
		return err
	}
	c.policy = p
	return nil
}

// Tokens is the answer of a successful exchange or refresh.
type Tokens struct {
	Access atlassian.Secret
	// Refresh is empty if the grant lacks offline_access, or if the answer
	// omitted it (Policy.OmitRefreshOnce, KindOmitRefresh).
	Refresh   atlassian.Secret
	ExpiresIn time.Duration
	// Scopes are the grant's, in another order than the request's. Shared: do
	// not modify.
	Scopes []string
	// FamilyID identifies the family for Family. It is not sent over HTTP.
	FamilyID string
}
