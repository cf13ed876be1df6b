package family

import (
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// doubt is what is known about a refresh token that may have been spent.
type doubt struct {
	// known: there was an attempt to present it.
	known bool
	// first is the first attempt to present it, last the newest.
	first, last time.Time
	// owned: the process that presented it may still save its successor.
	owned bool
}

// ownDoubt is the doubt about the ledger's own token. The ledger tells of attempts to present it.
// So may psoxy's lock, psoxy's access token, and a rival of a consent.
func (s judge) ownDoubt(c choice) (d doubt) {
	if in := s.State.doubted(); in != nil {
		d = doubt{known: true, first: in.First, last: in.Last, owned: in.Owner != ""}
	}
	told := func(at time.Time) {
		switch {
		case !d.known:
			d = doubt{known: true, first: at, last: at, owned: true}
		case at.Before(d.first):
			d.first = at
		}
	}
	if s.LockTells(c.candidate) {
		told(s.PsoxysLock().Modified)
	}
	if at := psoxySpent(s, c.candidate); !at.IsZero() {
		told(at)
	}
	if c.rival {
		told(s.State.Record.AuthorizedAt)
	}
	if d.last.After(s.Now) { // somebody has edited it
		d.last = d.first
	}
	return d
}

// PsoxysLock is the lock that psoxy holds or has left behind; Version 0 without one.
func (s Snapshot) PsoxysLock() Field {
	if s.Lock.Version > 0 && !psoxy.Ours(s.Lock.Value) {
		return s.Lock
	}
	return s.Left
}

// LockTells reports whether a lock that psoxy left behind puts the ledger's own token in doubt.
// It does not if it is older than the token, or than Atlassian's refusal of it. Nor does it if a
// candidate was stored since, which may be the successor.
func (s Snapshot) LockTells(candidate Field) bool {
	lock, r := s.PsoxysLock(), s.State.Record
	switch {
	case lock.Version == 0, lock.Modified.Before(r.RotatedAt), r.refusedSince(lock.Modified):
		return false
	case r.FreshConsent() && lock.Modified.Add(Lease).Before(r.AuthorizedAt):
		return false // no token was granted then
	}
	return candidate.Version == 0 || candidate.Modified.Before(lock.Modified)
}

// underLock reports whether psoxy may have presented a candidate: REFRESH_TOKEN held it when
// psoxy took the lock that it left behind, and still does.
func (s judge) underLock(candidate Field) bool {
	stood := candidate.Until.IsZero() || candidate.Until.After(s.PsoxysLock().Modified)
	return candidate.Version > 0 && candidate.Value == s.RefreshToken.Value && stood && s.LockTells(candidate)
}

// firstSpend is when a candidate was, or may have been, presented first.
func (s judge) firstSpend(candidate Field) time.Time {
	first := s.State.Inbox.first(candidate.Version)
	if s.underLock(candidate) {
		return earlier(first, s.PsoxysLock().Modified)
	}
	return first
}

// replayable reports whether the token may be presented again inside the leeway
// of its first spend (invariant 2).
func (d doubt) replayable(now time.Time) bool { return open(d.first, now) }

// LongOver reports whether the leeway of a spend has been over for long. Probes then rest, and a
// lost answer is not asked for again at once.
func LongOver(spend, now time.Time) bool { return now.Sub(spend) >= 2*Leeway }

// open reports whether the leeway of a spend at the given time is not over.
func open(spend, now time.Time) bool { return now.Sub(spend) < Leeway-LeewayMargin }

// hold says why a token whose leeway is over is not presented yet; "" if it may be. One thing is
// left to lose: a successor that another process has received. So the probe gives that process
// time to save it, but not while the leeway of the last attempt is open: that may have been the
// first to arrive.
func (d doubt) hold(now time.Time) (why string) {
	if until := d.last.Add(2 * Leeway); d.owned && now.Before(until) && !open(d.last, now) {
		return "presented at " + clock(d.last) + " by a process that may yet save the answer; it is presented again from " + clock(until) + " on"
	}
	return ""
}

// lastAttempt is when the ledger's own token in doubt was presented last. A rate limit answers,
// and is no lost answer, but counts here.
func (v view) lastAttempt() time.Time {
	last := v.doubt.last
	if f := v.State.Record.LastFailure; f != nil && f.Class == atlassian.Transient.String() && f.At.After(last) && !f.At.After(v.Now) {
		return f.At
	}
	return last
}
