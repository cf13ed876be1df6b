package family

import (
	"fmt"
	"slices"
)

// choice is the result of judging the offers.
type choice struct {
	// candidate is presented first; Version 0 without one.
	candidate Field
	// seen is the version up to which all is judged without the candidate.
	seen int64
	// notice tells people of a value that is not ours.
	notice string
	// spent are tokens that count as older once the candidate is accepted.
	spent []Fingerprint
	// rival: there is no candidate, because it may be of the family before a consent. The
	// consent's own token comes first.
	rival bool
}

// judged judges the offers, the newest first.
func (s judge) judged() choice {
	c := choice{seen: max(s.seen(), s.RefreshToken.Version)}
	name := s.inboxName()
	var candidates []contender
	for _, f := range slices.Backward(s.Offers) {
		turn, verdict, reason := standing(s, f)
		if turn != never {
			candidates = append(candidates, contender{f, turn})
		}
		switch {
		case turn == asked:
			c.seen = min(c.seen, f.Version-1)
		case verdict == Copied, verdict == Older && f.Version < s.RefreshToken.Version:
			// ours, and written over since
		case c.notice == "" && f.Version > s.Judged.Seen:
			c.notice = fmt.Sprintf("%s was written over%s: %s", name, writer(f.By), reason)
		}
	}
	c.choose(s, candidates)
	if s.Partial {
		c.seen = min(c.seen, s.seen())
	}
	if s.Deleted() {
		c.notice = name + " was deleted"
	}
	return c
}

// contender is a candidate, and when it is presented.
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
func (c *choice) choose(s judge, candidates []contender) {
	best, covered := 0, false
	var under []Fingerprint // what lies under the candidate
	var over contender
	for _, next := range candidates {
		f, rank := next.Field, s.rank(next.Field)
		covered = (covered || rank != inDoubt && over.turn != resting) && s.covers(over.Field, f)
		switch {
		case slices.ContainsFunc(candidates, func(o contender) bool { return precedes(f, o.Field) }):
			c.spent = append(c.spent, FingerprintOf(f.Value))
		case covered:
			under = append(under, FingerprintOf(f.Value))
		case next.turn == asked && (rank > best || rank == best && issuedAfter(f, c.candidate)):
			if s.mayYield(f, c.candidate) && s.byPsoxy(c.candidate) {
				c.spent = append(c.spent, FingerprintOf(c.candidate.Value)) // a sibling of what f yields
			}
			c.candidate, best, under = f, rank, nil
		}
		over = next
	}
	c.spent = append(c.spent, under...)
	if len(c.spent) == 0 && s.rivals(c.candidate) {
		c.candidate, c.rival = Field{}, true
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

// comesBefore reports whether a refused token is asked about again now. Beside psoxy the token
// under it is about to be presented, and would kill it if the refusal was a mistake.
func comesBefore(s judge, f Field) bool {
	r := s.State.Inbox.rejected(f.Version)
	rested := r.Version > 0 && s.Now.Sub(r.At) >= secondLook
	return rested && !r.spent() && !r.sibling(s.State.Record) && slices.ContainsFunc(s.Offers, func(under Field) bool {
		return under.Since < f.Since && s.covers(f, under) && s.rank(under) != inDoubt && s.presentable(under)
	})
}

// Ranks of candidates, the last one first. Of one rank the one comes first that was issued last,
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
