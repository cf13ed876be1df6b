package health

import (
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

// Level says how bad it is. It is the exit code of tokenkeeper status.
type Level int

// The levels.
const (
	// Fine: nobody needs to act.
	Fine Level = iota
	// Attention: a person should look; consumers still work.
	Attention
	// Broken: consumers fail now, or only a consent helps.
	Broken
)

// State is a verdict in a word for machines.
type State string

// The states, in the order in which they are looked for.
const (
	// Unreadable: nothing of the connection could be read.
	Unreadable State = "unreadable"
	// LedgerUnreadable: the ledger's newest entry cannot be used, and no tick works.
	LedgerUnreadable State = "ledger_unreadable"
	// NotFound: none of the connection's parameters exist.
	NotFound State = "not_found"
	// AwaitingConsent: there is no refresh token yet.
	AwaitingConsent State = "awaiting_consent"
	// Retrying: Atlassian refused the token, and something has changed since.
	Retrying State = "retrying"
	// Lost: Atlassian refused the token for good.
	Lost State = "lost"
	// PastAge: the family is older than Atlassian lets one become, or was not rotated
	// for longer.
	PastAge State = "past_age"
	// NoTick: no tick is at work.
	NoTick State = "no_tick"
	// InDoubt: a token was presented and its answer is lost.
	InDoubt State = "in_doubt"
	// Misconfigured: a person has to put something right; the family is kept.
	Misconfigured State = "misconfigured"
	// Postponed: the ticks have no time for the connection.
	Postponed State = "postponed"
	// Failing: rotations fail, and are tried again.
	Failing State = "failing"
	// Expiring: the access token that consumers read is about to end, or has ended.
	Expiring State = "access_token_expiring"
	// SiteLost: the access token does not reach the site that consumers read.
	SiteLost State = "site_lost"
	// Foreign: somebody wrote to the copies what is not known.
	Foreign State = "foreign_value"
	// NotKept: tokens are stored, and no tick has taken them over yet.
	NotKept State = "not_kept_yet"
	// Exposed: a secret lies unencrypted.
	Exposed State = "secret_in_the_open"
	// ConsentDue: the yearly consent is due.
	ConsentDue State = "consent_due"
	// OK: nothing is the matter.
	OK State = "ok"
)

// Verdict says how a connection is.
type Verdict struct {
	State State
	Level Level
	// Line is the whole verdict in a line, with what to do.
	Line string
	// Action is the word that the report of a tick has for it.
	Action keeper.Action
	// Do is the next step: a command, or what a person has to do; "nothing" where
	// nobody needs to act.
	Do string
	// Since is when it began, and Until the deadline; zero where there is none.
	Since, Until time.Time
	// Reason says more.
	Reason string
	// Also are the lines of what is the matter besides.
	Also []string
}

// grace is how long a tick may be late: three of the longest interval.
const grace = 3 * family.TickInterval

// leastLife: an access token with less left should have been rotated, for every
// RefreshBefore. The alarm access-token-expiring has it too.
const leastLife = 10 * time.Minute

// view is a survey, with values that several rules need.
type view struct {
	Survey
	record   family.Record
	decision family.Decision
	// ends and inactive are when the family ends by age, and if it is not rotated.
	ends, inactive time.Time
}

// rule says what is the matter, where it applies.
type rule func(view) (Verdict, bool)

// rules are tried in this order: the first is the verdict.
var rules = []rule{
	unreadable, // the ledger cannot be used
	absent,     // none of the parameters exist
	awaiting,   // there was no consent yet
	lost,       // Atlassian refused the token
	pastAge,    // the family is too old, or was not used for too long
	noTick,     // nobody is at work
	inDoubt,    // a token may be spent
	misconfigured,
	postponed,
	failing,
	expiring, // consumers are about to fail
	siteLost, // rotations go on, and consumers fail
	foreign,  // the copies hold something else
	notKept,  // the first tick has not come yet
	exposed,  // a secret is not encrypted
	consentDue,
}

// Verdict says how the connection is.
func (s Survey) Verdict() Verdict {
	v := view{Survey: s, record: s.Record()}
	v.decision = family.Decide(s.Snapshot, s.Policy)
	if !v.record.AuthorizedAt.IsZero() {
		v.ends, v.inactive = v.record.ExpiresAt(s.Policy.Lifetime), v.record.InactiveAt()
	}
	var all []Verdict
	for _, applies := range rules {
		if verdict, ok := applies(v); ok {
			all = append(all, verdict)
		}
	}
	if len(all) == 0 {
		return v.fine()
	}
	first := all[0]
	for _, other := range all[1:] {
		first.Also = append(first.Also, other.Line)
		first.Level = max(first.Level, other.Level)
	}
	return first
}

func (v view) fine() Verdict {
	return Verdict{State: OK, Level: Fine, Action: keeper.Idle, Do: "nothing", Until: v.ends, Reason: v.decision.Reason,
		Line: "OK until " + day(v.ends) + "; nobody needs to act"}
}

// left is how long the newest access token works; known is false where nothing
// says so.
func (v view) left() (left time.Duration, known bool) {
	at := v.record.AccessExpiresAt
	return at.Sub(v.Now), !at.IsZero()
}

// consumersFail reports whether the access token has ended.
func (v view) consumersFail() bool {
	left, known := v.left()
	return known && left <= 0
}

// level is Broken where consumers fail, and otherwise Attention.
func (v view) level() Level {
	if v.consumersFail() {
		return Broken
	}
	return Attention
}

// word is how the line of a level begins.
func (l Level) word() string { return [...]string{"OK", "NEEDS ATTENTION", "BROKEN"}[l] }
