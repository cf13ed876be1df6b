package family_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// beside says that psoxy rotates too.
func beside(s *family.Snapshot) { s.AccessFormat = psoxy.JSON }

// newestIsPsoxys says that psoxy stored the newest offer.
func newestIsPsoxys(s *family.Snapshot) {
	s.Wrote = []family.Field{{Version: 1, Modified: s.Offers[len(s.Offers)-1].Modified.Add(-time.Second)}}
}

// Beside psoxy a token that stands over another may be its successor: only the
// newest is presented, and with it the others are known as older.
func TestCandidatesBesidePsoxy(t *testing.T) {
	one, two, three := refresh(109), refresh(110), refresh(111)
	chained := func(chain string) string { return rotating(chain, now.Add(-3*minute)) }
	later := func(s *family.Snapshot) { s.Offers[2].Modified = s.Offers[2].Modified.Add(psoxy.CacheFor) }
	for _, c := range []struct {
		name  string
		given given
		want  family.Action
		// candidate is its version, seen what is judged without it.
		candidate, seen int64
		// spent are the versions that are older with it.
		spent []string
	}{
		{"psoxy rotated once", inbox(one), family.Rotate, 9, 8, nil},
		{"and again", inbox(one, two), family.Rotate, 10, 8, []string{one}},
		{"and a third time", inbox(one, two, three), family.Rotate, 11, 8, []string{one, two}},
		{"a placeholder between, for longer than psoxy keeps anything", all(inbox(one, "CHANGE_ME", two), later, newestIsPsoxys), family.Rotate, 11, 8, nil},
		{"the same, and a person stored the newest", all(inbox(one, "CHANGE_ME", two), later), family.Rotate, 11, 8, []string{one}},
		{"a placeholder between", inbox(one, "CHANGE_ME", two), family.Rotate, 11, 8, []string{one}},
		{"our copy between, and psoxy may have kept the older one", inbox(one, refresh(7), two), family.Rotate, 11, 8, []string{one}},
		{"our copy between, for longer than psoxy keeps anything", all(inbox(one, refresh(7), two), later, newestIsPsoxys), family.Rotate, 11, 8, nil},
		{"of another chain: it begins a family", inbox(chained("a"), chained("b")), family.Rotate, 10, 8, []string{chained("a")}},
		{"of one chain", inbox(chained("a"), rotating("a", now.Add(-minute))), family.Rotate, 10, 8, []string{chained("a")}},
		{"of one chain, the older one put back over it", inbox(rotating("a", now.Add(-minute)), chained("a")), family.Rotate, 9, 8, []string{chained("a")}},
		{"the older one in doubt", all(pending(3*minute), inbox(one, two)), family.Replay, 9, 8, nil},
		{"the older one in doubt, the newer one psoxy's", all(pending(3*minute), byPsoxy, inbox(one, two)), family.Replay, 9, 8, []string{two}},
		{"the older one in doubt, the newer one refused", all(pending(3*minute), refusedAt(10, 1), inbox(one, two)), family.Replay, 9, 8, nil},
		{"the newer one refused once", all(refusedAt(10, 1), inbox(one, two)), family.Idle, 0, 8, nil},
		{"the newer one refused twice", all(refusedAt(10, 2), inbox(one, two)), family.Rotate, 9, 8, nil},
		{"one in doubt, its leeway over, and a rotation is due", all(dueAnyway, pending(usable), inbox(one)), family.Probe, 9, 8, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := healthy()
			all(beside, c.given)(&s)
			d := family.Decide(s, family.DefaultPolicy())
			requireAction(t, c.want, d)
			require.Equal(t, c.candidate, d.Candidate.Version)
			require.Equal(t, c.seen, d.Seen)
			if c.candidate == 0 {
				require.True(t, d.Keep, "what may be psoxy's is not written over")
				return
			}
			past := s.Offspring(d.Candidate).Past
			for _, token := range []string{one, two, chained("a")} {
				require.Equal(t, slices.Contains(c.spent, token), past.Has(fp(token)))
			}
		})
	}
	t.Run("nobody else rotates: the newest begins a family, and the others are older", func(t *testing.T) {
		s := healthy()
		inbox(one, two)(&s)
		r := s.Offspring(family.Decide(s, family.DefaultPolicy()).Candidate)
		require.Zero(t, r.Generation)
		require.True(t, r.Past.Has(fp(one)))
	})
}

// A value that stood for long, and was written again, was read by psoxy to its end.
func TestHowLongAValueStood(t *testing.T) {
	one, two, three := refresh(109), refresh(110), refresh(111)
	for _, c := range []struct {
		name    string
		values  []string
		covered bool
	}{
		{"twice", []string{one, one + "\n", two}, true},
		{"with a placeholder between", []string{one, "CHANGE_ME", one, two}, true},
		{"put back over what was made of it", []string{one, two, one}, true},
		{"a placeholder since", []string{one, "CHANGE_ME", two}, false},
		{"put back over another, and that is the one before", []string{one, "CHANGE_ME", three, one, two}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var history []store.Entry
			for i, v := range c.values {
				history = append(history, store.Entry{Value: secret(v), Version: int64(9 + i), Modified: now.Add(time.Duration(i-9) * psoxy.CacheFor)})
			}
			s := healthy()
			beside(&s)
			s.RefreshToken = family.FieldOf(history[len(history)-1])
			s.Offer(history)
			newestIsPsoxys(&s)
			require.Equal(t, c.covered, s.Offspring(s.Offers[len(s.Offers)-1]).Past.Has(fp(one)))
		})
	}
}

// What stands over a candidate in doubt is not asked about before it, and was not made of
// it: what is older than that is not known by the candidate's answer.
func TestACandidateInDoubtUnderOthers(t *testing.T) {
	s := healthy()
	beside(&s)
	consented := rotating("a-chain", now.Add(-8*minute))
	for i, token := range []string{refresh(109), consented, consented[:len(consented)-4] + "oops"} {
		f := field(token, int64(9+i), now.Add(time.Duration(i-9)*minute))
		f.Until = f.Modified.Add(minute)
		s.Offers = append(s.Offers, f)
	}
	s.RefreshToken = s.Offers[2]
	require.True(t, s.Offspring(s.Offers[2]).Past.Has(fp(consented)), "the newest one covers it")
	s.State.Inbox.Pending = []family.Pending{{Version: 9, Token: fp(refresh(109)), First: now.Add(-3 * minute)}}
	d := family.Decide(s, family.DefaultPolicy())
	requireAction(t, family.Replay, d)
	require.Equal(t, int64(9), d.Candidate.Version)
	require.False(t, s.Offspring(d.Candidate).Past.Has(fp(consented)))
}

// What psoxy may have made a refused token of is spent, too, once the one above that is
// accepted.
func TestUnderARefusedToken(t *testing.T) {
	s := healthy()
	beside(&s)
	stored := []time.Time{now.Add(-9 * minute), now.Add(-8 * minute), now.Add(-minute), now}
	for i, at := range stored[:3] {
		f := field(refresh(109+i), int64(9+i), at)
		f.Until = stored[i+1]
		s.Offers = append(s.Offers, f)
	}
	s.RefreshToken = s.Offers[2]
	newestIsPsoxys(&s)
	refusedAt(10, 2)(&s)
	require.True(t, s.Offspring(s.Offers[2]).Past.Has(fp(refresh(109))))
}

// refusedAt says that Atlassian did not accept a version half a minute ago.
func refusedAt(version int64, count int) given {
	return func(s *family.Snapshot) {
		s.State.Inbox.Rejected = []family.Rejected{{Version: version, Credentials: s.Credentials(), At: now.Add(-30 * time.Second), Count: count}}
	}
}

// What psoxy may have stored has to be known before the family's own is presented, and
// what stood there when the ledger began anew.
func TestNothingIsPresentedBlindly(t *testing.T) {
	anew := func(s *family.Snapshot) { s.State.Inbox.Judged, s.State.Inbox.Kin = family.Judged{}, 9 }
	requireAction(t, family.Misconfigured, decide(anew, dueAnyway, unreadable))
	requireAction(t, family.Misconfigured, decide(anew, doubted(3*minute), unreadable))
	requireAction(t, family.Rotate, decide(anew, dueAnyway, unreadable, func(s *family.Snapshot) { s.Judged.Seen = 9 }))
	requireAction(t, family.Misconfigured, decide(beside, dueAnyway, unreadable))
	requireAction(t, family.Misconfigured, decide(beside, doubted(3*minute), unreadable))
	requireAction(t, family.Idle, decide(beside, unreadable))
	requireAction(t, family.Rotate, decide(dueAnyway, unreadable))
}

// Of what our own processes spent the ledger tells: their locks tell nothing, and
// nobody waits longer for one than until its holder has written there.
func TestOurOwnLock(t *testing.T) {
	locked := func(value string, ago time.Duration) given {
		return func(s *family.Snapshot) {
			rotated(3 * time.Hour)(s)
			s.Lock = field(value, 1, now.Add(-ago))
		}
	}
	for _, c := range []struct {
		name, value        string
		fresh, later, left family.Action
	}{
		{"psoxy's", "locked_1764000000000", family.Contended, family.Contended, family.Replay},
		{"ours", "locked_1764000000000 other/1", family.Contended, family.Idle, family.Idle},
	} {
		t.Run(c.name, func(t *testing.T) {
			requireAction(t, c.fresh, decide(locked(c.value, 9*time.Second)))
			requireAction(t, c.later, decide(locked(c.value, 10*time.Second)))
			requireAction(t, c.left, decide(locked(c.value, 3*minute)))
		})
	}
}

// byPsoxy says that version 9 is psoxy's: an access token in its form was stored just
// before.
func byPsoxy(s *family.Snapshot) {
	s.Wrote = []family.Field{{Version: 1, Modified: now.Add(-24 * time.Hour)}} // as inbox has it
}

// What psoxy stored is its successor of the ledger's own token: that waits while
// Atlassian is asked again about what it has refused by mistake.
func TestPsoxysTokenIsRefused(t *testing.T) {
	refusedOnce := func(count int, ago time.Duration) given {
		return func(s *family.Snapshot) {
			s.State.Inbox.Rejected = []family.Rejected{{Version: 9, Credentials: s.Credentials(), At: now.Add(-ago), Count: count, Stored: now.Add(-ago), Psoxys: true}}
		}
	}
	for _, c := range []struct {
		name  string
		given given
		want  family.Action
		keep  bool
	}{
		{"once, and a rotation is due", all(dueAnyway, refusedOnce(1, 30*time.Second)), family.Idle, true},
		{"once, and the own token is in doubt", all(doubted(3*minute), refusedOnce(1, 30*time.Second)), family.InDoubt, true},
		{"once, and the own token's leeway is soon over", all(doubted(8*minute), refusedOnce(1, 30*time.Second)), family.Replay, true},
		{"twice, and the own token is in doubt", all(doubted(3*minute), refusedOnce(2, 30*time.Second)), family.Replay, false},
		{"twice, and a rotation is due", all(dueAnyway, rotated(3*time.Hour), refusedOnce(2, 59*minute)), family.Idle, false},
		{"three times, and a rotation is due", all(dueAnyway, rotated(3*time.Hour), refusedOnce(3, 10*minute-nano)), family.Rotate, false},
		{"three times, and a rotation is due, a leeway later", all(dueAnyway, rotated(3*time.Hour), refusedOnce(3, 10*minute)), family.Rotate, true},
		{"twice, before the own token rotated", all(dueAnyway, rotated(58*minute), refusedOnce(2, 59*minute)), family.Rotate, false},
		{"once, before the own token rotated, which is in doubt", all(doubted(3*minute), rotated(20*time.Second), refusedOnce(1, 30*time.Second)), family.Replay, false},
		{"twice, an hour later", all(dueAnyway, rotated(3*time.Hour), refusedOnce(2, 60*minute)), family.Rotate, true},
		{"three times", all(dueAnyway, refusedOnce(3, 59*minute)), family.Rotate, false},
		{"twice, when the leeway of a lost answer was over", all(dueAnyway, refusedOnce(2, 59*minute), func(s *family.Snapshot) {
			s.State.Inbox.Rejected[0].First = now.Add(-70 * minute)
		}), family.Rotate, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := decide(beside, byPsoxy, c.given, inbox(refresh(109)))
			requireAction(t, c.want, d)
			require.Equal(t, c.keep, d.Keep)
		})
	}
	t.Run("it is known as psoxy's from the intent on", func(t *testing.T) {
		lock := func(ago time.Duration) given {
			return func(s *family.Snapshot) {
				rotated(48 * time.Hour)(s)
				s.Left = field("locked_1764000000000", 1, s.RefreshToken.Modified.Add(-ago))
			}
		}
		for name, given := range map[string]given{"psoxy's": byPsoxy, "a person's": all(), "psoxy's, by its lock": lock(time.Second), "a person's, long after the lock": lock(30 * time.Second), "a person's, in the same moment": all(byPsoxy, func(s *family.Snapshot) {
			s.Wrote[0].Modified = s.RefreshToken.Modified
		}), "a person's, later": all(byPsoxy, func(s *family.Snapshot) {
			s.Wrote[0].Modified = s.Wrote[0].Modified.Add(-30 * time.Second)
		})} {
			s := healthy()
			all(beside, inbox(refresh(109)), given)(&s)
			d := family.Decide(s, family.DefaultPolicy())
			state := s.Intending(d)
			require.Equal(t, strings.HasPrefix(name, "psoxy's"), state.Inbox.Pending[0].Psoxys)
			state = state.Failed(family.Failure{Class: "permanent", Token: fp(refresh(109)), Credentials: s.Credentials()}, nil)
			require.Equal(t, strings.HasPrefix(name, "psoxy's"), state.Inbox.Rejected[0].Psoxys)
		}
	})
	t.Run("what lies under it may be spent: it is asked about again before", func(t *testing.T) {
		for count, want := range map[int]int64{2: 0, 3: 10} {
			d := decide(beside, rotated(3*time.Hour), refusedOnce(count, 59*minute), func(s *family.Snapshot) { s.State.Inbox.Rejected[0].Version = 10 }, inbox(refresh(109), refresh(110)))
			require.Equal(t, want, d.Candidate.Version)
		}
	})
	t.Run("once the own token has rotated it is a sibling", func(t *testing.T) {
		s := healthy()
		all(beside, refusedOnce(2, 60*minute), rotated(55*minute), inbox(refresh(109)))(&s)
		require.Zero(t, family.Decide(s, family.DefaultPolicy()).Candidate.Version)
	})
}

// Psoxy may have presented the family before a consent from its cache: while a replay
// can do no harm, the consent's own token tells which family a token is of.
func TestARivalOfAConsent(t *testing.T) {
	consented := func(ago time.Duration) given {
		return func(s *family.Snapshot) {
			s.State.Record.AuthorizedAt, s.State.Record.AuthorizedAtSource = now.Add(-ago), family.FromConsent
			s.State.Record.Generation, s.State.Record.RotatedAt = 0, time.Time{}
			for i := range s.Offers {
				s.Offers[i].Modified = now.Add(-ago).Add(time.Duration(1+i) * time.Minute)
				s.Offers[i].Until = s.Offers[i].Modified.Add(time.Minute)
			}
			newestIsPsoxys(s)
		}
	}
	for _, c := range []struct {
		name      string
		given     given
		want      family.Action
		candidate int64
	}{
		{"psoxy stored a token just after", all(inbox(refresh(109)), consented(4*minute)), family.Replay, 0},
		{"a person did", all(inbox(refresh(109)), consented(4*minute), func(s *family.Snapshot) { s.Wrote = nil }), family.Rotate, 9},
		{"psoxy rotated twice, so that it has the consent's", all(inbox(refresh(109), refresh(110)), consented(4*minute)), family.Rotate, 10},
		{"the same, and it destroyed the first", all(inbox("", "", refresh(109)), consented(4*minute)), family.Rotate, 11},
		{"it destroyed our copy", all(inbox("", refresh(109)), consented(4*minute)), family.Replay, 0},
		{"the leeway is over", all(inbox(refresh(109)), consented(usable)), family.Rotate, 9},
		{"it is of the consent's own chain", all(inbox(rotating("chain", now.Add(-minute))), consented(4*minute), func(s *family.Snapshot) {
			s.State.Record.Chain = chainOf("chain")
		}), family.Rotate, 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := healthy()
			all(beside, c.given)(&s)
			d := family.Decide(s, family.DefaultPolicy())
			requireAction(t, c.want, d)
			require.Equal(t, c.candidate, d.Candidate.Version)
			if c.candidate == 0 {
				require.Equal(t, s.State.Record.AuthorizedAt, d.FirstSpend)
				require.True(t, s.Received(pair(8, now), d.Candidate).Record.Past.Has(fp(refresh(109))), "it is older, whichever family it is of")
			}
		})
	}
	t.Run("its chain tells", func(t *testing.T) {
		s := healthy()
		s.State.Record.Chain = fp("chain")
		s.State.Record = s.Consented(family.Pair{Refresh: secret(refresh(7)), SpentAt: now.Add(-time.Hour)}, family.DefaultPolicy()).Record
		older := field(rotating("chain", now), 9, now)
		verdict, _ := s.State.Judge(older)
		require.Equal(t, family.Older, verdict)
		refusal := family.Failure{Class: "permanent", At: now, Token: fp(refresh(7))}
		s.State.Record = s.State.Record.Fail(refusal)
		verdict, _ = s.State.Judge(older)
		require.Equal(t, family.Older, verdict, "the refusal may be a mistake")
		s.State.Record = s.State.Record.Fail(refusal)
		verdict, _ = s.State.Judge(older)
		require.Equal(t, family.Candidate, verdict, "nothing is left to lose")
	})
	t.Run("all that stood there is older", func(t *testing.T) {
		s := healthy()
		inbox(refresh(109), "CHANGE_ME")(&s)
		r := s.Consented(family.Pair{Refresh: secret(refresh(50)), SpentAt: now}, family.DefaultPolicy())
		require.True(t, r.Record.Past.Has(fp(refresh(109))))
	})
}

// A token that was refused once stays in REFRESH_TOKEN until its second look where
// psoxy rotates too: our copy in its place could be a token that psoxy has spent.
// Elsewhere the copy is published again at once.
func TestWhatWasRefusedOnce(t *testing.T) {
	seen := all(rejected(minute-nano, 1), inbox(refresh(109)))
	require.False(t, decide(seen).Keep)
	require.True(t, decide(seen, beside).Keep)
	require.False(t, decide(all(rejected(minute-nano, 2), inbox(refresh(109))), beside).Keep)
}

// Refusals have been mistaken: what lies under a refused token may be what psoxy made that of.
func TestWhatLiesUnderARefusedToken(t *testing.T) {
	refused := func(version int64, count int, ago time.Duration) given {
		return func(s *family.Snapshot) {
			s.State.Inbox.Rejected = append(s.State.Inbox.Rejected, family.Rejected{Version: version, Credentials: s.Credentials(), At: now.Add(-ago), Count: count})
		}
	}
	one, two := refresh(109), refresh(110)
	for _, c := range []struct {
		name      string
		given     given
		candidate int64
		spent     bool // the lower one, once the candidate is accepted
	}{
		{"the upper one was just asked about", all(beside, refused(10, 3, time.Minute-nano)), 9, false},
		{"a minute ago", all(beside, refused(10, 3, time.Minute)), 10, true},
		{"a minute ago, and it was spent", all(beside, refused(10, 3, time.Minute), func(s *family.Snapshot) {
			s.State.Inbox.Rejected[0].First = now.Add(-20 * minute)
		}), 9, false},
		{"a minute ago, and nobody else rotates", refused(10, 3, time.Minute), 9, false},
		{"the lower one in doubt", all(beside, pending(3*minute), refused(10, 3, time.Minute)), 9, false},
		{"both were refused, and the upper one's turn comes", all(beside, refused(10, 1, time.Hour), refused(9, 3, time.Hour)), 10, true},
		{"both were refused, and both rest", all(beside, refused(10, 3, time.Minute), refused(9, 3, time.Minute)), 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := healthy()
			all(c.given, inbox(one, two))(&s)
			d := family.Decide(s, family.DefaultPolicy())
			require.Equal(t, c.candidate, d.Candidate.Version)
			if c.candidate > 0 {
				require.Equal(t, c.spent, s.Offspring(d.Candidate).Past.Has(fp(one)))
			}
		})
	}
}
