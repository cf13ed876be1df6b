package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// While the ledger's own token can be replayed, a candidate comes first only if it is
// known as its successor. Any other may be an older token, and kill what the replay saves.
func TestACandidateBesideATokenInDoubt(t *testing.T) {
	const spent = 4 * time.Minute
	doubt := func(owner string, storedAgo time.Duration) given {
		return all(inbox(refresh(109)), func(s *family.Snapshot) {
			s.State.Intent = &family.Intent{Owner: owner, Token: fp(refresh(7)), First: now.Add(-spent), Last: now.Add(-spent)}
			for i := range s.Offers {
				s.Offers[i].Modified = now.Add(-storedAgo)
			}
		})
	}
	refused := func(s *family.Snapshot) {
		s.State.Record = s.State.Record.Fail(family.Failure{Class: "permanent", At: now, Token: s.State.Record.Refresh})
	}
	wroteBefore := func(ago time.Duration) given {
		return func(s *family.Snapshot) {
			newestIsPsoxys(s)
			s.Wrote[0].Modified = s.Offers[0].Modified.Add(-ago)
		}
	}
	for _, c := range []struct {
		name      string
		given     given
		want      family.Action
		candidate int64
	}{
		{"stored before the spend", doubt("dead", spent+time.Second+nano), family.Replay, 0},
		{"stored since, under the lease", doubt("dead", spent-time.Second), family.Replay, 0},
		{"stored when the lease was over", doubt("dead", spent-2*time.Minute), family.Replay, 0},
		{"the process has written that the answer was lost", doubt("", spent-time.Second), family.Replay, 0},
		{"beside psoxy, which has not stored it", all(beside, doubt("dead", spent-time.Second)), family.Replay, 0},
		{"beside psoxy, whose access token cannot be read", all(beside, doubt("dead", spent-time.Second), func(s *family.Snapshot) { s.Denied = append(s.Denied, names.AccessToken) }), family.Rotate, 9},
		{"beside psoxy, which has", all(beside, doubt("dead", spent-time.Second), newestIsPsoxys), family.Rotate, 9},
		{"beside psoxy, which may have been frozen", all(beside, doubt("dead", spent-time.Second), wroteBefore(4*time.Minute-nano)), family.Rotate, 9},
		{"beside psoxy, which wrote before", all(beside, doubt("dead", spent-time.Second), wroteBefore(4*time.Minute)), family.Replay, 0},
		{"stored before the spend, in the family of the own token", all(kin, doubt("dead", spent+time.Hour)), family.Rotate, 9},
		{"stored before the spend, and the own token is refused", all(doubt("dead", spent+time.Hour), refused), family.Rotate, 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := decide(c.given)
			requireAction(t, c.want, d)
			require.Equal(t, c.candidate, d.Candidate.Version)
			require.True(t, d.Keep, "it stays in REFRESH_TOKEN")
		})
	}
}

// The own token is in doubt and yields a pair, though psoxy's successor of it lies under
// a value that is asked about again: that is a sibling from then on.
func TestSiblingsOfWhatTheOwnTokenYields(t *testing.T) {
	for _, c := range []struct {
		name    string
		psoxys  bool
		ago     time.Duration
		sibling bool
	}{
		{"psoxy's", true, 10*minute - nano, true},
		{"psoxy's, a leeway before: the own token would be dead", true, 10 * minute, false},
		{"a person's", false, 9 * minute, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := healthy()
			all(beside, doubted(3*minute), refusedAt(10, 2), inbox(refresh(109), refresh(110)))(&s)
			s.Offers[0].Modified, s.Offers[1].Modified = now.Add(-c.ago), now.Add(-minute)
			if c.psoxys {
				s.Wrote = []family.Field{{Version: 1, Modified: now.Add(-c.ago - time.Second)}}
			}
			past := s.Received(pair(8, now), family.Field{}).Record.Past
			require.Equal(t, c.sibling, past.Has(fp(refresh(109))))
			require.False(t, past.Has(fp(refresh(110))), "it is a stranger")
		})
	}
}

// A candidate's family is as old as the first token of it that was stored, also one that
// nobody judges any more. So psoxy does not make an older consent a newer one.
func TestTheBirthOfACandidatesFamily(t *testing.T) {
	first := rotating("of a consent", now.Add(-2*time.Hour))
	for _, c := range []struct {
		name      string
		consented time.Duration
		verdict   family.Action
	}{
		{"a newer consent", 3 * time.Hour, family.Rotate},
		{"an older consent", time.Hour, family.Idle},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := healthy()
			s.State.Record.AuthorizedAt, s.State.Inbox.Seen = now.Add(-c.consented), 10
			psoxys := store.Entry{Value: secret(rotating("of a consent", now.Add(-minute))), Version: 11, Modified: now.Add(-minute)}
			s.RefreshToken = family.FieldOf(psoxys)
			s.Offer([]store.Entry{
				{Value: secret(rotating("of another", now.Add(-4*time.Hour))), Version: 8, Modified: now.Add(-4 * time.Hour)},
				{Value: secret(first), Version: 9, Modified: now.Add(-90 * minute)},
				{Value: secret(refresh(7)), Version: 10, Modified: now.Add(-10 * minute)},
				psoxys,
			})
			require.Len(t, s.Offers, 1)
			require.Equal(t, c.verdict, family.Decide(s, family.DefaultPolicy()).Action)
			require.Equal(t, now.Add(-2*time.Hour), s.Offspring(s.Offers[0]).AuthorizedAt)
		})
	}
	t.Run("an older one is put back, and those before are destroyed", func(t *testing.T) {
		s := healthy()
		s.State.Record.AuthorizedAt = now.Add(-time.Hour)
		back := store.Entry{Value: secret(first), Version: 12, Modified: now.Add(-time.Second)}
		s.RefreshToken = family.FieldOf(back)
		s.Offer([]store.Entry{{Value: secret(rotating("of a consent", now.Add(-minute))), Version: 11, Modified: now.Add(-minute)}, back})
		require.Equal(t, family.Idle, family.Decide(s, family.DefaultPolicy()).Action)
	})
}

// What lies under a candidate and was issued after it, as the claims say, is not older: it
// may be the damaged token of a consent whose whole one is yet to come.
func TestWhatWasIssuedAfterACandidate(t *testing.T) {
	older, newer := rotating("a", now.Add(-4*minute)), rotating("b", now.Add(-2*minute))
	for _, c := range []struct{ under, over, chain string }{{newer, older, "b"}, {older, newer, "a"}} {
		s := healthy()
		inbox(c.under, c.over)(&s)
		past := s.Offspring(s.Offers[1]).Past
		require.Equal(t, c.over == newer, past.Has(chainOf(c.chain)))
		require.Equal(t, c.over == newer, past.Has(fp(c.under)))
	}
}
