package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// pair is what a spend at the given time yields for a generation.
func pair(generation int, at time.Time) family.Pair {
	return family.Pair{Refresh: secret(refresh(generation)), Access: secret(access(generation)), SpentAt: at, AccessExpiresAt: at.Add(time.Hour)}
}

// receipt is that of a rotation of generation 7 that began at the given time.
func receipt(at time.Time) family.Receipt {
	return family.Receipt{Pair: pair(8, at), Record: record().Succeed(pair(8, at)), Before: fp(refresh(7))}
}

func TestSettle(t *testing.T) {
	intending := state().Intending("me", fp(refresh(7)), 0, time.Time{})
	intending.Inbox.Failure = &family.Failure{Class: "transient", Token: fp("candidate"), At: now}
	consent := func(at time.Time) family.State {
		p := family.Pair{Refresh: secret("a-consent's-refresh-token"), Access: secret("a-consent's-access-token"), SpentAt: at}
		return family.State{Refresh: p.Refresh, Record: consented(p, record())}
	}
	sibling := func(at time.Time) family.State {
		p := family.Pair{Refresh: secret("a-sibling-of-generation-008"), Access: secret("its-access-token"), SpentAt: at}
		return family.State{Refresh: p.Refresh, Record: record().Succeed(p)}
	}
	ahead := sibling(now.Add(-time.Hour))
	ahead.Record.Generation = 9
	restarted := state()
	restarted.Record.Refresh, restarted.Refresh = fp("unknown-token-of-the-same-family"), secret("unknown-token-of-the-same-family")
	restarted.Record.RotatedAt = time.Time{}

	for _, c := range []struct {
		name string
		// theirs is what the ledger says by the time of the settle.
		theirs family.State
		kept   bool
	}{
		{"its own intent stands", intending, true},
		{"nobody wrote, not even the intent", state(), true},
		{"a later attempt with the same token stands", state().Intending("other", fp(refresh(7)), 0, now), true},
		{"the ledger was deleted", family.State{}, true},
		{"an older sibling", sibling(now.Add(-nano - time.Millisecond)), true},
		{"a sibling of the same moment", sibling(now), false},
		{"a newer sibling", sibling(now.Add(time.Millisecond)), false},
		{"a later generation", ahead, false},
		{"an older consent", consent(now.Add(-25 * time.Hour)), true},
		{"a newer consent", consent(now), false},
		{"a token adopted anew", restarted, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := c.theirs.Encode()
			next, kept := c.theirs.Settle(receipt(now))
			require.Equal(t, before, c.theirs.Encode())
			require.Equal(t, c.kept, kept)
			if !kept { // but the pair is known as an older one
				want := c.theirs
				want.Record.Past = want.Record.Past.With(fp(refresh(8)))
				require.Equal(t, want, next)
				return
			}
			require.Equal(t, refresh(8), next.Refresh.Reveal())
			require.Nil(t, next.Intent)
			require.Nil(t, next.Doubt)
			require.Nil(t, next.Inbox.Failure)
			require.True(t, next.Record.Past.Has(fp(refresh(7))))
			if !c.theirs.Empty() {
				require.True(t, next.Record.Past.Has(c.theirs.Record.Refresh), "what it replaces is known as older")
			}
			require.False(t, next.Record.Past.Has(fp(refresh(8))), "its newest token is no older one")
			require.Equal(t, record().AuthorizedAt, next.Record.AuthorizedAt, "rotating does not lengthen the family's life")
		})
	}
}

// The record tells only milliseconds.
func TestSettleOfTheSameMillisecond(t *testing.T) {
	at := now.Add(300 * time.Microsecond)
	s, kept := state().Settle(receipt(at))
	require.True(t, kept)
	_, kept = s.Settle(receipt(at.Add(100 * time.Microsecond)))
	require.False(t, kept, "what another process presented since would count as unspent")
}

// What stood in REFRESH_TOKEN when the ledger began, before the token that was
// accepted, may be older: without claims nothing tells.
func TestSettleOfAKinCandidate(t *testing.T) {
	began := state()
	began.Inbox = family.Inbox{Judged: family.Judged{Seen: 3}, Kin: 6}
	r := receipt(now)
	r.Candidate = 5
	next, _ := began.Settle(r)
	require.Equal(t, int64(5), next.Inbox.Seen)
	r.Record.Chain = "chain"
	next, _ = began.Settle(r)
	require.Equal(t, int64(3), next.Inbox.Seen, "the claims tell")
}

// Where the ledger was deleted under the spend, what lies below the accepted candidate may
// be a newer consent, which nobody has judged.
func TestSettleOfACandidateInADeletedLedger(t *testing.T) {
	r := receipt(now)
	r.Candidate = 9
	next, kept := family.State{}.Settle(r)
	require.True(t, kept)
	require.Zero(t, next.Inbox.Seen)
	r.Record.AuthorizedAt = now
	next, _ = state().Settle(r)
	require.Equal(t, int64(9), next.Inbox.Seen, "another family's began with it")
}

func TestSettleOfAConsent(t *testing.T) {
	consent := func(at time.Time) family.Receipt {
		p := pair(0, at)
		return family.Receipt{Pair: p, Record: consented(p, record()), Before: fp(refresh(7)),
			App: &atlassian.App{ClientID: "new-app", ClientSecret: secret("new-secret")}}
	}
	rotated := family.State{Refresh: secret(refresh(8)), Record: record().Succeed(pair(8, now.Add(time.Second)))}
	t.Run("wins over the old family's later rotation", func(t *testing.T) {
		next, kept := rotated.Settle(consent(now))
		require.True(t, kept)
		require.Equal(t, refresh(0), next.Refresh.Reveal())
		require.Equal(t, "new-app", next.App.ClientID)
		requireOlder(t, next.Record, 5, 6, 7, 8)
	})
	t.Run("what it replaces is known as older", func(t *testing.T) {
		requireOlder(t, consent(now).Record, 5, 6, 7)
		v := healthy()
		v.State, v.Family, v.RefreshToken = family.State{}, store.Entry{Value: record().Encode()}, family.Field{}
		r := v.Consented(pair(0, now), family.DefaultPolicy())
		requireOlder(t, r.Record, 5, 6, 7) // TOKEN_FAMILY tells of it where the ledger was deleted
	})
	t.Run("what it covers was written before its entry", func(t *testing.T) {
		s, r := state(), consent(now)
		s.Inbox.Judged = family.Judged{Seen: 5, Modified: now.Add(-time.Hour)}
		for version, judged := range map[int64]family.Judged{5: s.Inbox.Judged, 6: {Seen: 6, Modified: now}} {
			r.Candidate = version
			next, kept := s.Settle(r)
			require.True(t, kept)
			read, err := family.ParseState(next.Encode(), now, conn)
			require.NoError(t, err)
			require.Equal(t, judged, read.Inbox.Judged)
		}
	})
	t.Run("it wins over an adoption in its second, for the store tells whole seconds", func(t *testing.T) {
		for after, wins := range map[time.Duration]bool{0: true, time.Second - time.Millisecond: true, time.Second: false} {
			adopted := own("an-adopted-refresh-token", "")
			adopted.Record.AuthorizedAt, adopted.Record.AuthorizedAtSource = now.Add(after), family.FromAdoption
			next, kept := adopted.Settle(consent(now))
			require.Equal(t, wins, kept, after)
			require.Equal(t, wins, next.Record.AuthorizedAt.After(adopted.Record.AuthorizedAt), after)
		}
	})
	t.Run("the newest of two wins", func(t *testing.T) {
		first, kept := state().Settle(consent(now))
		require.True(t, kept)
		later := consent(now.Add(time.Millisecond))
		later.Pair.Refresh = secret("the-later-consent's-token")
		later.Record.Refresh = family.FingerprintOf(later.Pair.Refresh)
		second, kept := first.Settle(later)
		require.True(t, kept)
		_, kept = second.Settle(consent(now))
		require.False(t, kept)
	})
	t.Run("settled twice, it does not list its own token as older", func(t *testing.T) {
		next, kept := state().Settle(consent(now))
		require.True(t, kept)
		again, kept := next.Settle(consent(now))
		if kept {
			require.False(t, again.Record.Past.Has(fp(refresh(0))))
		}
		require.False(t, next.Record.Past.Has(fp(refresh(0))))
	})
	t.Run("a clock a little behind makes it the younger all the same", func(t *testing.T) {
		r := consented(pair(0, record().AuthorizedAt.Add(-time.Minute)), record())
		require.True(t, r.AuthorizedAt.After(record().AuthorizedAt))
		r = consented(pair(0, record().AuthorizedAt.Add(-time.Hour)), record())
		require.Equal(t, record().AuthorizedAt.Add(-time.Hour), r.AuthorizedAt, "but not one that is wrong")
	})
}

// Rotations and consents may be settled in any order. The family of the newest
// consent always stays.
func TestTheNewestConsentStaysInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var receipts []family.Receipt
		for i := range rapid.IntRange(2, 5).Draw(t, "consents") {
			at := now.Add(time.Duration(i) * time.Hour)
			p := family.Pair{Refresh: secret(refresh(100 * i)), Access: secret(access(100 * i)), SpentAt: at}
			r := consented(p, family.Record{})
			receipts = append(receipts, family.Receipt{Pair: p, Record: r})
			rotated := family.Pair{Refresh: secret(refresh(100*i + 1)), Access: secret(access(100*i + 1)), SpentAt: at.Add(3 * time.Hour)}
			receipts = append(receipts, family.Receipt{Pair: rotated, Record: r.Succeed(rotated), Before: fp(refresh(100 * i))})
		}
		newest := receipts[len(receipts)-2].Record.AuthorizedAt
		s := family.State{}
		for _, r := range rapid.Permutation(receipts).Draw(t, "order") {
			next, kept := s.Settle(r)
			if kept {
				require.False(t, next.Record.AuthorizedAt.Before(s.Record.AuthorizedAt), "an older family came back")
			}
			s = next
		}
		require.True(t, newest.Equal(s.Record.AuthorizedAt))
	})
}

// Another process has presented the same token since: as long as that can be
// replayed, what we hold may be dead, and waits.
func TestDefers(t *testing.T) {
	theirs := func(first, last time.Duration) family.State {
		s := state()
		s.Intent = &family.Intent{Owner: "other", Token: fp(refresh(7)), First: now.Add(-first), Last: now.Add(-last)}
		return s
	}
	held := receipt(now.Add(-5 * time.Minute))
	consent := held
	consent.Record.AuthorizedAt = now
	sameSecond := held
	sameSecond.Record.AuthorizedAtSource, sameSecond.Record.Generation = family.FromConsent, 0
	mine := theirs(6*time.Minute, time.Minute)
	mine.Intent.Owner = "me"
	ownerless := theirs(6*time.Minute, time.Minute)
	ownerless.Intent.Owner = ""
	for _, c := range []struct {
		name  string
		state family.State
		held  family.Receipt
		want  bool
	}{
		{"another presented it since", theirs(6*time.Minute, time.Minute), held, true},
		{"and lost the answer", ownerless, held, true},
		{"at the last moment of the leeway", theirs(usable-nano, time.Minute), held, true},
		{"the leeway is over", theirs(usable, time.Minute), held, false},
		{"before ours", theirs(6*time.Minute, 5*time.Minute), held, false},
		{"our own intent", mine, held, false},
		{"nobody", state(), held, false},
		{"ours is of a new family", theirs(6*time.Minute, time.Minute), consent, false},
		{"ours is of a consent in the second of theirs", theirs(6*time.Minute, time.Minute), sameSecond, false},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, c.state.Defers(c.held, "me", now)) })
	}
}

func TestFailed(t *testing.T) {
	failure := func(class atlassian.Class) family.Failure {
		return family.Failure{Class: class.String(), Code: "x", At: now, Token: fp(refresh(7)), Credentials: fp("app")}
	}
	first := now.Add(-3 * time.Minute)
	own := state().Intending("me", fp(refresh(7)), 0, first)
	candidate := state().Intending("me", fp("candidate"), 9, first)
	t.Run("the answer was lost", func(t *testing.T) {
		s := own.Failed(failure(atlassian.Ambiguous), own.Intent.Left(state(), now))
		require.Equal(t, &family.Intent{Token: fp(refresh(7)), First: first, Last: now}, s.Intent, "in doubt, and nobody holds the answer")
		require.Equal(t, first, s.Record.LastFailure.FirstSpend)
	})
	t.Run("another process may hold the answer of an attempt before", func(t *testing.T) {
		before := state().Intending("other", fp(refresh(7)), 0, first)
		before.Intent.Last = now.Add(-2 * time.Minute)
		own := before.Intending("me", fp(refresh(7)), 0, first)
		require.Equal(t, "other", own.Intent.Left(before, before.Intent.Last).Owner, "nothing has arrived since")
		require.Empty(t, own.Intent.Left(before, now).Owner, "ours may have arrived")
		before.Intent.Owner = "me"
		require.Empty(t, own.Intent.Left(before, before.Intent.Last).Owner, "we have lost it")
		require.Empty(t, candidate.Intent.Left(before, before.Intent.Last).Owner, "it was another token")
	})
	for _, class := range []atlassian.Class{atlassian.Transient, atlassian.Configuration, atlassian.Malformed, atlassian.Permanent} {
		t.Run("own token, "+class.String(), func(t *testing.T) {
			s := own.Failed(failure(class), nil)
			require.Nil(t, s.Intent)
			require.Equal(t, class.String(), s.Record.LastFailure.Class)
			require.Equal(t, class == atlassian.Permanent, s.Record.Refused())
			require.Equal(t, refresh(7), s.Refresh.Reveal(), "the token stays")
		})
		t.Run("candidate, "+class.String(), func(t *testing.T) {
			f := failure(class)
			f.Token = fp("candidate")
			s := candidate.Failed(f, nil)
			require.Nil(t, s.Intent)
			require.Empty(t, s.Inbox.Pending, "it was certainly not spent")
			rejected := class == atlassian.Permanent || class == atlassian.Malformed
			require.Equal(t, rejected, len(s.Inbox.Rejected) == 1)
			require.Equal(t, refresh(7), s.Refresh.Reveal())
			require.Equal(t, 7, s.Record.Generation)
			require.False(t, s.Record.Refused(), "the family's own token was not asked about")
		})
	}
	t.Run("a candidate's answer was lost", func(t *testing.T) {
		f := failure(atlassian.Ambiguous)
		f.Token = fp("candidate")
		s := candidate.Failed(f, candidate.Intent.Left(state(), now))
		require.Equal(t, int64(9), s.Inbox.Pending[0].Version)
		require.Equal(t, first, s.Inbox.Pending[0].First)
		require.Empty(t, s.Intent.Owner)
	})
	t.Run("the doubt about the own token outlives a candidate", func(t *testing.T) {
		s := own.Intending("me", fp("candidate"), 9, time.Time{})
		f := failure(atlassian.Permanent)
		f.Token = fp("candidate")
		s = s.Failed(f, nil)
		require.Equal(t, first, s.Doubt.First)
	})
	t.Run("rejected once more, it is counted", func(t *testing.T) {
		s, f := candidate, failure(atlassian.Malformed)
		f.Token = fp("candidate")
		for n := 1; n <= 3; n++ {
			s = s.Failed(f, nil).Intending("me", fp("candidate"), 9, time.Time{})
			require.Len(t, s.Inbox.Rejected, 1)
			require.Equal(t, n, s.Inbox.Rejected[0].Count)
		}
		f.Credentials = fp("another app")
		require.Equal(t, 1, s.Failed(f, nil).Inbox.Rejected[0].Count, "under other credentials it is a new question")
	})
	t.Run("rejected inside the leeway of a lost answer, it is looked at every ten seconds", func(t *testing.T) {
		const look = 10 * time.Second
		f := failure(atlassian.Permanent)
		f.Token, f.FirstSpend, f.Credentials = fp(refresh(9)), first, healthy().Credentials()
		s := state().Intending("me", f.Token, 9, first).Failed(f, nil).Intending("me", f.Token, 9, time.Time{})
		require.Equal(t, first, s.Intent.First, "its leeway counts from the first attempt")
		s = s.Failed(f, nil)
		require.Equal(t, 1, s.Inbox.Rejected[0].Count, "these looks are not counted")
		at := func(d time.Duration) family.Decision {
			v := healthy()
			v.State.Inbox, v.Now = s.Inbox, now.Add(d)
			v.RefreshToken = field(refresh(9), 9, now)
			v.Offers = []family.Field{v.RefreshToken}
			return family.Decide(v, family.DefaultPolicy())
		}
		require.Equal(t, family.InDoubt, at(look-nano).Action)
		require.Equal(t, family.Replay, at(look).Action)
		for _, d := range []family.Decision{at(look - nano), at(look)} {
			require.Equal(t, first, d.FirstSpend)
			require.True(t, d.Urgent(now.Add(look)), "the next tick may come too late")
		}
		s.Record.RotatedAt, s.Inbox.Rejected[0].Stored = now.Add(nano), now
		sibling := healthy()
		sibling.State.Record, sibling.State.Inbox = s.Record, s.Inbox
		require.Equal(t, family.Idle, family.Decide(sibling, family.DefaultPolicy()).Action, "it is not asked about again")
	})
	t.Run("rejected twice when that leeway was over, its first attempt is remembered", func(t *testing.T) {
		f := failure(atlassian.Permanent)
		f.Token, f.FirstSpend = fp(refresh(9)), now.Add(-family.Leeway)
		s := state().Intending("me", f.Token, 9, f.FirstSpend).Failed(f, nil)
		f.FirstSpend = time.Time{}
		s = s.Intending("me", f.Token, 9, time.Time{}).Failed(f, nil)
		require.Equal(t, 2, s.Inbox.Rejected[0].Count)
		require.Equal(t, now.Add(-family.Leeway), s.Inbox.Rejected[0].First)
	})
	t.Run("the own token was accepted a leeway after it was stored: it is a stranger", func(t *testing.T) {
		stored := func(s family.State) (left []bool) {
			for _, r := range s.Inbox.Rejected {
				left = append(left, r.Stored.IsZero())
			}
			return left
		}
		s := state()
		s.Inbox.Rejected = []family.Rejected{
			{Version: 9, At: now.Add(-9 * minute), Stored: now.Add(-10 * minute)},
			{Version: 10, At: now.Add(-9 * minute), Stored: now.Add(-10*minute + nano)},
			{Version: 11, At: s.Record.RotatedAt.Add(-nano), Stored: now.Add(-time.Hour)},
		}
		own := receipt(now)
		own.Spent = own.Before
		next, _ := s.Settle(own)
		require.Equal(t, []bool{true, false, false}, stored(next), "the last one was a sibling before")
		of := receipt(now)
		of.Spent, of.Candidate = fp("candidate"), 12
		next, _ = s.Settle(of)
		require.NotContains(t, stored(next), true, "a candidate's pair tells nothing of it")
	})
	t.Run("only the newest few are remembered", func(t *testing.T) {
		s, f := state(), failure(atlassian.Permanent)
		for version := int64(9); version < 20; version++ {
			f.Token = fp(refresh(int(version) + 100))
			s = s.Intending("me", f.Token, version, time.Time{}).Failed(f, nil)
		}
		require.Len(t, s.Inbox.Rejected, 8)
		require.Equal(t, int64(19), s.Inbox.Rejected[0].Version)
	})
}
