package family

import (
	"time"
)

// doubt is what is known about a refresh token that may have been spent.
type doubt struct {
	// since is the first attempt to present it, last the newest.
	since, last time.Time
	// answered: the newest attempt ended without tokens, so that no process can
	// be holding a successor. Otherwise one may still come to save it.
	answered bool
}

// doubtOf gathers the traces of an attempt to present the stored refresh token:
// our intent in the lock, a lock that psoxy left, and the last failure.
func doubtOf(s Snapshot, r Record) (doubt, bool) {
	var d doubt
	found := false
	if l := s.Lock; l != nil {
		switch {
		case l.Intent != nil && l.Intent.Spending == r.Refresh && !l.Intent.FirstSpend.IsZero():
			since, last := l.spends()
			d, found = doubt{since: since, last: last}, true
		case l.Intent == nil && !s.RefreshToken.Modified.After(l.Modified):
			// Psoxy took the lock and wrote no refresh token since: it may have
			// spent this one, at the earliest when the store wrote the lock.
			d, found = doubt{since: l.Modified, last: l.Modified}, true
		}
	}
	if f := r.LastFailure; f != nil && !f.FirstSpend.IsZero() && f.Token == r.Refresh {
		if !found {
			return doubt{since: f.FirstSpend, last: f.At, answered: true}, true
		}
		if f.FirstSpend.Before(d.since) {
			d.since = f.FirstSpend
		}
		if !f.At.Before(d.last) {
			d.last, d.answered = f.At, true
		}
	}
	return d, found
}

// decide is invariant 2. Presenting the token again is the only way out of
// doubt: inside the leeway it yields a pair for certain; afterwards it still
// works if no attempt ever arrived, and if one did, its successor is lost and
// the family with it. Every attempt may have been the first that arrived, so
// attempts go on, one a tick, until Atlassian gives a definite answer.
//
// After the leeway there is one thing left to lose: what another holder got.
// So the probe waits for a process that may still save a successor, and for the
// end of an access token that only a spend can have yielded.
func (d doubt) decide(s Snapshot, r Record, now time.Time) Decision {
	elapsed := now.Sub(d.since)
	switch {
	case elapsed < -ClockTolerance:
		return Decision{Action: LateProbe, Reason: "the clock went back behind the first attempt at " + clock(d.since) + ", so its leeway cannot be measured"}
	case elapsed < Leeway-LeewayMargin:
		return Decision{Action: Replay, Reason: "presented at " + clock(d.since) + " and its answer was lost; it may be presented again within the leeway"}
	}
	if d.last.After(d.since) && now.Sub(d.last) < Leeway-LeewayMargin {
		return Decision{Action: LateProbe, Reason: "the attempt at " + clock(d.last) + " may have been the first to arrive, and its leeway is not over"}
	}
	if !d.answered && now.Before(d.last.Add(2*Leeway)) {
		return Decision{Action: HoldInDoubt, Reason: "presented at " + clock(d.last) + " by a process that may yet save the answer; probing from " + clock(d.last.Add(2*Leeway)) + " on"}
	}
	if s.AccessToken.Modified.After(d.since) && r.Access != FingerprintOf(s.AccessToken.Value) {
		expires := s.AccessExpires
		if expires.IsZero() {
			expires = s.AccessToken.Modified.Add(time.Hour)
		}
		if now.Before(expires) {
			return Decision{Action: HoldInDoubt, Reason: "it was spent, its successor is lost, and the access token it yielded works until " + clock(expires)}
		}
	}
	return Decision{Action: LateProbe, Reason: "presented at " + clock(d.since) + ", its answer was lost and the leeway is over; a last probe tells whether it ever arrived"}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
