package family

import (
	"cmp"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family/tokenform"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Judgement is what is believed of a value in REFRESH_TOKEN.
type Judgement int

const (
	Copied    Judgement = iota // it is the ledger's own token
	Absent                     // there is no value, or one that stands for none
	NoToken                    // it cannot be a refresh token, so it is not presented
	Older                      // it was the newest token once, and presenting it could kill the family
	Candidate                  // it may be a newer token; only Atlassian can tell
)

// Judge judges a value of REFRESH_TOKEN. The reason is a clause for people, without a secret. It
// is empty for a copy and a candidate.
func (s State) Judge(f Field) (j Judgement, reason string) {
	token, own := f.Value.Reveal(), s.Refresh.Reveal()
	fp := FingerprintOf(f.Value)
	switch {
	case token == "":
		return Absent, "it is empty or not filled in"
	case token == own:
		return Copied, ""
	case s.Record.Past.Has(fp):
		if disproven(s) {
			return s.judgeClaims(f) // the one that was adopted in its place may be none
		}
		return Older, "it is an older token of this connection"
	case fp == s.Record.Access && !s.mistaken():
		return NoToken, "it is the access token: store the value of refresh_token"
	case !s.mistaken() && f.Modified.Before(s.Record.AuthorizedAt) && s.Record.AuthorizedAtSource != FromPerson:
		return Older, "it was stored before the consent that is in use"
	}
	if why := tokenform.MadeOf(token, own); why != "" && !s.mistaken() {
		return NoToken, why
	}
	if why := tokenform.Problem(token); why != "" {
		return NoToken, why
	}
	return s.judgeClaims(f)
}

// judgeClaims judges a token by its claims. One without any is a candidate.
func (s State) judgeClaims(f Field) (j Judgement, reason string) {
	claims, _ := atlassian.Claims(f.Value)
	mine, _ := atlassian.Claims(s.Refresh)
	issued, chain := claims.IssuedAt, chainOf(f.Value)
	same := chain != "" && chain == s.Record.Chain
	lost := s.Record.Refused() && s.Record.failedTwice() // the first refusal may be a mistake
	switch {
	case claims.TokenType == "ACCESS":
		return NoToken, "it is an access token: store the value of refresh_token"
	case s.Record.Past.Has(chain) && !lost:
		return Older, "it is of a family that a newer consent has replaced"
	case issued.IsZero():
	case same && issued.Before(mine.IssuedAt):
		return Older, "it was issued before the newest token of this family"
	case !same && s.Record.olderConsent(cmp.Or(f.Born, issued)) && !lost: // or there is nothing to lose
		return Older, "it was issued before the consent that is in use"
	}
	return Candidate, ""
}

// olderConsent reports whether a token that was issued at the given time is of an earlier consent
// than the family's. The time of our own consent is by another clock than the token's. Of an
// adopted family without claims only the time is known at which its token was stored.
func (r Record) olderConsent(issued time.Time) bool {
	margin := ClockTolerance
	switch {
	case r.AuthorizedAtSource == FromConsent:
	case r.Chain == "":
		margin = 24 * time.Hour
	default:
		margin = 0
	}
	return !r.AuthorizedAt.IsZero() && issued.Before(r.AuthorizedAt.Add(-margin))
}

// judge is a snapshot whose inbox is judged.
type judge struct{ Snapshot }

// isCandidate reports whether only Atlassian can judge a value, whatever it said before. It is
// not asked about another connection's token.
func (s judge) isCandidate(f Field) bool {
	j, _ := s.State.Judge(f)
	return j == Candidate && s.Owners[FingerprintOf(f.Value)] == ""
}

// presentable reports whether a value may be presented now.
func (s judge) presentable(f Field) bool {
	verdict, _, _ := s.verdict(f)
	return verdict == Candidate
}

// verdict judges a field. waits: Atlassian refused it once, and is asked again soon.
func (s judge) verdict(f Field) (verdict Judgement, reason string, waits bool) {
	if r := s.State.Inbox.rejected(f.Version); r.Version > 0 && !s.again(r) {
		return NoToken, "Atlassian did not accept it", s.looksAgain(r)
	}
	if s.State.Inbox.crowded(f) {
		return NoToken, "Atlassian did not accept any of those that were stored after it", false
	}
	if verdict, reason = s.State.Judge(f); verdict != Candidate {
		return verdict, reason, false
	}
	parameter, owner, long := stands(s.Snapshot, f), s.Owners[FingerprintOf(f.Value)], tooLong(f.Value)
	switch {
	case stillOlder(s, f):
		return Older, "it is an older token of this connection", false
	case parameter != "":
		return NoToken, "it is what " + parameter + " holds, too", false
	case owner != "":
		return NoToken, "it is a refresh token of " + owner + ", which would lose it", false
	case long != "" && !s.continues(f):
		return NoToken, long, false
	}
	return Candidate, "", false
}

// stands is the parameter of the connection, other than a token's, that holds the same text; ""
// without one.
func stands(s Snapshot, f Field) string {
	n := NamesOf(s.Connection)
	switch f.Value {
	case atlassian.Secret{}:
	case s.ClientID.Value:
		return n.ClientID
	case s.ClientSecret.Value:
		return n.ClientSecret
	case s.CloudID.Value:
		return n.CloudID
	}
	return ""
}

// stillOlder reports whether a candidate from the history still counts as an older token. The
// token that was adopted in its place was refused twice, but for an hour that may be a mistake.
// Presenting the older one would kill the family then.
func stillOlder(s judge, f Field) bool {
	failed := s.State.Record.LastFailure
	return s.State.Record.Past.Has(FingerprintOf(f.Value)) && !insists(failed, f) && failed.At.Sub(failed.Since) < probeFirst
}
