package family

import (
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Mark is what tells whose a refresh token is, without the token.
type Mark struct{ token, chain Fingerprint }

// MarkOf returns the mark of a refresh token.
func MarkOf(token atlassian.Secret) Mark { return Mark{FingerprintOf(token), chainOf(token)} }

// Owns reports whether a refresh token is of the family that a state keeps, or is presented by
// it. What was adopted and never worked may be another connection's.
func Owns(s State, m Mark) bool {
	for _, in := range []*Intent{s.Intent, s.Doubt} {
		if in != nil && in.Token == m.token {
			return true
		}
	}
	switch {
	case s.Empty() || s.unproven():
		return false
	case m.chain != "":
		return m.chain == s.Record.Chain
	}
	past := s.Record.Past
	if s.Record.AuthorizedAtSource == FromConsent && s.Record.AccessFormat != psoxy.JSON { // nobody counts psoxy's
		past = past.newest(s.Record.Generation) // what lay under the consent may be anybody's
	}
	return m.token == s.Record.Refresh || past.Has(m.token)
}

// Ahead reports whether another connection goes on with the tokens of a state: they were copied,
// and its rotations have spent them. Or it was given the same token by Atlassian, and here that was
// only adopted.
func Ahead(other, own State, now time.Time) bool {
	o, r := other.Record, own.Record
	adopted := r.Chain == "" && o.AuthorizedAtSource == FromAdoption && o.Past.Has(r.Refresh) // psoxy may have rotated it before
	switch {
	case o.Refresh == r.Refresh:
		return own.unproven() && !other.unproven()
	case !o.RotatedAt.After(r.RotatedAt):
		return false
	case !LeftAlone(own, now):
		return tookOver(o, r)
	}
	return adopted || knows(o, r.Refresh, r.Chain)
}

// tookOver reports whether the rotations of another record have spent a token that is served, and
// was received lately. That is asked before every rotation, so 30 bits of a fingerprint, among
// hundreds of tokens, are not enough: they would be equal by chance one day, and a healthy
// connection would not be served. The other one has the chain claim as well, or the token before,
// or the family began there with the token.
func tookOver(o, own Record) bool {
	before, spent := o.Past.before(pack(own.Refresh))
	since := (len(o.Past) - len(before)) / pastWidth
	most := min(o.Generation, 2+int(o.RotatedAt.Sub(own.active())/republishPause))
	same := own.Chain != "" && own.Chain == o.Chain || before.newest(1) == own.Past.newest(1) || since == o.Generation
	return spent && since <= most && same
}

// LeftAlone reports whether another connection may have gone on with a state's own token long ago:
// it never worked, or was left alone for long.
func LeftAlone(s State, now time.Time) bool {
	return s.unproven() || now.Sub(s.Record.active()) > restsAtMost
}

// restsAtMost is longer than the tokens of a served connection rest.
const restsAtMost = 2 * time.Hour

// OfOwnFamily reports whether a decision presents a token with which another connection may have
// gone on: the ledger's own, or one that is of its family by the claims. Beside psoxy the latter is
// psoxy's rotation.
func OfOwnFamily(s Snapshot, d Decision) bool {
	chain := chainOf(d.Candidate.Value)
	return d.Candidate.Version == 0 || chain != "" && chain == s.State.Record.Chain && !s.Shared()
}

// Strangers are the offers that may be another connection's tokens: their claims do not tell that
// they are of the own family.
func Strangers(s Snapshot) (tokens []atlassian.Secret) {
	j := judge{s}
	for _, f := range s.Offers {
		if strange(j, f) {
			tokens = append(tokens, f.Value)
		}
	}
	return tokens
}

// WithoutStrangers returns the snapshot without its strangers, for it is not known whose they are.
// They are judged later, and stay until then.
func WithoutStrangers(s Snapshot) Snapshot {
	s.Offers = slices.DeleteFunc(slices.Clone(s.Offers), func(f Field) bool { return strange(judge{s}, f) })
	s.Partial, s.Stays = true, true
	return s
}

func strange(s judge, f Field) bool {
	return s.presentable(f) && (chainOf(f.Value) == "" || !s.continues(f))
}
