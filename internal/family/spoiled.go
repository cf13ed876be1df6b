package family

import (
	"github.com/tokenkeeper/tokenkeeper/internal/family/tokenform"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// spoiled: REFRESH_TOKEN holds no token, but its claims tell that it was made of the own token's
// successor. So the own token is spent, and a person can store the whole successor.
func spoiled(v view) (Decision, bool) {
	f := v.RefreshToken
	within := atlassian.NewSecret(tokenform.Within(f.Value.Reveal()))
	claims, _ := atlassian.Claims(within)
	mine, _ := atlassian.Claims(v.State.Refresh)
	chain, fp := chainOf(within), FingerprintOf(within)
	if chain == "" || chain != v.State.Record.Chain || !claims.IssuedAt.After(mine.IssuedAt) || claims.TokenType == "ACCESS" || v.choice.candidate.Version > 0 {
		return skip()
	}
	verdict, reason := v.State.Judge(f)
	whole := v.State.Inbox.TakesTurns(v.State.Record) // it was refused, and has its turn again after the own token
	if whole || verdict != NoToken || fp == v.State.Record.Access || v.State.Record.Past.Has(fp) {
		return skip()
	}
	d, _ := decide(Misconfigured, "%s holds a damaged copy of the newest refresh token, and the one before is spent: %s", v.inboxName(), reason)
	d.Keep = true
	return d, true
}
