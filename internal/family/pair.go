package family

import (
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Pair is what a spend yielded. Until it is saved it exists nowhere else.
type Pair struct {
	Refresh, Access atlassian.Secret
	// AccessExpiresAt is when the access token expires.
	AccessExpiresAt time.Time
	// SpentAt is when the request began.
	SpentAt time.Time
	// Scopes that were granted.
	Scopes []string
}

func (p Pair) fingerprint() Fingerprint { return FingerprintOf(p.Refresh) }

// Outranks answers invariant 3: whether a refresh token that somebody else
// wrote while we rotated must stay on top of ours. ours is the record that we
// are about to save for our pair; stored is TOKEN_FAMILY as it is now, nil if
// there is none that can be read.
//
// The newest consent wins; within a family, the spend that began last: ours, if
// theirs was written before locked, when by the store's clock we took the lock
// under which ours was received; otherwise the records' times decide. A token
// that TOKEN_FAMILY does not know was put there after we had read the store. Its
// chain claim may say that it is of our family: then ours, received later, stays.
// Otherwise it wins, for it may be a new consent, which nobody can repeat for us.
func Outranks(theirs Field, stored *Record, ours Record, locked time.Time) bool {
	token := FingerprintOf(theirs.Value)
	switch {
	case token == "", token == ours.Refresh, slices.Contains(ours.Previous, token):
		return false
	case stored == nil || stored.Refresh != token:
		return ours.Chain == "" || chainOf(theirs.Value) != ours.Chain
	case !stored.AuthorizedAt.Equal(ours.AuthorizedAt):
		return stored.AuthorizedAt.After(ours.AuthorizedAt)
	}
	return !theirs.Modified.Before(locked) && stored.RotatedAt.After(ours.RotatedAt)
}
