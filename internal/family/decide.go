package family

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Action is what is to be done about a connection now.
type Action int

const (
	// Idle: the access token has enough life left.
	Idle Action = iota
	// AwaitConsent: there is no refresh token yet.
	AwaitConsent
	// Misconfigured: a person has to put a parameter right first.
	Misconfigured
	// Contended: somebody else is rotating or consenting right now.
	Contended
	// StayStopped: Atlassian refused this refresh token for good.
	StayStopped
	// HoldInDoubt: the token may be spent, and presenting it now could do harm.
	HoldInDoubt
	// HoldRetry: Atlassian asked to be left alone until later.
	HoldRetry
	// SaveHeld: a pair received earlier is still to be saved.
	SaveHeld
	// Restore: an older token overwrote a newer one, which the store's history has.
	Restore
	// Reconcile: a rotation was interrupted after its token was written; whether
	// the stored token is its successor or a person's, the history knows.
	Reconcile
	// Rotate: present the refresh token for the first time.
	Rotate
	// Replay: present it again, inside the leeway of its first spend.
	Replay
	// LateProbe: present it again after the leeway, when only that can tell
	// whether the earlier attempts ever arrived, and nothing is left to lose.
	LateProbe
)

// Decision is an Action, why, and what it needs.
type Decision struct {
	Action Action
	// Reason is for people: a clause without secrets.
	Reason string
	// Record describes the family of the stored refresh token. It is empty
	// where there is no such token.
	Record Record
	// FirstSpend is when the token in doubt was, or may have been, first
	// presented, and LastSpend last; zero where it is not in doubt.
	FirstSpend, LastSpend time.Time
}

// LastChance reports whether what the decision asks for must succeed in this
// tick, because the next one may come after the leeway is over, or in another
// process than the one that holds what is to be saved.
func (d Decision) LastChance(now time.Time) bool {
	if d.Action == SaveHeld {
		return true
	}
	left := func(spend time.Time) time.Duration { return Leeway - LeewayMargin - now.Sub(spend) }
	if l := left(d.FirstSpend); l > 0 && l <= TickInterval {
		return true
	}
	// Any later attempt may have been the first to arrive. Those of one tick lie
	// less than a lease apart, and of them only the newest is known.
	l := left(d.LastSpend)
	return d.LastSpend.After(d.FirstSpend) && l > 0 && l <= TickInterval+LockStale
}

// Decide says what to do about a connection. It is the only place that does.
func Decide(s Snapshot, now time.Time, p Policy) Decision {
	if s.Lock != nil && s.Lock.fresh(now) && !s.Lock.OwnedBy(s.Process) {
		d := Decision{Action: Contended, Reason: "another process holds the lock since " + clock(s.Lock.taken())}
		if !s.RefreshToken.Value.IsZero() {
			d.Record = s.Lineage(now, p)
			if doubt, ok := doubtOf(s, d.Record); ok {
				d.FirstSpend, d.LastSpend = doubt.since, doubt.last
			}
		}
		return d
	}
	if s.Held != nil {
		return Decision{Action: SaveHeld, Record: s.Held.Record, FirstSpend: s.Held.Pair.SpentAt,
			Reason: "the tokens received at " + clock(s.Held.Pair.SpentAt) + " are not all saved yet"}
	}
	if d, done := fromInput(s); done {
		if !s.RefreshToken.Value.IsZero() {
			d.Record = s.Lineage(now, p)
		}
		return d
	}

	r := s.Lineage(now, p)
	decide := func(a Action, format string, args ...any) Decision {
		return Decision{Action: a, Record: r, Reason: fmt.Sprintf(format, args...)}
	}
	if s.Family != nil && slices.Contains(s.Family.Previous, r.Refresh) {
		d := decide(Restore, "the stored refresh token is older than generation %d, which TOKEN_FAMILY knows", s.Family.Generation)
		d.Record = *s.Family
		return d
	}
	if s.interrupted() {
		return decide(Reconcile, "a rotation was interrupted after REFRESH_TOKEN was written; its history tells what is whose")
	}
	if s.refused(r) {
		return decide(StayStopped, "Atlassian refused this refresh token at %s (%s): only a new consent helps, or the right CLIENT_ID if it is another app's",
			clock(r.LastFailure.At), orNone(r.LastFailure.Code))
	}
	if doubt, ok := doubtOf(s, r); ok {
		d := doubt.decide(s, r, now)
		d.Record, d.FirstSpend, d.LastSpend = r, doubt.since, doubt.last
		return d
	}
	if s.FamilyErr != nil {
		return decide(Misconfigured, "%v; restore an earlier version of it, or delete it to begin anew from the stored refresh token", s.FamilyErr)
	}
	if d, hold := fromLastFailure(s, r, now); hold {
		d.Record = r
		return d
	}
	return due(r, now, p, decide)
}

// fromInput finds what a person has to fill in or to put right.
func fromInput(s Snapshot) (Decision, bool) {
	n := NamesOf(s.Connection)
	token := s.RefreshToken.Value.Reveal()
	if token == "" {
		if s.Family != nil && s.Family.Generation > 0 {
			return Decision{Action: Misconfigured, Reason: fmt.Sprintf(
				"%s is gone or empty although TOKEN_FAMILY is at generation %d: restore it, or consent again", n.RefreshToken, s.Family.Generation)}, true
		}
		return Decision{Action: AwaitConsent, Reason: n.RefreshToken + " is not filled in yet: consent, and store the refresh token there"}, true
	}
	var missing []string
	if s.ClientID.Value.IsZero() {
		missing = append(missing, n.ClientID)
	}
	if s.ClientSecret.Value.IsZero() {
		missing = append(missing, n.ClientSecret)
	}
	switch {
	case len(missing) > 0:
		return Decision{Action: Misconfigured, Reason: strings.Join(missing, " and ") +
			" is missing, empty or not filled in: store the app's value from the Atlassian developer console"}, true
	case strings.ContainsFunc(token, notInToken):
		return Decision{Action: Misconfigured, Reason: n.RefreshToken +
			" does not look like a token: store the value of refresh_token alone, without quotes or JSON around it"}, true
	case len(token) > store.MaxValueBytes-tokenGrowth:
		return Decision{Action: Misconfigured, Reason: fmt.Sprintf(
			"%s has %d bytes; its successor might not fit into the %d that a parameter can hold, so it is not spent: consent with fewer scopes",
			n.RefreshToken, len(token), store.MaxValueBytes)}, true
	}
	return Decision{}, false
}

// tokenGrowth is kept free for a successor that is a little larger.
const tokenGrowth = 64

func notInToken(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"{}`, r) }

// fromLastFailure holds back an attempt that would only repeat the last one.
func fromLastFailure(s Snapshot, r Record, now time.Time) (Decision, bool) {
	f := r.LastFailure
	if f == nil || f.Token != r.Refresh {
		return Decision{}, false
	}
	switch f.Class {
	case atlassian.Transient.String():
		if wait := f.RetryAt.Sub(now); wait > 0 && wait <= maxRetryAfter {
			return Decision{Action: HoldRetry, Reason: "Atlassian asked not to be called before " + clock(f.RetryAt)}, true
		}
	case atlassian.Malformed.String():
		wait := min(maxFailureBackoff, failureBackoff<<min(max(f.Count-1, 0), 4))
		if since := now.Sub(f.At); 0 <= since && since < wait {
			return Decision{Action: HoldRetry, Reason: fmt.Sprintf(
				"Atlassian could not read the request (%s); next attempt at %s", orNone(f.Code), clock(f.At.Add(wait)))}, true
		}
	case atlassian.Configuration.String():
		wait := min(maxFailureBackoff, failureBackoff<<min(max(f.Count-1, 0), 4)) // a person may have edited the count
		since := now.Sub(f.At)
		if f.Credentials == s.Credentials() && since >= 0 && since < wait {
			return Decision{Action: Misconfigured, Reason: fmt.Sprintf(
				"Atlassian refused the app's credentials or the account (%s); next attempt at %s, or as soon as CLIENT_ID or CLIENT_SECRET change",
				orNone(f.Code), clock(f.At.Add(wait)))}, true
		}
	}
	return Decision{}, false
}

// due decides between idleness and a first spend.
func due(r Record, now time.Time, p Policy, decide func(Action, string, ...any) Decision) Decision {
	left := r.AccessExpiresAt.Sub(now)
	switch {
	case r.AccessExpiresAt.IsZero():
		return decide(Rotate, "it is not known how long the stored access token lives")
	case r.RotatedAt.Sub(now) > ClockTolerance:
		return decide(Rotate, "the clock went back: the last rotation seems to lie in the future")
	case left > longestAccess+ClockTolerance:
		return decide(Rotate, "the stored access token would have %s left, and none lives so long", left.Round(time.Second))
	case left < p.RefreshBefore:
		return decide(Rotate, "the access token has %s left, less than %s", left.Round(time.Second), p.RefreshBefore)
	}
	return decide(Idle, "the access token has %s left", left.Round(time.Second))
}

// clock prints a time for a reason.
func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func orNone(code string) string {
	if code == "" {
		return "no error code"
	}
	return code
}
