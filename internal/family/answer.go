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
	// IfAllDiffer: if the three answers of a tick hold three such tokens. The server may have
	// come to issue other claims; a cache would repeat itself.
	IfAllDiffer
	// AtLast: the same, or once the leeway is long over. The server may have come to use such a
	// form, and nothing is left to lose.
	AtLast
)

// Unlikely says why an answer's refresh token is not the successor of the one that was
// presented; "" if it may be. What stands between may have damaged it, or answered from a
// cache, or for another connection.
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

// Publishable is the access token of an answer whose refresh token is believed, or none if it is
// that of the answer before, which ends soon. Nor is there one if its form is odd, and neither
// the stored one's nor the refresh token's is: then it is damaged rather than of a new form.
func Publishable(s Snapshot, access, refresh atlassian.Secret) atlassian.Secret {
	odd := func(token atlassian.Secret) bool { return !token.IsZero() && tokenform.Problem(token.Reveal()) != "" }
	before := s.State.Record.Access
	if before != "" && (FingerprintOf(access) == before || odd(access) && !odd(s.AccessToken.Value) && !odd(refresh)) {
		return atlassian.Secret{}
	}
	return access
}
