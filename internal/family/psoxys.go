package family

import (
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// byPsoxy reports whether psoxy stored a token. Just before, it took a lock that it left behind,
// or wrote an access token in its form.
func (s judge) byPsoxy(f Field) bool { return s.psoxyWrote(f, 30*time.Second) }

// psoxyWrote reports whether psoxy took its lock, or wrote an access token, in the given time
// before a token was stored.
func (s judge) psoxyWrote(f Field, before time.Duration) bool {
	return s.latelyShared() && slices.ContainsFunc(append(slices.Clip(s.Wrote), s.Met, s.PsoxysLock()), func(by Field) bool {
		stood := by.Until.IsZero() || !by.Until.Before(f.Modified) // a person's may have been written over before
		return by.Version > 0 && f.Modified.After(by.Modified) && f.Modified.Sub(by.Modified) < before && stood
	})
}

// latelyShared reports whether psoxy rotates too, or did when the newest tokens were published: a
// person may just have ended that.
func (s judge) latelyShared() bool {
	return s.Shared() || s.State.Record.AccessFormat == psoxy.JSON
}

// psoxySpent is when psoxy has spent the own token: it stored an access token that was issued
// after our newest tokens. It is zero if it has not, or if a possible successor tells more.
func psoxySpent(s judge, candidate Field) time.Time {
	r := s.State.Record
	if !s.Shared() || candidate.Version > 0 || s.State.Inbox.TakesTurns(r) {
		return time.Time{}
	}
	for _, f := range s.Wrote {
		if f.Born.After(r.active()) && f.Modified.After(r.active()) && !r.refusedSince(f.Modified) {
			return f.Modified
		}
	}
	return time.Time{}
}

// Puzzles reports whether there is a candidate of which nothing tells whether psoxy stored it.
func (s Snapshot) Puzzles() bool {
	j := judge{s}
	return j.latelyShared() && slices.ContainsFunc(s.Offers, func(f Field) bool { return j.isCandidate(f) && chainOf(f.Value) == "" && !j.byPsoxy(f) })
}

// PsoxysWrites are those versions of ACCESS_TOKEN, of some in a row, that psoxy wrote. They have
// its form, and are younger than the ledger's own tokens. An older one that a person put back
// ends long before those.
func PsoxysWrites(own Record, versions ...store.Entry) (all []Field) {
	for i, e := range versions {
		token, expires, _ := psoxy.DecodeAccessToken(FieldOf(e).Value)
		older := expires.Before(own.AccessExpiresAt.Add(-psoxyFreezes)) // than any that psoxy may have received just before ours
		if expires.IsZero() || older || FingerprintOf(token) == own.Access || !e.Modified.After(own.active()) {
			continue
		}
		claims, _ := atlassian.Claims(token)
		f := Field{Version: e.Version, Modified: e.Modified, Born: claims.IssuedAt}
		if i+1 < len(versions) {
			f.Until = versions[i+1].Modified
		}
		all = append(all, f)
	}
	return all
}

// psoxyFreezes is how long psoxy may pause between its two writes.
const psoxyFreezes = 2 * Lease

// perhapsPsoxys reports whether psoxy may have stored a candidate: it wrote not long before, or
// ACCESS_TOKEN cannot be read.
func (v view) perhapsPsoxys(c Field) bool {
	return v.psoxyWrote(c, psoxyFreezes) || v.denied(NamesOf(v.Connection).AccessToken)
}

// rivals reports whether a candidate without claims may be of the family before a consent: psoxy
// may have presented that family's token from its cache just after the consent. While a replay
// can do no harm, the consent's own token tells. If psoxy has spent that, it yields a sibling of
// the candidate.
func (s judge) rivals(f Field) bool {
	r := s.State.Record
	again := slices.ContainsFunc(s.Offers, func(o Field) bool { // after our copy psoxy destroyed another
		return o.Value.IsZero() && o.Version > s.State.Inbox.Seen+1 && o.Version < f.Version
	})
	return chainOf(f.Value) == "" && !again && s.byPsoxy(f) && s.continues(f) && r.FreshConsent() && !r.Refused() &&
		f.Modified.Sub(r.AuthorizedAt) < psoxy.CacheFor && open(r.AuthorizedAt, s.Now)
}
