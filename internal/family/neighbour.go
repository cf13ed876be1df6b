package family

import "github.com/tokenkeeper/tokenkeeper/pkg/atlassian"

// Owns reports whether a refresh token is of the family that a state keeps: its newest or an
// earlier one. What was adopted and never worked may be another connection's.
func Owns(s State, token atlassian.Secret) bool {
	fp, chain := FingerprintOf(token), chainOf(token)
	switch {
	case s.Empty() || s.unproven():
		return false
	case chain != "":
		return chain == s.Record.Chain
	}
	return fp == s.Record.Refresh || s.Record.Past.Has(fp)
}

// Strangers are the offers that may be another connection's tokens: candidates that are not
// known as the family's own.
func Strangers(s Snapshot) (tokens []atlassian.Secret) {
	j := judging{s}
	for _, f := range s.Offers {
		if j.isCandidate(f) && !j.continues(f) {
			tokens = append(tokens, f.Value)
		}
	}
	return tokens
}
