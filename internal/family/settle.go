package family

import (
	"cmp"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Pair is what a spend or a consent yielded.
type Pair struct {
	Refresh, Access atlassian.Secret
	AccessExpiresAt time.Time
	// SpentAt is when the request began, by the store's clock.
	SpentAt time.Time
	Scopes  []string
}

// Receipt is a pair on its way into the ledger.
type Receipt struct {
	Pair Pair
	// Record describes the pair's family with the pair as its newest tokens.
	Record Record
	// Before is the ledger's token when the spend or the consent was decided. Spent is what was
	// presented; empty for a consent.
	Before, Spent Fingerprint
	// Candidate is the version of REFRESH_TOKEN that held what was spent; 0 for the ledger's own
	// token. A consent makes everything up to this version older.
	Candidate int64
	// App is a consent's new app; nil for the one that is stored.
	App *atlassian.App
	// Doubt is an attempt to present the pair's own refresh token; nil without one.
	Doubt *Intent
}

// Receipt is the receipt that settles a state's tokens again, in a ledger that has begun anew
// without them.
func (s State) Receipt() *Receipt {
	return &Receipt{Pair: Pair{Refresh: s.Refresh, SpentAt: s.Record.RotatedAt}, Record: s.Record, App: s.App, Doubt: s.doubted()}
}

// Knows reports whether the state continues an earlier one. A token that was only adopted, and
// never proven, is not missed.
func (s State) Knows(earlier State) bool {
	return earlier.Empty() || earlier.unproven() || had(s.Record, earlier.Record.Refresh)
}

// clockStep is the precision of the store's clock.
const clockStep = time.Second

// Settle returns the state in which the received pair is the newest. Others may have changed the
// state since the spend was decided. If theirs is newer, kept is false and theirs stays, which
// remembers the pair as older. Over families the newest consent wins, within a family the spend
// that began last (invariant 3).
func (s State) Settle(r Receipt) (next State, kept bool) {
	theirs := s.Record
	r = r.beside(theirs)
	if !s.Empty() && theirs.Refresh != r.Before && theirs.newer(r) {
		if theirs.Refresh != r.Record.Refresh {
			s.Record.Past = theirs.Past.With(r.Record.Refresh) // REFRESH_TOKEN may hold it
		}
		return s, false
	}
	next = State{Refresh: r.Pair.Refresh, Record: r.Record, Inbox: s.Inbox, App: cmp.Or(r.App, s.App), Doubt: r.Doubt}
	if theirs.Refresh != r.Before && theirs.Refresh != r.Record.Refresh {
		next.Record.Past = next.Record.Past.With(theirs.Refresh)
	}
	next.Record.Past = next.Record.Past.Merge(theirs.Past)
	switch in := s.Intent; {
	case in == nil:
	case in.Owner != "" && in.Candidate > 0 && in.Candidate != r.Candidate:
		next.Intent = in // another process is presenting a candidate
	case in.Owner == unknownOwner && !r.Record.FreshConsent(): // it may present this one
		next.Intent, next.Doubt = &Intent{Owner: in.Owner, Token: r.Record.Refresh, First: in.First, Last: in.Last}, nil
		if r.Doubt != nil {
			next.Intent.First = r.Doubt.First
		}
	}
	next.settleInbox(s, r)
	return next, true
}

// beside is the receipt, dated so that a consent wins over an adoption in the same second. The
// store tells only whole seconds of the age of a token.
func (r Receipt) beside(theirs Record) Receipt {
	by := theirs.AuthorizedAt.Sub(r.Record.AuthorizedAt)
	if r.Record.FreshConsent() && theirs.AuthorizedAtSource == FromAdoption && by >= 0 && by < clockStep {
		r.Record.AuthorizedAt = theirs.AuthorizedAt.Add(time.Millisecond)
	}
	return r
}

// newer reports whether a record is newer than a received pair that was decided on another one.
func (r Record) newer(than Receipt) bool {
	spentLater := !stamp(than.Pair.SpentAt).After(r.RotatedAt)
	switch {
	case r.Past.Has(than.Record.Refresh):
		return true // the pair was settled before
	case r.sameFamily(than.Record):
		return r.Generation > than.Record.Generation || spentLater
	case than.Record.Past.Has(r.Refresh):
		return false // a ledger that was deleted has begun anew with an older token
	}
	return r.Past.Has(than.Spent) && spentLater || // from the same token
		!than.Record.AuthorizedAt.After(r.AuthorizedAt)
}

// settleInbox takes out of the inbox what the received pair has settled.
func (s *State) settleInbox(before State, r Receipt) {
	s.Inbox.Failure = nil
	for _, p := range s.Inbox.Pending {
		if p.Token == r.Record.Refresh { // it was stored in REFRESH_TOKEN
			s.Doubt, s.Inbox = before.presented(p), s.Inbox.answered(p.Version)
		}
	}
	for _, o := range s.Inbox.Rejected {
		if o.Token == r.Record.Refresh && o.Token != r.Spent { // the refusal may have taken the answer's place
			s.Record.LastFailure, s.Inbox = o.failure(), s.Inbox.without(func(v int64, _ time.Time) bool { return v == o.Version })
		}
	}
	s.Inbox = s.Inbox.answered(r.Candidate)
	if r.Candidate == 0 && r.Spent == before.Record.Refresh {
		s.Inbox = s.Inbox.outlived(before.Record.RotatedAt, r.Pair.SpentAt)
	}
	opaque := r.Record.Chain == ""
	if !opaque && refusedByMistake(before, r) { // without claims another may be its successor, or what it was made of
		s.Inbox = s.Inbox.askedAnew()
	}
	switch {
	case !before.Empty() && !before.Record.sameFamily(r.Record), opaque && r.Candidate <= before.Inbox.Kin:
		s.Inbox = s.Inbox.after(r.Candidate)
	case opaque: // what was refused before it may be what it was made of
		s.Inbox.Rejected = slices.DeleteFunc(slices.Clone(s.Inbox.Rejected), func(o Rejected) bool { return o.Version <= r.Candidate })
	}
}

// refusedByMistake reports whether Atlassian has refused what it has now accepted.
func refusedByMistake(s State, r Receipt) bool {
	return s.Inbox.rejected(r.Candidate).Version > 0 || r.Candidate == 0 && r.Spent == s.Record.Refresh && s.Record.Refused()
}

// presented is the doubt about a token that another process has presented as a
// candidate.
func (s State) presented(p Pending) *Intent {
	if in := s.Intent; in != nil && in.Token == p.Token {
		return &Intent{Owner: in.Owner, Token: p.Token, First: p.First, Last: in.Last}
	}
	return &Intent{Owner: "another process", Token: p.Token, First: p.First, Last: p.First}
}

// Defers reports whether a received pair must wait. Another process has presented the same token
// since. That may have revoked the pair, but the token can still be replayed. A consent's pair
// waits for nobody, even if an adopted family was stored in its second.
func (s State) Defers(r Receipt, process string, now time.Time) bool {
	in := s.doubted()
	return in != nil && !r.Record.FreshConsent() && in.Owner != process && in.Owner != unknownOwner && r.Record.sameFamily(s.Record) && in.Last.After(r.Pair.SpentAt) && open(in.First, now)
}

// Left is what a spend leaves of its intent where the token may be spent all the same: the owner
// has lost the answer. before is the state that the spend was decided on, and last the newest
// attempt that can have arrived. If that is one of the state before, its owner may yet save the
// successor.
func (in *Intent) Left(before State, last time.Time) *Intent {
	left := &Intent{Token: in.Token, Candidate: in.Candidate, First: in.First, Last: stamp(last)}
	switch old := before.doubted(); {
	case old == nil, old.Token != in.Token, left.Last.After(old.Last):
	case old.Owner != in.Owner && old.Owner != unknownOwner: // that one is waited for only once
		left.Owner = old.Owner
	}
	return left
}

// Failed returns the state after a spend without a successor. left is what stays of the intent;
// nil if the token is certainly not spent.
func (s State) Failed(f Failure, left *Intent) State {
	in := s.Intent
	s.Intent = left
	if left != nil {
		f.FirstSpend = left.First
	}
	switch {
	case in == nil || in.Candidate == 0:
		s.Record = s.Record.Fail(f)
		return s
	case left != nil:
	case passing(f.Class):
		s.Inbox = s.Inbox.answered(in.Candidate) // it was not spent
	default:
		s.Inbox = s.Inbox.reject(in.Candidate, f, f.At)
		return s
	}
	s.Inbox.Failure = f.after(s.Inbox.Failure) // the family's own token was not asked about
	return s
}

// passing reports whether a failure of the class says nothing of the token.
func passing(class string) bool {
	return class != atlassian.Permanent.String() && class != atlassian.Malformed.String()
}

// Consented is the receipt of a consent's first pair. Every value in REFRESH_TOKEN is older than
// that, except what was stored since. Beside psoxy even that is older: it may be psoxy's rotation
// of the family before.
func (s Snapshot) Consented(pair Pair, p Policy) *Receipt {
	previous := s.State.Record
	if told := s.Told(); s.State.Empty() && told != nil {
		previous = *told
	}
	born := stamp(pair.SpentAt)
	if !born.After(previous.AuthorizedAt) && previous.AuthorizedAt.Sub(born) < ClockTolerance {
		born = previous.AuthorizedAt.Add(time.Millisecond) // another machine's clock is a little ahead of ours
	}
	r := &Receipt{Pair: pair, Before: s.State.Record.Refresh, Candidate: s.RefreshToken.Version, Record: Record{
		Schema: Schema, Connection: s.Connection, AuthorizedAt: born, AuthorizedAtSource: FromConsent,
		LifetimeDays: p.Lifetime.Hours() / 24, Past: previous.Past.With(previous.Refresh).With(previous.Chain),
		Refresh: FingerprintOf(pair.Refresh), Access: FingerprintOf(pair.Access), Chain: chainOf(pair.Refresh),
		Client: client(s.App()), Scopes: slices.Clone(pair.Scopes),
		AccessFormat: remembered(s.AccessFormat), AccessExpiresAt: stamp(pair.AccessExpiresAt),
	}}
	for _, f := range append(slices.Clip(s.Offers), s.RefreshToken) {
		if fp := FingerprintOf(f.Value); !s.Shared() && f.Modified.After(pair.SpentAt.Add(clockStep)) {
			r.Candidate = min(r.Candidate, f.Version-1)
		} else if fp != r.Record.Refresh {
			r.Record.Past = r.Record.Past.With(fp)
		}
	}
	return r
}

// FreshConsent reports whether the record is of a consent whose tokens were never rotated.
func (r Record) FreshConsent() bool { return r.AuthorizedAtSource == FromConsent && r.Generation == 0 }
