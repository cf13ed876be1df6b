package family

import (
	"slices"
	"time"
)

// Consented is the record of a family that a consent has just begun with pair.
// previous is the family that it replaces, or nil: the new one is the younger
// of the two even where another machine's clock goes a little ahead of ours.
func Consented(connection string, pair Pair, at time.Time, p Policy, previous *Record) Record {
	born := stamp(at)
	if previous != nil && !born.After(previous.AuthorizedAt) && previous.AuthorizedAt.Sub(born) < ClockTolerance {
		born = previous.AuthorizedAt.Add(time.Millisecond)
	}
	var replaced []Fingerprint
	if previous != nil {
		// A stale read of the old token, or a person's rollback, is known by these.
		replaced = prepend(previous.Refresh, previous.Previous)
	}
	return Record{
		Schema: Schema, Connection: connection, Previous: replaced, AuthorizedAt: born, AuthorizedAtSource: FromConsent,
		LifetimeDays: p.Lifetime.Hours() / 24,
		Refresh:      pair.fingerprint(), Access: FingerprintOf(pair.Access), Chain: chainOf(pair.Refresh),
		Scopes: slices.Clone(pair.Scopes), AccessExpiresAt: stamp(pair.AccessExpiresAt),
	}
}

// FreshConsent reports whether the record is of a consent whose tokens were
// never rotated.
func (r Record) FreshConsent() bool { return r.AuthorizedAtSource == FromConsent && r.Generation == 0 }

// ConsentLock says whether a consent may take the lock now, over what is left
// of another's if need be. Otherwise wait says, for people, what it has to wait
// for.
//
// A consent presents no refresh token, so it may take over a stale lock like
// the refresher. But it may not delay a replay: a token in doubt belongs to the
// refresher for as long as a replay can save it, or somebody may come to save
// its successor. Afterwards the intent that the lock must keep is returned, so
// that a consent which comes to nothing does not make the doubt forgotten.
func (s Snapshot) ConsentLock(now time.Time, p Policy) (in Intent, wait string) {
	in.Consent, in.Version = true, s.RefreshToken.Version
	if s.Lock != nil && s.Lock.fresh(now) && !s.Lock.OwnedBy(s.Process) {
		return in, "another process holds the lock since " + clock(s.Lock.taken())
	}
	if s.RefreshToken.Value.IsZero() {
		return in, ""
	}
	if s.interrupted() && !s.Lock.Intent.Consent {
		return in, "a rotation was interrupted, and the refresher finishes it at its next tick"
	}
	r := s.Lineage(now, p)
	d, found := doubtOf(s, r)
	if !found || r.Refused() {
		return in, ""
	}
	until := d.since.Add(Leeway)
	if !d.answered {
		until = later(until, d.last.Add(2*Leeway))
	}
	if now.Before(until) {
		return in, "the stored refresh token may have been spent at " + clock(d.since) + ", and the refresher may still save its successor, at the latest until " + clock(until)
	}
	in.Spending, in.FirstSpend, in.Attempt = r.Refresh, d.since, d.last
	return in, ""
}
