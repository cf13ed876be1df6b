package family

import (
	"strings"

	"github.com/tokenkeeper/tokenkeeper/internal/family/tokenform"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// spoiled: what stands in REFRESH_TOKEN is no token, but its claims tell that it was made of the
// own token's successor. The own token is spent, and a person can store the whole one.
func spoiled(v view) (Decision, bool) {
	f := v.RefreshToken
	within := atlassian.NewSecret(tokenform.Within(f.Value.Reveal()))
	claims, _ := atlassian.Claims(within)
	mine, _ := atlassian.Claims(v.State.Refresh)
	chain, fp := chainOf(within), FingerprintOf(within)
	if chain == "" || chain != v.State.Record.Chain || !claims.IssuedAt.After(mine.IssuedAt) || claims.TokenType == "ACCESS" || v.inbox.candidate.Version > 0 {
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

// stands is the parameter of the connection in which a text stands as well, and that is none of a
// token's; "" without one.
func stands(s Snapshot, f Field) string {
	n := NamesOf(s.Connection)
	for name, o := range map[string]Field{n.ClientID: s.ClientID, n.ClientSecret: s.ClientSecret, n.CloudID: s.CloudID} {
		if o.Value == f.Value && !f.Value.IsZero() {
			return name
		}
	}
	return ""
}

// beginning judges a token with which a ledger may begin. own is the one that was found before.
// What is named by TOKEN_FAMILY is whole.
func beginning(s Snapshot, f, own Field, named bool) (Judgement, string) {
	verdict, reason := (State{}).Judge(f)
	before, _, _ := strings.Cut(own.Value.Reveal(), f.Value.Reveal())
	named = named || strings.HasSuffix(before, ":") || strings.HasSuffix(before, "=") // a name stood before it
	part := f.Value.Len() < own.Value.Len() && tokenform.MadeOf(f.Value.Reveal(), own.Value.Reveal()) != ""
	switch name := stands(s, f); {
	case verdict != Candidate:
		return verdict, reason
	case name != "":
		return NoToken, "it is what " + name + " holds, too"
	case part && !named:
		return NoToken, "it is a part of the token that stood there before"
	}
	return Candidate, ""
}

// hides reports whether a text that is no token was made of the successor of the token that stands
// under it, by its claims.
func hides(top, own Field) bool {
	text := top.Value.Reveal()
	return precedes(own, Field{Value: atlassian.NewSecret(tokenform.Within(text))}) && tokenform.Problem(text) != ""
}
