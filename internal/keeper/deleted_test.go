package keeper_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

// TOKEN_FAMILY is written as soon as a ledger has begun, before anything is presented: it
// tells a deletion from a first adoption.
func TestTheFirstEntryIsToldOf(t *testing.T) {
	w := newWorld(t)
	w.consent()
	w.before = crashing("post")
	_, ok := w.tick()
	require.False(t, ok)
	w.before = nil
	require.Equal(t, family.Schema, w.record().Schema)
	require.Equal(t, w.ledger().Record, w.record())
	w.remove(names.Ledger)
	w.waits()
	w.want(keeper.Replayed)
	w.requireKept()
	t.Run("before the first spend, where the process has died that began it", func(t *testing.T) {
		w := newWorld(t, killing(true))
		w.consent()
		for _, op := range []string{"write TOKEN_FAMILY", "post"} {
			w.before = crashing(op)
			_, ok := w.tick()
			require.False(t, ok)
			w.restart()
		}
		w.before = nil
		require.Equal(t, w.ledger().Record, w.record())
	})
	t.Run("where it cannot be written, the adoption goes on", func(t *testing.T) {
		w := newWorld(t)
		w.consent()
		w.unwritable = map[string]error{names.Family: errFault}
		w.want(keeper.Failed)
		require.Equal(t, 1, w.spends())
		w.unwritable = nil
		w.ticks(1, keeper.Idle)
		require.Equal(t, w.ledger().Record, w.record())
		w.requireKept()
	})
	t.Run("who was overtaken by another first entry does not tell of its own", func(t *testing.T) {
		w := newWorld(t)
		w.consent()
		w.before = atFirst("write TOKEN_LEDGER", func() {
			_, err := w.consentBy(w.other("consents"), w.obtain)
			require.NoError(t, err)
		})
		w.want(keeper.Idle)
		require.NotContains(t, w.ops, "write TOKEN_FAMILY")
		w.requireConsented()
	})
}

// Nobody is waited for where there was no ledger: TOKEN_FAMILY is not there, or the first
// edition has written it.
func TestNobodyIsWaitedForInAFirstAdoption(t *testing.T) {
	w := due(t)
	first := w.record()
	first.Schema = 1
	w.remove(names.Family)
	w.put(names.Family, first.Encode().Reveal())
	w.remove(names.Ledger)
	w.restart()
	w.want(keeper.Rotated)
	require.Equal(t, first.AuthorizedAt, w.record().AuthorizedAt)
	require.Equal(t, family.Schema, w.record().Schema)
	w.requireKept()
}

// While a deleted ledger is waited for, a process settles the pair that it holds.
func TestAHeldPairIsSettledAfterADeletion(t *testing.T) {
	w := due(t)
	holder := w.unsaved()
	w.remove(names.Ledger)
	w.want(keeper.InDoubt)
	w.keeper = holder
	w.want(keeper.InDoubt)
	require.Equal(t, 2, w.ledger().Record.Generation)
	w.requireKept()
}

// REFRESH_TOKEN takes no writes, and the ledger is deleted: only the process knows the
// newest token, and TOKEN_FAMILY tells that what the copy holds is older.
func TestOnlyAProcessKnowsTheToken(t *testing.T) {
	w := due(t, killing(true))
	w.unwritable = map[string]error{names.RefreshToken: errPolicy}
	w.ticks(2, keeper.Misconfigured)
	newest := w.ledger()
	require.NotEqual(t, w.get(names.RefreshToken).Value, newest.Refresh)
	w.remove(names.Ledger)
	w.waits()
	require.Equal(t, newest.Record, w.ledger().Record)
	w.unwritable = nil
	w.want(keeper.Replayed)
	w.requireKept()
	t.Run("but another process a newer one", func(t *testing.T) {
		w := due(t)
		older := w.get(names.RefreshToken).Value.Reveal()
		require.Equal(t, keeper.Rotated, w.tickOf(w.other("rotates")).Action)
		w.put(names.Family, w.ledger().Record.Encode().Reveal())
		w.remove(names.Ledger)
		w.remove(names.RefreshToken)
		w.put(names.RefreshToken, older)
		w.want(keeper.Misconfigured)
		require.Zero(t, w.get(names.Ledger).Version)
	})
}

// A consent is refused by mistake, and only this process has judged it when another begins
// the ledger anew: it is asked about again by either.
func TestAnotherProcessThatHasJudgedLessBeginsTheLedgerAnew(t *testing.T) {
	w := settledWorld(t)
	w.rotations(1)
	w.answer(403, "unauthorized_client", 1)
	w.consent()
	w.want(keeper.Restored)
	w.clock.Advance(time.Second)
	w.remove(names.Ledger)
	require.Equal(t, keeper.InDoubt, w.tickOf(w.other("adopts")).Action)
	w.clock.Advance(family.Lease + time.Second)
	w.want(keeper.Rotated)
	w.requireKept()
}
