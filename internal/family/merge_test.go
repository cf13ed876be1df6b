package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// What another process wrote meanwhile is not lost by a settle.
func TestSettleKeepsWhatOthersWrote(t *testing.T) {
	t.Run("the tokens that they know of", func(t *testing.T) {
		theirs := state()
		theirs.Record.Past = theirs.Record.Past.With(fp("a-token-that-only-they-know"))
		next, kept := theirs.Settle(receipt(now))
		require.True(t, kept)
		for _, token := range []string{"a-token-that-only-they-know", refresh(5), refresh(6), refresh(7)} {
			require.True(t, next.Record.Past.Has(fp(token)), token)
		}
	})
	t.Run("their asking about a candidate", func(t *testing.T) {
		theirs := state().Intending("other", fp("candidate"), 9, time.Time{})
		next, kept := theirs.Settle(receipt(now))
		require.True(t, kept)
		require.Equal(t, theirs.Intent, next.Intent)
	})
	t.Run("not our own asking", func(t *testing.T) {
		theirs := state().Intending("me", fp("candidate"), 9, time.Time{})
		r := receipt(now)
		r.Candidate = 9
		next, kept := theirs.Settle(r)
		require.True(t, kept)
		require.Nil(t, next.Intent)
	})
}

// Of two families that came of one token, the spend that began last has won.
// What was received could not be saved, and was stored in REFRESH_TOKEN: another
// process has presented it from there. Settled by its holder, it is in doubt.
func TestSettleOfWhatAnotherHasPresented(t *testing.T) {
	first := now.Add(-2 * time.Minute)
	pending := func(s *family.State) {
		s.Inbox.Pending = []family.Pending{{Version: 9, Token: fp(refresh(8)), First: first}}
	}
	for _, c := range []struct {
		name   string
		intent *family.Intent
		owner  string
		last   time.Time
	}{
		{"its process may still come", &family.Intent{Owner: "other", Token: fp(refresh(8)), Candidate: 9, First: first, Last: now}, "other", now},
		{"its answer was lost", &family.Intent{Token: fp(refresh(8)), Candidate: 9, First: first, Last: now}, "", now},
		{"something else was presented since", &family.Intent{Owner: "other", Token: fp("x"), Candidate: 10, First: now, Last: now}, "another process", first},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := state()
			pending(&s)
			s.Intent = c.intent
			next, kept := s.Settle(receipt(now.Add(-3 * time.Minute)))
			require.True(t, kept)
			require.Empty(t, next.Inbox.Pending)
			require.Equal(t, &family.Intent{Owner: c.owner, Token: fp(refresh(8)), First: first, Last: c.last}, next.Doubt)
			require.True(t, next.InDoubt())
			require.Equal(t, c.intent.Owner != "", next.Intent != nil, "a lease is respected")
		})
	}
}

func TestSettleOfTwoFamiliesFromOneToken(t *testing.T) {
	spent := fp("a-consent-that-a-person-stored")
	settled := func(at time.Time) family.State {
		p := family.Pair{Refresh: secret("what-the-other-received"), SpentAt: at}
		record := family.Record{Schema: family.Schema, Connection: conn, AuthorizedAt: now.Add(-2 * time.Minute), Refresh: spent}.Succeed(p)
		return family.State{Refresh: p.Refresh, Record: record}
	}
	r := receipt(now)
	r.Record.AuthorizedAt, r.Spent, r.Candidate = now.Add(-time.Minute), spent, 9
	_, kept := settled(now.Add(time.Second)).Settle(r)
	require.False(t, kept, "theirs began later, though it seems to be of an older consent")
	_, kept = settled(now.Add(-time.Second)).Settle(r)
	require.True(t, kept)
}

// A failure to ask about a candidate says nothing of the family's own token.
func TestFailureOfACandidateIsItsOwn(t *testing.T) {
	s := state().Intending("me", fp("candidate"), 9, time.Time{})
	failed := s.Failed(family.Failure{Class: "configuration", At: now, Token: fp("candidate")}, nil)
	require.Nil(t, failed.Record.LastFailure)
	require.Equal(t, fp("candidate"), failed.Inbox.Failure.Token)
	again := failed.Failed(family.Failure{Class: "transient", At: now, Token: fp(refresh(7))}, nil)
	require.Equal(t, fp(refresh(7)), again.Record.LastFailure.Token, "without an intent it is the family's")
}

// Psoxy's lock is one attempt more; the first one is what counts.
func TestDoubting(t *testing.T) {
	at := now.Add(-3 * time.Minute)
	s := state().Doubting(at)
	require.Equal(t, &family.Intent{Owner: "psoxy", Token: fp(refresh(7)), First: at, Last: at}, s.Doubt)
	earlier, later := now.Add(-8*time.Minute), now.Add(-time.Minute)
	for _, c := range []struct{ ours, first time.Time }{{earlier, earlier}, {later, at}} {
		s := state()
		s.Intent = &family.Intent{Token: fp(refresh(7)), First: c.ours, Last: c.ours}
		s = s.Doubting(at)
		require.Equal(t, c.first, s.Doubt.First)
		require.Nil(t, s.Intent)
	}
}

// The lock that psoxy left tells of a doubt, unless it is older than the token, or
// psoxy has stored a successor.
func TestLockTells(t *testing.T) {
	s := healthy()
	require.False(t, s.LockTells(family.Field{}))
	s.Lock = field("locked_1795492680000", 1, now.Add(-5*time.Minute))
	require.True(t, s.LockTells(family.Field{}))
	require.True(t, s.LockTells(field("stored before it", 9, now.Add(-6*time.Minute))))
	require.False(t, s.LockTells(field("its successor", 9, now.Add(-5*time.Minute))))
	s.Lock.Modified = now.Add(-11 * time.Minute)
	require.False(t, s.LockTells(family.Field{}), "the token was received after it")
}

// A candidate that failed to be asked about waits as the own token does, and the
// own token goes on.
func TestACandidateThatFailedWaits(t *testing.T) {
	const wait = 210 * time.Second
	for class, action := range map[string]family.Action{"configuration": family.Misconfigured, "malformed": family.Failed} {
		s := healthy()
		s.State.Inbox.Failure = &family.Failure{Class: class, At: now.Add(-wait + nano), Count: 1, Token: fp(refresh(109)), Credentials: s.Credentials()}
		inbox(refresh(109))(&s)
		d := family.Decide(s, family.DefaultPolicy())
		require.Equal(t, action, d.Action, class)
		require.Zero(t, d.Candidate.Version, class)
		require.True(t, d.Keep, "it stays")
		due := s
		due.State.Record.AccessExpiresAt = now.Add(time.Minute)
		d = family.Decide(due, family.DefaultPolicy())
		require.Equal(t, family.Rotate, d.Action, class)
		require.Zero(t, d.Candidate.Version, class)
		doubted(usable - nano)(&s)
		require.Equal(t, family.Replay, family.Decide(s, family.DefaultPolicy()).Action, class)
		doubted(usable)(&s)
		require.Equal(t, action, family.Decide(s, family.DefaultPolicy()).Action, "a probe of the own token could kill the candidate")
		s.State.Inbox.Failure.At = now.Add(-wait)
		require.Equal(t, int64(9), family.Decide(s, family.DefaultPolicy()).Candidate.Version, class)
	}
}

// A consent's process publishes its copies for a moment. A rotation in between
// would be written over by them.
func TestAConsentMayPublish(t *testing.T) {
	for ago, want := range map[time.Duration]family.Action{time.Minute - nano: family.Idle, time.Minute: family.Rotate} {
		s := healthy()
		s.State.Record.Generation, s.State.Record.RotatedAt = 0, time.Time{}
		s.Written, s.AccessToken = now.Add(-ago), field("the one before", 7, now.Add(-time.Hour))
		require.Equal(t, want, family.Decide(s, family.DefaultPolicy()).Action, ago)
	}
}

// Where the history could not be read, what lies in it is judged later.
func TestAPartialHistory(t *testing.T) {
	s := healthy()
	inbox(refresh(109), refresh(6))(&s)
	s.Offers, s.Partial = s.Offers[1:], true
	d := family.Decide(s, family.DefaultPolicy())
	require.Equal(t, int64(8), d.Seen)
	s.Partial = false
	require.Equal(t, int64(10), family.Decide(s, family.DefaultPolicy()).Seen)
}
