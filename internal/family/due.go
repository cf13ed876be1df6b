package family

import (
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func backOff(v view) (Decision, bool) {
	d, wait := v.waits(v.State.Record.Refresh)
	if d.Action == Misconfigured && v.choice.candidate.Version > 0 {
		return lateCandidate(v) // it has pauses of its own
	}
	return d, wait
}

// waits holds back an attempt with a token that would only repeat the last one.
func (v view) waits(token Fingerprint) (Decision, bool) {
	f, longest := v.State.Record.LastFailure, maxFailureBackoff
	if f == nil || f.Token != token {
		f, longest = v.State.Inbox.Failure, 2*failureBackoff // REFRESH_TOKEN is wrong until then
	}
	if f == nil || f.Token != token || f.At.After(v.Now.Add(ClockTolerance)) {
		return skip()
	}
	next := f.At.Add(f.backoff(longest))
	switch f.Class {
	case atlassian.Transient.String():
		if until := v.restrained(f); v.Now.Before(until) {
			return decide(Failed, "Atlassian asked not to be called before %s", clock(until))
		}
	case atlassian.Configuration.String():
		if f.Credentials == v.Credentials() && v.Now.Before(next) {
			return decide(Misconfigured, "%s (%s); next attempt at %s, or as soon as CLIENT_ID or CLIENT_SECRET change", v.appProblem(token), orNone(f.Code), clock(next))
		}
	case atlassian.Malformed.String():
		if v.Now.Before(next) {
			return decide(Failed, "Atlassian answered that it cannot read the request (%s): %s may hold no whole token; next attempt at %s", orNone(f.Code), v.inboxName(), clock(next))
		}
	}
	return skip()
}

// backoff is the pause after a failed attempt. A proxy may have answered instead of Atlassian,
// and the token be spent. So the leeway of the first attempt gets an attempt in its last minutes.
// For a while longer, each attempt is followed by another inside its own leeway.
func (f Failure) backoff(longest time.Duration) time.Duration {
	const lastChance = Leeway - LeewayMargin - 2*time.Minute
	backoff := min(longest, failureBackoff<<min(max(f.Count-1, 0), 4)) // a person may have edited the count
	switch since := f.At.Sub(f.first()); {
	case since < lastChance:
		return min(failureBackoff, lastChance-since)
	case since < 2*Leeway:
		return min(backoff, TickInterval-tickSlack)
	}
	return backoff
}

// appProblem says why the app could not present a token. Only the own token tells that another
// app is stored: a candidate may belong to that app.
func (v view) appProblem(token Fingerprint) string {
	if other := OtherApp(v.Snapshot); other != "" && token == v.State.Record.Refresh {
		return other
	}
	return "Atlassian refused the app's credentials or the account"
}

// Spaced is the time before which Atlassian is not called after an answer that limits the rate.
// Once it has limited the rate for a leeway, that is in some minutes at the earliest. For a
// candidate that holds from the first answer on: the own token has its turn meanwhile.
func Spaced(f Failure, r Record, candidate bool) time.Time {
	last := r.LastFailure
	repeated := last != nil && last.Class == f.Class && last.Token == f.Token
	if candidate || repeated && !open(last.First, f.At) {
		return later(f.RetryAt, f.At.Add(failureBackoff))
	}
	return f.RetryAt
}

// restrained is the time before which Atlassian asked not to be called, as far as that is obeyed.
func (v view) restrained(f *Failure) time.Time {
	until, expires := f.RetryAt, v.served(f)
	if latest := f.At.Add(atlassian.MaxRetryAfter); latest.Before(until) {
		until = latest
	}
	latest := later(expires.Add(-accessReserve), f.At.Add(failureBackoff)) // nobody is served by a request at every tick
	if !expires.IsZero() && latest.Before(until) {
		until = latest
	}
	return until
}

// served is until when consumers have an access token. One of unknown life lives for an hour at
// most. If neither ACCESS_TOKEN nor this process holds the newest one, consumers have none: a
// wait of noAccess is obeyed then.
func (v view) served(f *Failure) time.Time {
	r, a := v.State.Record, v.AccessToken
	switch {
	case v.denied(NamesOf(v.Connection).AccessToken):
		return r.AccessExpiresAt
	case a.Value.IsZero() || r.Access != "" && FingerprintOf(a.Value) != r.Access && !v.HoldsAccess && !v.Shared():
		return f.At.Add(noAccess + accessReserve)
	case r.AccessExpiresAt.IsZero():
		return a.Modified.Add(time.Hour)
	}
	return r.AccessExpiresAt
}

// noAccess is the longest wait that is obeyed while consumers have no access token.
const noAccess = 10 * time.Minute

// republishPause is the least time between two rotations. Access tokens may be short-lived, or
// another program may write over ACCESS_TOKEN.
const republishPause = 4*time.Minute - tickSlack

// consentPublishes is how long a consent's process may take from its entry to the last copy. It
// would write over a rotation in between.
const consentPublishes = time.Minute

func due(v view) (Decision, bool) {
	r := v.State.Record
	left, since := r.AccessExpiresAt.Sub(v.Now), v.Now.Sub(r.RotatedAt)
	justRotated := since > -ClockTolerance && since < republishPause // the store tells whole seconds
	consenting := r.FreshConsent() && v.Now.Sub(v.Written) < consentPublishes
	name := NamesOf(v.Connection).AccessToken
	switch {
	case justRotated, v.secondLookIsDue():
	case r.RotatedAt.After(v.Now.Add(ClockTolerance)):
		return decide(Rotate, "the store's clock was set back since the last rotation, and it is not known how long the access token lives")
	case r.AccessExpiresAt.IsZero():
		return decide(Rotate, "it is not known how long the stored access token lives")
	case left > longestAccess+ClockTolerance:
		return decide(Rotate, "the stored access token would have %s left, and none lives so long", left.Round(time.Second))
	case left < v.policy.RefreshBefore:
		return decide(Rotate, "the access token has %s left, less than %s", left.Round(time.Second), v.policy.RefreshBefore)
	case !v.HoldsAccess && FingerprintOf(v.AccessToken.Value) != r.Access && !consenting && !v.denied(name):
		return decide(Rotate, "%s does not hold the newest access token", name)
	}
	return skip()
}

// manyStrangers is how many strangers are refused within an hour until the own token waits for
// none: a program writes another text time and again.
const manyStrangers = 4

// secondLookIsDue reports whether the own token waits for a second look at any refused candidate.
// It waits for no stranger where there were many, nor in the leeway of its own failed attempt: a
// refusal may have taken the place of the answer. Beside psoxy only the first counts: psoxy may
// have made the stranger of it.
func (v view) secondLookIsDue() bool {
	strangers, failed := 0, v.State.Record.LastFailure
	for _, r := range v.State.Inbox.Rejected {
		if r.Stored.IsZero() && Within(r.At, v.Now, probeFirst) {
			strangers++
		}
	}
	late := !v.doubt.known && !v.latelyShared() && failed != nil && open(failed.First, v.Now)
	return slices.ContainsFunc(v.State.Inbox.Rejected, func(r Rejected) bool {
		return v.looksAgain(r) && (!r.Stored.IsZero() || strangers < manyStrangers && !late)
	})
}
