package family

import (
	"slices"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Owns reports whether a refresh token is of the family that a state keeps: its newest or an
// earlier one, or one that it presents. What was adopted and never worked may be another
// connection's.
func Owns(s State, token atlassian.Secret) bool {
	fp, chain := FingerprintOf(token), chainOf(token)
	for _, in := range []*Intent{s.Intent, s.Doubt} {
		if in != nil && in.Token == fp {
			return true
		}
	}
	switch {
	case s.Empty() || s.unproven():
		return false
	case chain != "":
		return chain == s.Record.Chain
	}
	return fp == s.Record.Refresh || s.Record.Past.Has(fp)
}

// Strangers are the offers that may be another connection's tokens: candidates that no claims
// tell to be the family's own.
func Strangers(s Snapshot) (tokens []atlassian.Secret) {
	j := judging{s}
	for _, f := range s.Offers {
		if strange(j, f) {
			tokens = append(tokens, f.Value)
		}
	}
	return tokens
}

// Familiar returns the snapshot without its strangers: it is not known whose they are. They are
// judged later.
func Familiar(s Snapshot) Snapshot {
	s.Offers, s.Partial = slices.DeleteFunc(slices.Clone(s.Offers), func(f Field) bool { return strange(judging{s}, f) }), true
	return s
}

func strange(s judging, f Field) bool {
	verdict, _, _ := s.verdict(f)
	return verdict == Candidate && (chainOf(f.Value) == "" || !s.continues(f))
}
