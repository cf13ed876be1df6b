package family

import (
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// How tokens are related. Their claims tell that, if they have any: the chain names the family,
// and iat the time of issue. Without claims it counts who stored them, and when.

// issuedAfter reports whether a token was issued later than another, by their claims.
func issuedAfter(f, other Field) bool {
	its, _ := atlassian.Claims(f.Value)
	others, _ := atlassian.Claims(other.Value)
	return !others.IssuedAt.IsZero() && its.IssuedAt.After(others.IssuedAt)
}

// precedes reports whether claims tell that two tokens are of one family and the first is the
// older one. It is spent then.
func precedes(f, other Field) bool {
	chain := chainOf(f.Value)
	return chain != "" && chain == chainOf(other.Value) && issuedAfter(other, f)
}

// succeeds reports whether a candidate is the own token's successor, as far as is known: then
// that one is spent. The chain claims decide. Without them it is, if it was there when the ledger
// began or if psoxy stored it.
func (s judge) succeeds(candidate Field) bool {
	mine, its := s.State.Record.Chain, chainOf(candidate.Value)
	if mine != "" && its != "" {
		return mine == its
	}
	return candidate.Since <= s.State.Inbox.Kin || mine == its && s.byPsoxy(candidate)
}

// continues reports whether a candidate counts as the family's next generation: accepted, its age
// and site stay. It is the own token's successor, or psoxy rotates too and no claims tell
// otherwise.
func (s judge) continues(candidate Field) bool {
	return s.succeeds(candidate) || s.Shared() && s.State.Record.Chain == chainOf(candidate.Value)
}

// mayYield reports whether psoxy may have made one token of another.
func (s judge) mayYield(f, successor Field) bool {
	return s.Shared() && successor.Version > 0 && chainOf(successor.Value) == chainOf(f.Value)
}

// covers reports whether psoxy may have made the upper of two tokens of the lower one, and no
// claims tell: the lower one was still in its cache when the upper one was stored. If both were
// issued in the same second, it has if it stored the upper one.
func (s judge) covers(over, f Field) bool {
	told := chainOf(f.Value) != "" && (precedes(over, f) || !s.byPsoxy(over))
	return !told && s.mayYield(f, over) && over.Modified.Sub(f.Until) < psoxy.CacheFor
}
