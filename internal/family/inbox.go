package family

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// youngInbox is the version up to which numbers prove nothing: REFRESH_TOKEN may have been
// deleted and begun again since it was judged, with another value under our copy.
const youngInbox = 24

// InboxSettled reports whether REFRESH_TOKEN holds nothing that is not judged, or
// nothing that can be read: then its history need not be read.
func (s Snapshot) InboxSettled() bool {
	j := judge{s}
	f, seen := s.RefreshToken, j.seen()
	copied := FingerprintOf(f.Value) == s.State.Record.Refresh
	return s.denied(s.inboxName()) ||
		len(s.State.Inbox.Pending) == 0 && !slices.ContainsFunc(s.State.Inbox.Rejected, j.again) &&
			(f.Version == seen || f.Version == seen+1 && copied && f.Version > youngInbox)
}

// beforeRotation is the life of the access token with which the own token will be rotated
// soon: a little more than Policy.RefreshBefore is by default.
const beforeRotation = 30 * time.Minute

// judge is a snapshot whose inbox is judged.
type judge struct{ Snapshot }

// again reports whether a refused candidate is presented once more.
func (s judge) again(r Rejected) bool {
	if r.sibling(s.State.Record) {
		return false
	}
	own := s.State.Record
	ownTurn := own.Refused() && !s.Now.Before(own.probeAt()) && r.At.Before(own.probeAt()) // the own token comes after it
	// Where Atlassian refuses the own token inside its leeway, it may have refused this one by
	// mistake, too. If it takes the own token first, this one's turn is over.
	in := s.State.doubted()
	mistaken := own.Refused() && in != nil && open(in.First, s.Now) && !r.Stored.IsZero() && r.At.Before(own.LastFailure.At)
	// The own token's rotation would kill it if the refusals were mistaken.
	rotates := !s.looksAgain(r) && !r.Stored.IsZero() && r.Count < candidateProbes && own.AccessExpiresAt.Sub(s.Now) < beforeRotation && s.Now.Sub(r.At) >= Leeway
	return ownTurn || mistaken || rotates || r.again(s.Credentials(), own.Refused(), s.Now)
}

// seen is the version up to which the inbox is judged.
func (s judge) seen() int64 {
	if s.State.Record.Refused() || disproven(s.State) {
		return 0 // a living token may be in the history
	}
	f := s.RefreshToken
	if f.Version == 0 && !s.denied(s.inboxName()) {
		return 0 // it was deleted
	}
	return s.lastJudged().upTo(f.Version, f.Modified)
}

// lastJudged is what was judged last, by this process or another.
func (s judge) lastJudged() Judged {
	theirs, ours := s.State.Inbox.Judged, s.Judged
	if later := ours.Modified.Compare(theirs.Modified); later > 0 || later == 0 && ours.Seen > theirs.Seen {
		return ours
	}
	return theirs
}

// Offer takes in a history of REFRESH_TOKEN. Its fields that are not judged yet
// become the offers: those after what was seen, a candidate in doubt, and rejected
// ones that may be good. Each counts as stored when its value was stored first, and
// is offered once.
func (s *Snapshot) Offer(history []store.Entry) {
	s.forget(history)
	for _, e := range history {
		if in := s.State.doubted(); in != nil && in.Owner == unknownOwner && e.Modified.Before(in.Last.Add(Lease)) {
			s.State.Inbox.Kin = max(s.State.Inbox.Kin, e.Version) // by a process that was at work when the ledger was deleted
		}
	}
	j := judge{*s}
	in, seen := s.State.Inbox, max(j.seen(), forgotten(s.State.Record, history))
	for _, f := range fields(history, s.Now) {
		at := slices.IndexFunc(s.Offers, func(o Field) bool { return o.Value == f.Value && !f.Value.IsZero() })
		if at >= 0 && !slices.ContainsFunc(s.Offers[at+1:], j.isCandidate) {
			s.Offers[at].Until = f.Until
		}
		r := in.rejected(f.Version)
		asked := r.Version > 0 && (j.again(r) || j.looksAgain(r))
		if f.Version > seen && at < 0 || in.pending(f.Version).Version > 0 || asked {
			s.Offers = append(s.Offers, f)
		}
	}
	slices.SortStableFunc(s.Offers, func(a, b Field) int { return cmp.Compare(a.Since, b.Since) })
}

// fields are the versions of a history, with what those around tell of each: when its
// value was stored first, and its family was born.
func fields(history []store.Entry, now time.Time) (all []Field) {
	first, last, born := map[atlassian.Secret]Field{}, map[atlassian.Secret]time.Time{}, map[Fingerprint]time.Time{}
	for i, e := range history {
		f := FieldOf(e)
		if i+1 < len(history) {
			f.Until = history[i+1].Modified
		}
		if before, again := first[f.Value]; again {
			f.Modified, f.Since = before.Modified, before.Since
			last[f.Value] = e.Modified
		}
		first[f.Value] = f
		if chain := chainOf(f.Value); chain != "" {
			if at := birth(f, now); born[chain].IsZero() || at.Before(born[chain]) {
				born[chain] = at
			}
		}
		all = append(all, f)
	}
	for i, f := range all {
		all[i].Again = last[f.Value]
		all[i].Born = born[chainOf(f.Value)] // an older token may have been put back over a newer one
	}
	return all
}

// forget drops what is known of version numbers that were written later: what is known is of a
// deleted parameter.
func (s *Snapshot) forget(history []store.Entry) {
	in := &s.State.Inbox
	for _, e := range history {
		in.Seen = in.upTo(e.Version, e.Modified)
		in.Kin = Judged{in.Kin, in.Modified}.upTo(e.Version, e.Modified)
		s.Judged.Seen = s.Judged.upTo(e.Version, e.Modified)
		*in = in.without(func(version int64, asked time.Time) bool {
			return version == e.Version && e.Modified.After(asked.Add(clockStep))
		})
	}
}

// inbox is what the offers come to.
type inbox struct {
	// candidate is presented first; Version 0 without one.
	candidate Field
	// seen is the version up to which all is judged without it.
	seen int64
	// notice says what was found that is not ours, for people.
	notice string
	// spent are tokens that are older once the one that comes first is accepted.
	spent []Fingerprint
	// rival: what was stored just after a consent may be of the family before it, and
	// the consent's own token comes first.
	rival bool
}

// judged judges the offers, the newest first. A candidate that was rejected under
// the same credentials does not count.
func (s judge) judged() inbox {
	in := inbox{seen: max(s.seen(), s.RefreshToken.Version)}
	name := s.inboxName()
	var candidates []contender
	for _, f := range slices.Backward(s.Offers) {
		turn, verdict, reason := standing(s, f)
		if turn != never {
			candidates = append(candidates, contender{f, turn})
		}
		switch {
		case turn == asked:
			in.seen = min(in.seen, f.Version-1)
		case verdict == Copied, verdict == Older && f.Version < s.RefreshToken.Version:
			// ours, and written over since
		case in.notice == "" && f.Version > s.Judged.Seen:
			in.notice = fmt.Sprintf("%s was written over%s: %s", name, writer(f.By), reason)
		}
	}
	in.choose(s, candidates)
	if s.Partial {
		in.seen = min(in.seen, s.seen())
	}
	if s.Deleted() {
		in.notice = name + " was deleted"
	}
	return in
}

// contender is a candidate that is presented now or later.
type contender struct {
	Field
	turn turn
}

// turn is when Atlassian is asked about a value in REFRESH_TOKEN.
type turn int

const (
	never   turn = iota
	asked        // now
	waiting      // soon: it was refused, and gets a second look
	resting      // it was refused beside psoxy, which may have made it of what lies under it
)

// choose finds the candidate that comes first. Beside psoxy a token that lies under another may
// be spent, unless the upper one rests.
func (in *inbox) choose(s judge, candidates []contender) {
	best, covered := 0, false
	var under []Fingerprint // what lies under the candidate
	var over contender
	for _, c := range candidates {
		f, rank := c.Field, s.rank(c.Field)
		covered = (covered || rank != inDoubt && over.turn != resting) && s.covers(over.Field, f)
		switch {
		case slices.ContainsFunc(candidates, func(o contender) bool { return precedes(f, o.Field) }):
			in.spent = append(in.spent, FingerprintOf(f.Value))
		case covered:
			under = append(under, FingerprintOf(f.Value))
		case c.turn == asked && (rank > best || rank == best && issuedAfter(f, in.candidate)):
			if s.mayYield(f, in.candidate) && s.byPsoxy(in.candidate) {
				in.spent = append(in.spent, FingerprintOf(in.candidate.Value)) // a sibling of what f yields
			}
			in.candidate, best, under = f, rank, nil
		}
		over = c
	}
	in.spent = append(in.spent, under...)
	if len(in.spent) == 0 && s.rivals(in.candidate) {
		in.candidate, in.rival = Field{}, true
	}
}

// standing judges a field, and tells when Atlassian is asked about it.
func standing(s judge, f Field) (t turn, verdict Judgement, reason string) {
	verdict, reason, waits := s.verdict(f)
	switch {
	case verdict == Candidate:
		return asked, verdict, reason
	case waits:
		return waiting, verdict, reason
	case !s.Shared() || !s.isCandidate(f):
		return never, verdict, reason
	case comesBefore(s, f):
		return asked, Candidate, ""
	}
	return resting, verdict, reason
}

// comesBefore reports whether a refused token is asked about again now. The token that psoxy
// may have made it of is about to be presented. That would kill it if the refusal was a mistake.
func comesBefore(s judge, f Field) bool {
	r := s.State.Inbox.rejected(f.Version)
	rested := r.Version > 0 && s.Now.Sub(r.At) >= secondLook
	return rested && !r.spent() && !r.sibling(s.State.Record) && slices.ContainsFunc(s.Offers, func(under Field) bool {
		return under.Since < f.Since && s.covers(f, under) && s.rank(under) != inDoubt && s.presentable(under)
	})
}

// precedes reports whether a token was spent when another was issued: their claims tell
// of one family.
func precedes(f, other Field) bool {
	chain := chainOf(f.Value)
	return chain != "" && chain == chainOf(other.Value) && issuedAfter(other, f)
}

// issuedAfter reports whether a token was issued later than another, by their claims.
func issuedAfter(f, other Field) bool {
	its, _ := atlassian.Claims(f.Value)
	others, _ := atlassian.Claims(other.Value)
	return !others.IssuedAt.IsZero() && its.IssuedAt.After(others.IssuedAt)
}

// covers reports whether psoxy may have made one token of another that it stands over, and
// no claims tell. What was issued in the same second was made of the other if psoxy stored it.
func (s judge) covers(over, f Field) bool {
	told := chainOf(f.Value) != "" && (precedes(over, f) || !s.byPsoxy(over))
	return !told && s.mayYield(f, over) && over.Modified.Sub(f.Until) < psoxy.CacheFor
}

// How candidates come one after the other: of each kind the one that was issued last,
// and without claims the newest.
const (
	lateStranger = 1 + iota // in doubt, its leeway over
	late                    // the same, and the ledger's own token may be older
	unasked
	successor // the own token's, and not asked about either
	inDoubt   // its leeway is open
)

func (s judge) rank(f Field) int {
	first := s.firstSpend(f)
	switch {
	case first.IsZero() && s.succeeds(f):
		return successor
	case first.IsZero():
		return unasked
	case open(first, s.Now):
		return inDoubt
	case s.continues(f):
		return late
	}
	return lateStranger
}

// isCandidate reports whether only Atlassian can judge a value, whatever it said before. Another
// connection's token is not asked about.
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

// stillOlder reports whether a candidate from the history still counts as an older token. What
// was adopted in its place was refused twice, but for an hour that may be a mistake. Presenting
// the older one would kill the family then.
func stillOlder(s judge, f Field) bool {
	failed := s.State.Record.LastFailure
	return s.State.Record.Past.Has(FingerprintOf(f.Value)) && !insists(failed, f) && failed.At.Sub(failed.Since) < probeFirst
}

// insists reports whether a person stored a token once more since the own one failed.
func insists(failed *Failure, f Field) bool {
	return !f.Again.IsZero() && !f.Again.Before(failed.Since)
}

// ownFirst decides about the own token before an older one that is a candidate is presented: it
// is tried once more, when its turn is. Where it could not be read twice and a person insists on
// the older one, that need not wait.
func (v view) ownFirst(older Field) (Decision, bool) {
	own := v.State.Record
	failed := own.LastFailure
	if !own.Past.Has(FingerprintOf(older.Value)) || v.Now.Sub(failed.At) < secondLook/2 {
		return skip()
	}
	if d, wait := v.waits(own.Refresh); wait {
		return d, failed.Code != unreadable || !insists(failed, older)
	}
	return decide(Probe, "Atlassian refused this refresh token at %s; it is tried once more before the older one in version %d of %s", clock(failed.At), older.Version, v.inboxName())
}

// continues reports whether a candidate counts as the family's next generation: it
// is the own token's successor, or psoxy rotates too and no claims tell otherwise.
func (s judge) continues(candidate Field) bool {
	return s.succeeds(candidate) || s.Shared() && s.State.Record.Chain == chainOf(candidate.Value)
}

// succeeds reports whether a candidate is the own token's successor, as far as is
// known. Its chain claim decides. Without one, it is if it was stored when the
// ledger began, or if psoxy stored it.
func (s judge) succeeds(candidate Field) bool {
	mine, its := s.State.Record.Chain, chainOf(candidate.Value)
	if mine != "" && its != "" {
		return mine == its
	}
	return candidate.Since <= s.State.Inbox.Kin || mine == its && s.byPsoxy(candidate)
}

// mayYield reports whether psoxy may have made one token of another.
func (s judge) mayYield(f, successor Field) bool {
	return s.Shared() && successor.Version > 0 && chainOf(successor.Value) == chainOf(f.Value)
}

// rivals reports whether a candidate without claims may be of the family before a consent. Psoxy
// may have presented that family's token from its cache just after the consent. As
// long as a replay can do no harm, the consent's own token tells: one that psoxy
// has spent yields a sibling of the candidate.
func (s judge) rivals(f Field) bool {
	r := s.State.Record
	again := slices.ContainsFunc(s.Offers, func(o Field) bool { // after our copy psoxy destroyed another
		return o.Value.IsZero() && o.Version > s.State.Inbox.Seen+1 && o.Version < f.Version
	})
	return chainOf(f.Value) == "" && !again && s.byPsoxy(f) && s.continues(f) && r.FreshConsent() && !r.Refused() &&
		f.Modified.Sub(r.AuthorizedAt) < psoxy.CacheFor && open(r.AuthorizedAt, s.Now)
}

// Deleted reports whether REFRESH_TOKEN was deleted since it was judged.
func (s Snapshot) Deleted() bool {
	return s.RefreshToken.Version == 0 && s.State.Inbox.Seen > 0 && !s.denied(s.inboxName())
}

func writer(by string) string {
	if by == "" {
		return ""
	}
	return " by " + by
}
