package family

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Decision is an Action, why, and what it needs.
type Decision struct {
	Action Action
	// Reason is for people: a clause without secrets.
	Reason string
	// Candidate is what is presented, if it is not the ledger's own token.
	Candidate Field
	// FirstSpend is when the token in doubt was, or may have been, presented first, and LastSpend
	// last. Both are zero where it is not in doubt.
	FirstSpend, LastSpend time.Time
	// OwnSpend is the same as FirstSpend for the ledger's own token, where a candidate comes
	// before it.
	OwnSpend time.Time
	// Yields: another process may hold the successor of the token, and gets a moment to save it.
	Yields bool
	// Judged is how far REFRESH_TOKEN is judged. Keep: its value stays, for it is not judged yet.
	Judged
	Keep bool
	// Notice names a value in REFRESH_TOKEN that was not believed; "" without one.
	Notice string
}

// Urgent reports whether the decision must succeed in this tick: the next one may come too late,
// or in a process that does not hold the tokens to be saved. That is so within the leeway of a
// first attempt. The last attempt may have been the first to arrive, but is urgent only in the
// last tick of its leeway.
func (d Decision) Urgent(now time.Time) bool {
	lastTick := open(d.LastSpend, now) && !open(d.LastSpend, now.Add(TickInterval))
	return d.Action == SettleHeld || d.Action == Adopt || open(d.FirstSpend, now) || open(d.OwnSpend, now) || lastTick
}

// view is a snapshot with what several rules need.
type view struct {
	judge
	policy Policy
	choice choice
	// doubt is about the ledger's own token.
	doubt doubt
}

// rules are tried in this order. Each decides where it applies.
var rules = []func(view) (Decision, bool){
	locked,        // psoxy's lock keeps everybody away
	holding,       // a received pair comes before everything else
	atWork,        // another process is at work
	empty,         // an empty ledger begins with what the parameters hold
	withoutApp,    // nothing can be presented without the app
	candidate,     // a candidate is presented, for only Atlassian can judge it
	replay,        // a token in doubt is presented again inside its leeway
	spoiled,       // a damaged successor of the own token has to be stored whole
	lateProbe,     // after the leeway, a token in doubt is probed when nothing is left to lose
	refused,       // a refused token is probed now and then
	tooLarge,      // a token whose successor might not fit is not spent
	backOff,       // an attempt that would only repeat the last one waits
	due,           // a rotation is due before the access token ends
	lateCandidate, // a candidate in doubt is probed after all else
	unanswered,    // a candidate whose answer was lost keeps the tick at work
}

// Decide says what to do about a connection. It is the only place that does.
func Decide(s Snapshot, p Policy) Decision {
	v := view{judge: judge{s}, policy: p}
	v.choice = v.judged()
	v.doubt = v.ownDoubt(v.choice)
	d := v.idle()
	for _, rule := range rules {
		if decision, applies := rule(v); applies {
			d = decision
			break
		}
	}
	name := s.inboxName()
	mayBeNewer := s.Shared() || v.lastJudged().Seen < s.State.Inbox.Kin // psoxy may have rotated; or what was stored when the ledger began was never judged
	if mayBeNewer && d.Action.Presents() && s.denied(name) {
		d, _ = decide(Misconfigured, "%s cannot be read, and may hold a newer token: nothing is presented until it can be read; check the permissions", name)
	}
	d.Judged, d.Notice = Judged{v.choice.seen, s.RefreshToken.Modified}, v.choice.notice
	if s.denied(name) {
		d.Judged = v.lastJudged() // nothing was since
	}
	r := s.State.Inbox.rejected(s.RefreshToken.Version)
	onceRefused := s.Shared() && r.Count == 1 && v.looksAgain(r) // psoxy would read a spent token in its place
	d.Keep = d.Keep || s.Stays || v.choice.candidate.Version > 0 || onceRefused
	return v.withSpends(d)
}

// withSpends fills in when the token in doubt that a decision is about was presented.
func (v view) withSpends(d Decision) Decision {
	if d.Candidate.Version > 0 && v.doubt.known {
		d.OwnSpend = v.doubt.first
	}
	switch first := v.firstSpend(d.Candidate); {
	case d.Action == Contended && v.State.Intent != nil:
		d.FirstSpend, d.LastSpend = v.State.Intent.First, v.State.Intent.Last
	case v.State.Empty() && v.Lock.Version > 0: // it may tell of a spend
		d.FirstSpend, d.LastSpend = v.Lock.Modified, v.Lock.Modified
	case d.Candidate.Version == 0 && v.doubt.known:
		d.FirstSpend, d.LastSpend = v.doubt.first, v.doubt.last
	case !first.IsZero():
		d.FirstSpend, d.LastSpend = first, first
	}
	return d
}

func decide(a Action, format string, args ...any) (Decision, bool) {
	return Decision{Action: a, Reason: fmt.Sprintf(format, args...)}, true
}

// skip is the answer of a rule that does not apply.
func skip() (Decision, bool) { return Decision{}, false }

// ourLocks is how long a keeper's own lock in psoxy's place is respected. Its owner has written
// its entry by then, and the ledger keeps ticks and consents apart.
const ourLocks = 10 * time.Second

func locked(v view) (Decision, bool) {
	respected := Lease
	if psoxy.Ours(v.Lock.Value) {
		respected = ourLocks
	}
	if v.Lock.Version > 0 && Within(v.Lock.Modified, v.Now, respected) {
		return decide(Contended, "psoxy, or another program, holds its lock since %s", clock(v.Lock.Modified))
	}
	return skip()
}

// holding: a pair that was received is saved, unless another process has presented the same token
// since. That may have killed the pair, so a replay is safer while it is possible.
func holding(v view) (Decision, bool) {
	if v.Held != nil && !v.State.Defers(*v.Held, v.Process, v.Now) {
		return decide(SettleHeld, "tokens that were received are not saved yet")
	}
	return skip()
}

func atWork(v view) (Decision, bool) {
	switch in := v.State.Intent; {
	case !in.Respected(v.Now) || in.Owner == v.Process:
		return skip()
	case in.Owner != unknownOwner:
		return decide(Contended, "another process presents the refresh token since %s", clock(in.Last))
	case v.doubt.known && !open(v.doubt.first, in.Last.Add(TickInterval)): // no time for that
		return skip()
	default:
		return decide(InDoubt, "the ledger was deleted, and a process that it told of may present the refresh token until %s", clock(in.Last.Add(Lease)))
	}
}

func empty(v view) (Decision, bool) {
	name := v.inboxName()
	switch {
	case !v.State.Empty():
		return skip()
	case v.denied(name):
		return decide(Misconfigured, "%s cannot be read: access is denied", name)
	case v.RefreshToken.Value.IsZero() && v.RefreshToken.Version <= 1 && v.Told() == nil && (v.Known.Empty() && v.Aside.Empty() || v.App().ClientID == ""):
		return decide(AwaitingConsent, "%s is not filled in yet: consent, and store the refresh token there", name)
	}
	if v.RefreshToken.Value.IsZero() {
		return decide(Adopt, "the ledger is empty, and what %s held before, or this process knows, is taken over", name)
	}
	return decide(Adopt, "the ledger is empty and %s is filled in", name)
}

func withoutApp(v view) (Decision, bool) {
	app := v.App()
	var missing []string
	if app.ClientID == "" {
		missing = append(missing, NamesOf(v.Connection).ClientID)
	}
	if app.ClientSecret.IsZero() {
		missing = append(missing, NamesOf(v.Connection).ClientSecret)
	}
	if len(missing) == 0 {
		return skip()
	}
	return decide(Misconfigured, "%s is missing, empty or not filled in: store the app's value from the Atlassian developer console", strings.Join(missing, " and "))
}

func replay(v view) (Decision, bool) {
	if !v.doubt.replayable(v.Now) {
		return skip()
	}
	if slices.ContainsFunc(v.State.Inbox.Rejected, func(r Rejected) bool {
		later := r.At.Add(secondLook + Lease) // its turn comes in time all the same
		return !r.Stored.IsZero() && v.doubt.replayable(later) && v.looksAgain(r)
	}) {
		return decide(InDoubt, "presented at %s; what may be its successor is stored, and asked about once more before", clock(v.doubt.first))
	}
	return decide(Replay, "it was, or may have been, presented at %s, and no answer is known: it may be presented again within the leeway", clock(v.doubt.first))
}

func lateProbe(v view) (Decision, bool) {
	if !v.doubt.known {
		return skip()
	}
	if why := v.doubt.hold(v.Now); why != "" {
		if v.choice.candidate.Version > 0 {
			return lateCandidate(v)
		}
		return decide(InDoubt, "%s", why)
	}
	if v.secondLookIsDue() {
		return decide(InDoubt, "presented at %s; a candidate that may be its successor is asked about once more before", clock(v.doubt.first))
	}
	if LongOver(v.doubt.first, v.Now) {
		if d, wait := v.waits(v.State.Record.Refresh); wait {
			return d, true
		}
		if next := v.lastAttempt().Add(failureBackoff); v.Now.Before(next) {
			return decide(InDoubt, "presented since %s without an answer that can be used; it is presented again from %s on", clock(v.doubt.first), clock(next))
		}
	}
	d, _ := decide(Probe, "presented at %s, its answer was lost and the leeway is over; a probe tells whether it ever arrived", clock(v.doubt.first))
	in := v.State.doubted()
	d.Yields = in != nil && in.Owner != "" && in.Owner != v.Process && !open(v.doubt.last, v.Now)
	return d, true
}

func refused(v view) (Decision, bool) {
	r := v.State.Record
	f := r.LastFailure
	if !r.Refused() || f.Credentials != "" && f.Credentials != v.Credentials() {
		return skip() // under another app's id a living token is refused as a dead one is
	}
	if v.choice.candidate.Version > 0 {
		return lateCandidate(v)
	}
	if next := r.probeAt(); v.Now.Before(next) && !f.At.After(v.Now.Add(ClockTolerance)) {
		return decide(Refused, "Atlassian refused this refresh token at %s (%s): %s; it is tried once more at %s", clock(f.At), orNone(f.Code), v.State.Remedy(v.inboxName()), clock(next))
	}
	return decide(Probe, "Atlassian refused this refresh token at %s (%s); nothing is left to lose, and refusals have been mistaken", clock(f.At), orNone(f.Code))
}

// Remedy is what a person can do about a refused token, as a clause. One that Atlassian has never
// taken may be no refresh token. inbox is the name of REFRESH_TOKEN.
func (s State) Remedy(inbox string) string {
	if s.unproven() {
		return "Atlassian has never taken it: store the right one in " + inbox + ", or consent again"
	}
	return "consent again"
}

// largestToken is the size up to which a token is spent, in bytes. It leaves room for a larger
// successor and for the rest of an entry.
const largestToken = store.MaxValueBytes - 1500

func tooLarge(v view) (Decision, bool) {
	if why := tooLong(v.State.Refresh); why != "" {
		return decide(Misconfigured, "%s: %s", v.inboxName(), why)
	}
	return skip()
}

// tooLong says why a token is not spent although it may be good; "" if it can be.
func tooLong(token atlassian.Secret) string {
	if token.Len() <= largestToken {
		return ""
	}
	return fmt.Sprintf("the refresh token has %d bytes; its successor might not fit into the %d that a parameter can hold, so it is not spent: consent with fewer scopes", token.Len(), store.MaxValueBytes)
}

func (v view) idle() Decision {
	expires := v.State.Record.AccessExpiresAt
	if expires.IsZero() {
		return Decision{Action: Idle, Reason: "nothing is due"}
	}
	return Decision{Action: Idle, Reason: fmt.Sprintf("the access token has %s left", expires.Sub(v.Now).Round(time.Second))}
}

// clock prints a time for a reason.
func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func orNone(code string) string { return cmp.Or(code, "no error code") }
