package family

import (
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family/tokenform"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Belief says when an answer's unlikely refresh token is believed all the same.
type Belief int

const (
	// Never: it cannot be the successor.
	Never Belief = iota
	// IfAllDiffer: it is believed if the three answers of a tick hold three such tokens. A cache
	// would repeat itself, so the server issues other claims now.
	IfAllDiffer
	// AtLast: the same, and also once the leeway is long over. Nothing is left to lose then, and
	// the server may use such a form now.
	AtLast
)

// Unlikely says why the refresh token of an answer is not the successor of the presented one; ""
// if it may be. Something between us and Atlassian may have damaged it, or answered from a cache
// or for another connection.
func (r Record) Unlikely(presented, successor atlassian.Secret, now time.Time) (why string, believed Belief) {
	its, _ := atlassian.Claims(successor)
	before, _ := atlassian.Claims(presented)
	chain, chainBefore := chainOf(successor), chainOf(presented)
	fresh := now.Sub(its.IssuedAt).Abs() < ClockTolerance // the clock that issues may have been wrong before
	switch {
	case successor.IsZero():
		return "", Never
	case r.Past.Has(FingerprintOf(successor)) && !its.IssuedAt.After(before.IssuedAt), // Past remembers 30 bits: claims tell more
		its.IssuedAt.Before(before.IssuedAt.Add(-ClockTolerance)) && !its.IssuedAt.IsZero() && !fresh:
		return "it is an older token", Never
	case its.TokenType == "ACCESS":
		return "it is an access token", Never
	case chain != "" && chainBefore != "" && chain != chainBefore:
		return "it is of another token family", IfAllDiffer
	case tokenform.Problem(presented.Reveal()) != "":
		return "", Never // the server uses such a form
	}
	return tokenform.Problem(successor.Reveal()), AtLast
}

// Publishable is the access token of an answer whose refresh token is believed. It is zero if it
// is the access token of the answer before, which ends soon. It is zero, too, if only its form is
// odd, and neither the stored one's nor the refresh token's: then it is damaged.
func Publishable(s Snapshot, access, refresh atlassian.Secret) atlassian.Secret {
	odd := func(token atlassian.Secret) bool { return !token.IsZero() && tokenform.Problem(token.Reveal()) != "" }
	before := s.State.Record.Access
	if before != "" && (FingerprintOf(access) == before || odd(access) && !odd(s.AccessToken.Value) && !odd(refresh)) {
		return atlassian.Secret{}
	}
	return access
}
