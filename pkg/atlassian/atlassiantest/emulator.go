package atlassiantest

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// defaultEventLog is how many token-endpoint events are kept by default.
const defaultEventLog = 1024

// Config describes an emulator. The zero Config is useful: the machine's
// clock, the default policy, realistic tokens, seed 0.
type Config struct {
	// Clock is the emulator's only source of time; nil is NewRunningClock().
	Clock TimeSource
	// Policy is the starting policy; nil is DefaultPolicy().
	Policy *Policy
	// Seed determines every identifier, client secret and, with CheapTokens,
	// every token. Two emulators with equal seeds and equal histories hand out
	// equal tokens and cannot tell theirs apart: give each its own seed where
	// that matters.
	Seed uint64
	// CheapTokens makes tokens that have a JWT's outline but neither claims nor
	// signature, for simulations in which RSA would take nearly all the time.
	CheapTokens bool
	// CheapClaims, with CheapTokens, gives tokens the claims iat, exp and
	// refresh_chain_id, still without a signature.
	CheapClaims bool
	// EventLog is how many token-endpoint events are kept, the newest ones:
	// 0 means 1024, a negative number none.
	EventLog int
}

// Emulator is an in-memory Atlassian authorization server. It starts no
// goroutine and no timer: time-outs take effect when something asks. All
// methods are safe for concurrent use.
type Emulator struct {
	mu     sync.Mutex
	config Config
	clock  TimeSource
	policy Policy
	minter minter
	rng    *rand.Rand
	epoch  uint64 // counts resets, so that tokens from before one are unknown

	apps     map[string]*app
	appOrder []*app
	accounts map[string]*account
	people   []*account
	sites    map[string]*site
	signedIn string

	grants   map[grantKey]*grant
	codes    map[string]*code
	families []*family // index is family.seq
	free     []*pair
	scratch  claims // spares an allocation per token

	faults faultQueue
	events eventLog
}

// New returns an emulator without apps, accounts or sites; AddFixture adds one
// of each. It panics if config.Policy is not valid, as that is a mistake in
// the calling test.
func New(config Config) *Emulator {
	e := &Emulator{config: config, clock: config.Clock}
	if e.clock == nil {
		e.clock = NewRunningClock()
	}
	if p := config.Policy; p != nil {
		if err := p.Validate(); err != nil {
			panic("atlassiantest.New: " + err.Error())
		}
	}
	e.reset()
	return e
}

// Reset forgets everything but the clock: apps, accounts, sites, tokens,
// faults, events and changes of policy. Tokens from before are unknown.
func (e *Emulator) Reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.epoch++
	e.reset()
}

func (e *Emulator) reset() {
	e.policy = DefaultPolicy()
	if e.config.Policy != nil {
		e.policy = *e.config.Policy
	}
	e.rng = rand.New(rand.NewPCG(e.config.Seed, 0x746f6b656e6b6565+e.epoch))
	key := tokenKey{e.rng.Uint64(), e.rng.Uint64()}
	if e.config.CheapTokens {
		e.minter = cheapMinter{key}
		if e.config.CheapClaims {
			e.minter = claimsMinter{key}
		}
	} else {
		e.minter = jwtMinter{key}
	}
	e.apps = map[string]*app{}
	e.accounts = map[string]*account{}
	e.sites = map[string]*site{}
	e.grants = map[grantKey]*grant{}
	e.codes = map[string]*code{}
	e.appOrder, e.people, e.families, e.free = nil, nil, nil, nil
	e.signedIn = ""
	e.faults = faultQueue{}
	size := e.config.EventLog
	if size == 0 {
		size = defaultEventLog
	}
	e.events = eventLog{limit: max(size, 0)}
}

// Now returns the emulator's time.
func (e *Emulator) Now() time.Time { return e.clock.Now() }

// Policy returns the rules in force.
func (e *Emulator) Policy() Policy {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.policy
}

// ChangePolicy lets change edit the rules, which hold from then on; a token
// that is already spent keeps the reuse interval it was given. A change that
// makes no sense is refused as a whole with the error of Policy.Validate.
func (e *Emulator) ChangePolicy(change func(*Policy)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.policy
	change(&p)
	if err := p.Validate(); err != nil {
		return err
	}
	e.policy = p
	return nil
}

// Tokens is the answer of a successful exchange or refresh.
type Tokens struct {
	Access atlassian.Secret
	// Refresh is empty when the grant lacks offline_access, or when the answer
	// left it out (Policy.OmitRefreshOnce, KindOmitRefresh).
	Refresh   atlassian.Secret
	ExpiresIn time.Duration
	// Scopes of the grant, not in the order of the request. Shared: do not modify.
	Scopes []string
	// FamilyID names the family in the truth API. It is not sent over HTTP.
	FamilyID string
}
