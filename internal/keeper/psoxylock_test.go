package keeper_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// Psoxy rotated, and died while it presented what it had stored. Its lock tells that
// this token is in doubt, and is replaced by ours: the ledger keeps what it told.
func TestPsoxyDiedOverItsOwnSuccessor(t *testing.T) {
	w := shared(t)
	w.psoxy.saves(w.psoxy.spends(), 2)
	w.clock.Advance(time.Second)
	w.psoxy.locks()
	w.psoxy.spends()
	w.clock.Advance(3 * time.Minute)
	w.want(keeper.Replayed)
	w.requireSharedAndKept()
}

// Psoxy dies while it presents the token, and another container of it deletes the stale
// lock. A process that has read the lock knows of the doubt all the same.
func TestPsoxyDeletesItsStaleLock(t *testing.T) {
	w := shared(t)
	w.clock.Advance(-20 * time.Minute)
	w.psoxy.locks()
	w.psoxy.spends()
	w.want(keeper.Contended)
	w.clock.Advance(2 * time.Minute)
	w.remove(names.Lock)
	w.want(keeper.Replayed)
	w.ticks(12, keeper.Idle, keeper.Rotated)
	w.requireSharedAndKept()
}

// Another tick takes our lock over before anything is presented: it is taken back,
// so that the other finds that it has lost it.
func TestOurLockIsTakenOver(t *testing.T) {
	w := shared(t)
	reads := 0
	w.before = func(_ int, op string) error {
		switch lock := w.get(names.Lock).Value.Reveal(); {
		case op == "read" && strings.Contains(lock, "process-"):
			if reads++; reads == 2 { // the first looks whether the lock is ours
				w.put(names.Lock, "locked_1764000000000 another/1")
			}
		case op == "post":
			require.Contains(t, lock, "process-")
		}
		return nil
	}
	w.want(keeper.Contended) // the other is about to write its intent
	w.clock.Advance(10 * time.Second)
	w.want(keeper.Rotated) // it did not
	w.requireSharedAndKept()
}

// Our lock is deleted before anything is presented: it is taken anew.
func TestOurLockIsDeleted(t *testing.T) {
	w := shared(t)
	reads := 0
	w.before = func(_ int, op string) error {
		switch locked := !w.get(names.Lock).Value.IsZero(); {
		case op == "read" && locked:
			if reads++; reads == 2 { // the first looks whether the lock is ours
				w.remove(names.Lock)
			}
		case op == "post":
			require.True(t, locked)
		}
		return nil
	}
	w.want(keeper.Rotated)
	require.Greater(t, reads, 2)
	w.requireSharedAndKept()
}

// A call about the lock that yields no answer is no lock of psoxy's: the same tick looks
// again, and rotates.
func TestALockIsTakenAfterALostAnswer(t *testing.T) {
	for _, lost := range []string{"create", "delete"} {
		t.Run(lost, func(t *testing.T) {
			w := shared(t)
			if lost == "delete" {
				w.put(names.Lock, "locked_1764000000000 another/1")
				w.clock.Advance(20 * time.Second)
			}
			w.before = func(_ int, op string) error {
				if strings.HasPrefix(op, lost) {
					w.before = nil
					return errFault
				}
				return nil
			}
			w.want(keeper.Rotated)
			w.requireSharedAndKept()
		})
	}
}

// A consent does not wait for psoxy's lock until its code has expired.
func TestAConsentGoesOnBesidePsoxy(t *testing.T) {
	w := shared(t)
	w.psoxy.locks()
	begun := w.clock.Now()
	_, err := w.consentBy(w.keeper, func(ctx context.Context, s family.Snapshot) (keeper.Grant, error) {
		require.Less(t, w.clock.Now().Sub(begun), 20*time.Second)
		return w.obtain(ctx, s)
	})
	require.NoError(t, err)
	require.Equal(t, family.FromConsent, w.ledger().Record.AuthorizedAtSource)
	require.Equal(t, w.ledger().Refresh, w.get(names.RefreshToken).Value)
}

// A tick finds psoxy's lock, psoxy stores its token and releases it, and the access token that
// tells of it is written over. The lock has told.
func TestALockThatIsSeenOnce(t *testing.T) {
	w := shared(t, func(p *atlassiantest.Policy) { p.SiblingsDie = true })
	before := w.get(names.AccessToken).Value.Reveal()
	w.inject(atlassiantest.After, 502, 3)
	w.want(keeper.InDoubt)
	w.before = atFirst("create OAUTH_REFRESH_TOKEN_lock", w.psoxy.locks)
	pause := w.keeper.Sleep
	w.keeper.Sleep = func(ctx context.Context, d time.Duration) {
		w.keeper.Sleep = pause
		tokens := w.psoxy.spends()
		w.psoxy.saves(tokens, 1)
		w.put(names.AccessToken, before)
		w.clock.Advance(time.Millisecond)
		w.put(names.RefreshToken, tokens.Refresh.Reveal())
		w.remove(names.Lock)
		pause(ctx, d)
	}
	w.want(keeper.Contended)
	w.ticks(1, keeper.Rotated)
	w.requireSharedAndKept()
}

// A stale lock of psoxy's is deleted, and the process dies before its intent. The ledger
// keeps the doubt that the lock told of.
func TestADeletedLockHasTold(t *testing.T) {
	w := shared(t)
	w.psoxy.locks()
	locked := w.clock.Now()
	w.psoxy.spends()
	w.clock.Advance(3 * time.Minute)
	w.before = func(_ int, op string) error {
		if op == "create OAUTH_REFRESH_TOKEN_lock" {
			panic(crash{})
		}
		return nil
	}
	_, ok := w.tick()
	require.False(t, ok)
	w.before = nil
	require.True(t, w.ledger().InDoubt())
	require.Equal(t, locked, w.ledger().Doubt.First)
	w.ticks(1, keeper.Replayed)
	w.requireSharedAndKept()
}

// psoxy died under its lock before a consent: no token of the new family was granted then.
func TestALockFromBeforeAConsent(t *testing.T) {
	for _, ago := range []time.Duration{3 * time.Minute, 9 * time.Minute, 12 * time.Minute, 24 * time.Hour} {
		w := settledWorld(t)
		w.psoxy.locks()
		w.clock.Advance(ago)
		_, err := w.consentBy(w.other("bootstrap"), w.obtain)
		require.NoError(t, err)
		w.clock.Advance(time.Minute)
		posts := w.posts()
		w.ticks(3, keeper.Idle)
		require.Equal(t, posts, w.posts(), "%s", ago)
	}
}
