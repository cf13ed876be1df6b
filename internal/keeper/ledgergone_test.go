package keeper_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// A person deletes the ledger while the answer to a spend is lost. The tick that
// presented the token knows of the doubt, and begins the new ledger with it.
func TestTheLedgerIsDeletedUnderASpendInDoubt(t *testing.T) {
	w := due(t)
	w.inject(atlassiantest.After, 503, 3)
	w.before = func(_ int, op string) error {
		if op == "write TOKEN_LEDGER" && w.spends() == 3 {
			w.before = nil
			w.remove(names.Ledger)
		}
		return nil
	}
	w.want(keeper.InDoubt)
	require.True(t, w.ledger().InDoubt())
	w.ticks(1, keeper.Replayed)
	w.requireKept()
}

// The same below an intent. Who put that has presented nothing, but another process may
// have: it is waited for, as after any deletion.
func TestTheLedgerIsDeletedBelowAnIntent(t *testing.T) {
	w := due(t)
	w.before, w.after = atFirst("write TOKEN_LEDGER", func() { w.remove(names.Ledger) }), crashing("write TOKEN_LEDGER")
	_, ok := w.tick()
	require.False(t, ok)
	w.before, w.after = nil, nil
	w.restart()
	w.clock.Advance(time.Minute)
	w.waits()
	w.want(keeper.Replayed)
	w.requireKept()
}

// The ledger is deleted after a replay, when TOKEN_FAMILY is a rotation behind.
func TestTheLedgerIsDeletedAfterAReplay(t *testing.T) {
	w := due(t)
	born := w.record().AuthorizedAt
	w.inject(atlassiantest.After, 503, 3)
	w.want(keeper.InDoubt)
	w.ticks(1, keeper.Replayed)
	w.remove(names.Ledger)
	w.restart()
	w.clock.Advance(5 * time.Minute)
	w.want(keeper.Rotated)
	w.ticks(12, keeper.Idle, keeper.Rotated)
	require.Equal(t, born, w.record().AuthorizedAt)
	w.requireKept()
}

// A person deletes the ledger while a token is presented, and the process dies just
// after it has put the successor there: on top of an entry that is gone. Nothing else
// holds the successor, and the token that yielded it is presented again.
func TestTheLedgerIsDeletedBelowTheSuccessor(t *testing.T) {
	w := settledWorld(t, killing(true))
	w.clock.Advance(40 * time.Minute)
	w.before = atFirst("post", func() { w.remove(names.Ledger) })
	w.after = func(_ int, op string) error {
		if op == "write TOKEN_LEDGER" && w.spends() > 0 {
			panic(crash{})
		}
		return nil
	}
	_, ok := w.tick()
	require.False(t, ok)
	w.before, w.after = nil, nil
	w.restart()
	w.clock.Advance(5 * time.Minute)
	w.waits()
	w.want(keeper.Replayed)
	w.ticks(24, keeper.Idle, keeper.Rotated, keeper.Restored)
	w.requireKept()
}

// The ledger is deleted while TOKEN_FAMILY is a rotation behind. REFRESH_TOKEN
// holds the newest token and, before it, the candidate that it came from. Only the
// newest is presented.
func TestTheLedgerIsDeletedAfterACandidate(t *testing.T) {
	w := settledWorld(t)
	w.unwritable = map[string]error{names.Family: errPolicy}
	w.consent()
	w.ticks(1)
	w.unwritable = nil
	w.remove(names.Ledger)
	w.clock.Advance(5 * time.Minute)
	w.waits()
	require.Equal(t, w.get(names.RefreshToken).Value, w.ledger().Refresh, "this process knows the newest token")
	w.ticks(12, keeper.Idle, keeper.Rotated, keeper.Replayed, keeper.Restored)
	w.requireKept()
}

// A consent by hand is written over by a rotation under way, and then the ledger is
// deleted: TOKEN_FAMILY knows all tokens of the family, so that the other one is a
// candidate still.
func TestTheLedgerIsDeletedBeforeACandidateIsJudged(t *testing.T) {
	w := settledWorld(t, killing(true))
	w.consent()
	w.after = atFirst("post", func() { w.consent() })
	w.tick()
	w.after = nil
	w.remove(names.Ledger)
	w.waits()
	w.ticks(24, keeper.Idle, keeper.Rotated, keeper.Replayed, keeper.Restored)
	w.requireKept()
}

// A lock without an intent was left behind, and Atlassian has refused the token
// since: it is probed now and then, and not at every tick.
func TestARefusalEndsTheDoubtThatALockTellsOf(t *testing.T) {
	w := settledWorld(t)
	_, err := w.mem.Write(context.Background(), names.Lock, atlassian.NewSecret("locked_1764000000000"), store.Plain)
	require.NoError(t, err)
	require.NoError(t, w.em.RevokeGrant(w.fix.Account.ID, w.fix.App.ClientID))
	w.ticks(12)
	posts := w.posts()
	w.ticks(12, keeper.Refused)
	require.LessOrEqual(t, w.posts()-posts, 1)
}

// A candidate whose answer was lost is refused: it is looked at again a minute later,
// and Atlassian is not hammered.
func TestARefusedCandidateInDoubt(t *testing.T) {
	w := settledWorld(t)
	w.put(names.RefreshToken, "a-t0ken-that-n0body-has-ever-issued-to-anybody")
	w.before = crashing("post")
	w.tick()
	w.before = nil
	w.clock.Advance(3 * time.Minute)
	w.want(keeper.InDoubt)
	w.want(keeper.InDoubt)
	posts := w.posts()
	w.ticks(1, keeper.InDoubt)
	w.ticks(11, keeper.Idle, keeper.Rotated, keeper.Restored)
	require.LessOrEqual(t, w.posts()-posts, 8)
	w.requireKept()
}

// A rotation cannot save what it received while a consent is under way. The process
// drops it for the consent's tokens.
func TestAPairIsDroppedForAConsent(t *testing.T) {
	w := due(t, killing(false))
	other := keeper.New(keeper.Config{Store: w.mem, Token: w.client, Now: w.clock.Now, Process: "consents", Together: inTurn})
	_, err := w.consentBy(other, func(ctx context.Context, s family.Snapshot) (keeper.Grant, error) {
		g, err := w.obtain(ctx, s)
		w.clock.Advance(time.Second)
		w.after = atFirst("post", func() { w.unwritable = map[string]error{names.Ledger: errFault} })
		w.want(keeper.Failed)
		w.after, w.unwritable = nil, nil
		return g, err
	})
	require.NoError(t, err)
	w.requireConsented()
}

// The ledger is deleted during a spend, and cannot be read for a while. An entry on
// top of the deleted one is not put again and again until its number fits the new
// ledger.
func TestWhatIsBasedOnADeletedLedgerIsNotPutAgain(t *testing.T) {
	w := due(t)
	writes := 0
	w.before = func(_ int, op string) error {
		switch {
		case op != "write TOKEN_LEDGER" || w.spends() == 0:
		case writes == 0:
			w.remove(names.Ledger)
			w.unreadable = map[string]error{names.Ledger: errFault}
			fallthrough
		default:
			writes++
		}
		return nil
	}
	w.want(keeper.Failed)
	require.Equal(t, 1, writes)
	w.unreadable = nil
	w.ticks(1, keeper.Restored)
	w.requireKept()
}

// The ledger is deleted before a rotation has published its token, and another process
// begins it again, waits and rotates too. The first one, which was paused, then publishes
// a sibling, and asks Atlassian about it in the same tick.
func TestAPairThatTheLedgerWentOnWithout(t *testing.T) {
	w := due(t)
	w.limit = 10 * time.Minute
	other := w.other("adopts")
	w.before = atFirst("write REFRESH_TOKEN", func() {
		w.remove(names.Ledger)
		w.clock.Advance(time.Second)
		out := w.tickOf(other)
		require.Equal(t, keeper.InDoubt, out.Action, out.Reason)
		w.clock.Advance(family.Lease)
		out = w.tickOf(other)
		require.Equal(t, keeper.Replayed, out.Action, out.Reason)
	})
	w.want(keeper.Restored) // its own pair was published, and is the older one
	w.before = nil
	require.Equal(t, w.get(names.RefreshToken).Value, w.ledger().Refresh)
	w.ticks(24, keeper.Idle, keeper.Rotated)
	w.requireKept()
}

// The answers to a spend are lost, and another process has begun the ledger anew
// meanwhile, up to the very version of the intent.
func TestAnotherEntryHasTheNumberOfTheIntent(t *testing.T) {
	w := due(t)
	other := w.other("adopts")
	w.after = func(_ int, op string) error {
		if op != "post" {
			return nil
		}
		w.after = nil
		intent := w.get(names.Ledger).Version
		w.remove(names.Ledger)
		w.clock.Advance(time.Second)
		for range intent - 1 {
			w.put(names.Ledger, "fill me")
		}
		other.Tick(context.Background(), family.Connection{Name: conn, Policy: w.policy}, slog.New(slog.DiscardHandler))
		require.Equal(t, intent, w.get(names.Ledger).Version)
		return errFault
	}
	w.tick()
	w.ticks(1, keeper.Replayed)
	w.ticks(24, keeper.Idle, keeper.Rotated, keeper.Restored)
	w.requireKept()
}

// forgetful is a world in which the ledger is deleted right after a rotation, and
// the process goes on.
func forgetful(t *testing.T) *world {
	w := settledWorld(t)
	w.rotations(2)
	w.clock.Advance(40 * time.Minute)
	w.want(keeper.Rotated)
	w.remove(names.Ledger)
	return w
}

// A process that goes on knows more of a deleted ledger than the copies tell.
func TestAProcessKnowsTheDeletedLedger(t *testing.T) {
	t.Run("its newest token", func(t *testing.T) {
		w := forgetful(t)
		w.waits()
		require.Equal(t, 4, w.ledger().Record.Generation)
		w.want(keeper.Replayed) // another process may have presented it
		w.ticks(12, keeper.Idle, keeper.Rotated)
		w.requireKept()
	})
	t.Run("a consent in its history is no token of the family", func(t *testing.T) {
		w := settledWorld(t)
		w.rotations(2)
		born := w.record().AuthorizedAt
		w.clock.Advance(40 * time.Minute)
		w.before = atFirst("write REFRESH_TOKEN", func() { w.consent() })
		w.want(keeper.Rotated)
		w.before = nil
		w.remove(names.Ledger)
		w.ticks(3)
		w.requireKept()
		require.NotEqual(t, born, w.ledger().Record.AuthorizedAt, "it is the consent's family")
	})
	t.Run("a spend that is in doubt", func(t *testing.T) {
		w := due(t)
		w.inject(atlassiantest.After, 502, 3)
		w.want(keeper.InDoubt)
		w.remove(names.Ledger)
		w.clock.Advance(20 * time.Minute)
		w.ticks(1)
		require.True(t, w.ledger().InDoubt() || w.ledger().Record.Refused(), "it is not taken for a first presentation")
	})
	t.Run("but a person's word about the consent counts", func(t *testing.T) {
		w := settledWorld(t)
		w.rotations(2)
		w.ticks(1)
		record := w.record()
		record.AuthorizedAt, record.AuthorizedAtSource = record.AuthorizedAt.Add(-100*24*time.Hour), family.FromPerson
		w.put(names.Family, record.Encode().Reveal())
		w.remove(names.Ledger)
		w.ticks(2)
		require.Equal(t, record.AuthorizedAt, w.ledger().Record.AuthorizedAt)
		require.Equal(t, family.FromPerson, w.ledger().Record.AuthorizedAtSource)
	})
	t.Run("and a token that others have rotated to since", func(t *testing.T) {
		w := settledWorld(t)
		w.rotations(2)
		w.clock.Advance(40 * time.Minute)
		other := w.other("rotates")
		out := other.Tick(context.Background(), family.Connection{Name: conn, Policy: w.policy}, slog.New(slog.DiscardHandler))
		require.Equal(t, keeper.Rotated, out.Action, out.Reason)
		w.remove(names.Ledger)
		w.ticks(3)
		w.requireKept()
		require.Equal(t, w.record().AuthorizedAt, w.ledger().Record.AuthorizedAt)
	})
	t.Run("unless the app is deleted with all the rest", func(t *testing.T) {
		w := forgetful(t)
		for _, name := range []string{names.RefreshToken, names.Family, names.ClientID, names.ClientSecret} {
			w.remove(name)
		}
		w.want(keeper.AwaitingConsent)
		require.Zero(t, w.get(names.Ledger).Version)
	})
}

// The ledger is deleted just after a tick that has lost an answer. The process has written
// since when the token is in doubt, and knows it still.
func TestTheLedgerIsDeletedAfterASpendInDoubt(t *testing.T) {
	w := due(t)
	begun := w.clock.Now()
	w.inject(atlassiantest.After, 503, 6)
	w.want(keeper.InDoubt)
	w.remove(names.Ledger)
	w.clock.Advance(3 * time.Minute)
	w.waits()
	w.want(keeper.InDoubt)
	require.WithinDuration(t, begun, w.ledger().Intent.First, time.Second)
	w.clock.Advance(3 * time.Minute)
	w.want(keeper.Replayed)
	w.requireKept()
}

// A process has only read the newest tokens. The ledger is deleted, and with it all that
// tells of them: the process goes on with them.
func TestWhatAProcessHasReadIsKnown(t *testing.T) {
	w := newWorld(t)
	spent := w.consent()
	w.want(keeper.Rotated)
	w.clock.Advance(15 * time.Minute) // the leeway is over
	w.restart()
	w.want(keeper.Idle)
	for _, name := range []string{names.Ledger, names.Family, names.RefreshToken} {
		w.remove(name)
	}
	w.put(names.RefreshToken, spent.Refresh.Reveal())
	w.ticks(6)
	w.clock.Advance(40 * time.Minute)
	w.ticks(1)
	w.requireKept()
}

// The ledger is deleted while a token is presented, and the answer is lost. The entry of
// the failure begins it anew, with the doubt.
func TestALostAnswerUnderADeletedLedger(t *testing.T) {
	w := due(t)
	require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After, Kind: atlassiantest.KindDrop, Times: 3}))
	presented := w.clock.Now()
	w.after = atFirst("post", func() { w.remove(names.Ledger) })
	w.want(keeper.InDoubt)
	require.Positive(t, w.get(names.Ledger).Version)
	require.WithinDuration(t, presented, w.ledger().Intent.First, time.Second)
	require.Empty(t, w.ledger().Intent.Owner, "its process has given up")
}
