package family

import (
	"github.com/tokenkeeper/tokenkeeper/internal/family/tokenform"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Unlikely says why an answer's refresh token is not the successor of the one that was
// presented; "" if it may be. What stands between may have damaged it, or answered from a
// cache, or for another connection. certain: it cannot be the successor. Otherwise its form
// is odd, which a server may come to use.
func (r Record) Unlikely(presented, successor atlassian.Secret) (why string, certain bool) {
	its, _ := atlassian.Claims(successor)
	before, _ := atlassian.Claims(presented)
	chain, chainBefore := chainOf(successor), chainOf(presented)
	switch {
	case successor.IsZero():
		return "", false
	case r.Past.Has(FingerprintOf(successor)) && !its.IssuedAt.After(before.IssuedAt), // Past remembers 30 bits: claims tell more
		its.IssuedAt.Before(before.IssuedAt.Add(-ClockTolerance)) && !its.IssuedAt.IsZero():
		return "it is an older token", true
	case chain != "" && chainBefore != "" && chain != chainBefore:
		return "it is of another token family", true
	case its.TokenType == "ACCESS":
		return "it is an access token", true
	case tokenform.Problem(presented.Reveal()) != "":
		return "", false // the server uses such a form
	}
	return tokenform.Problem(successor.Reveal()), false
}

// Publishable is an answer's access token, or none if its form is odd, and neither the stored
// one's nor that of the answer before was: then it is damaged rather than of a new form.
func Publishable(s Snapshot, access atlassian.Secret) atlassian.Secret {
	odd := func(token atlassian.Secret) bool { return !token.IsZero() && tokenform.Problem(token.Reveal()) != "" }
	if s.State.Record.Access != "" && odd(access) && !odd(s.AccessToken.Value) {
		return atlassian.Secret{}
	}
	return access
}
