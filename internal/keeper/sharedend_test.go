package keeper_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
)

// rotatedShared is a connection in shared mode that has rotated; the process holds its access token.
func rotatedShared(t *testing.T, claims bool) *world {
	w := newWorldOf(t, claims)
	w.policy.AccessFormat = psoxy.AsStored
	tokens := w.consent()
	w.put(names.AccessToken, psoxy.JSON.EncodeAccessToken(tokens.Access, w.clock.Now().Add(10*time.Minute)).Reveal())
	w.want(keeper.Rotated)
	w.clock.Advance(5 * time.Minute)
	w.want(keeper.Idle)
	return w
}

// psoxy dies between its two writes, and another of its containers deletes the stale lock
// before a tick has seen it; or REFRESH_TOKEN is deleted after psoxy's rotation. ACCESS_TOKEN tells
// that our token is spent, and it is replayed in time.
func TestPsoxysHalfRotationWithoutLock(t *testing.T) {
	for _, deleted := range []bool{false, true} {
		for _, cold := range []bool{true, false} {
			t.Run(fmt.Sprintf("REFRESH_TOKEN deleted: %v, new process: %v", deleted, cold), func(t *testing.T) {
				w := rotatedShared(t, true)
				if cold {
					w.restart()
				}
				w.clock.Advance(5 * time.Second)
				w.psoxy.locks()
				tokens := w.psoxy.spends()
				if deleted {
					w.psoxy.saves(tokens, 2)
					w.remove(names.RefreshToken)
				} else {
					w.psoxy.saves(tokens, 1)
					w.clock.Advance(150 * time.Second)
				}
				w.remove(names.Lock)
				w.clock.Advance(2 * time.Minute)
				w.tick()
				w.ticks(24)
				w.requireAlive(0)
			})
		}
	}
}

// Beside psoxy its lock alone cannot be created, deleted or read. Nothing can be rotated, and the
// report says so.
func TestOnlyPsoxysLockIsDenied(t *testing.T) {
	for _, op := range []string{"create", "delete", "read"} {
		t.Run(op, func(t *testing.T) {
			w := rotatedShared(t, false)
			w.clock.Advance(36 * time.Minute)
			if op == "read" {
				w.unreadable = map[string]error{names.Lock: errPolicy}
			}
			w.before = func(_ int, o string) error {
				if o == op+" OAUTH_REFRESH_TOKEN_lock" {
					return errPolicy
				}
				return nil
			}
			w.ticks(24)
			out, _ := w.tick()
			require.False(t, out.Action.Healthy(), "two hours: %s: %s", out.Action, out.Reason)
		})
	}
}

// psoxy has rotated, its lock still stands or its write is in ACCESS_TOKEN's history, and a
// person stores a bare access token before the next tick (the end of a migration). The family is
// as old as it was.
func TestAPersonEndsSharedModeJustAfterPsoxysRotation(t *testing.T) {
	for _, left := range []bool{true, false} {
		t.Run(fmt.Sprint("lock left: ", left), func(t *testing.T) {
			w := rotatedShared(t, false)
			born := w.record().AuthorizedAt
			for range 4 {
				w.clock.Advance(20 * 24 * time.Hour)
				w.want(keeper.Rotated)
				w.clock.Advance(5 * time.Minute)
				w.want(keeper.Idle)
			}
			w.psoxy.locks()
			tokens := w.psoxy.spends()
			w.psoxy.saves(tokens, 2)
			if !left {
				w.remove(names.Lock)
			}
			w.clock.Advance(time.Minute)
			w.put(names.AccessToken, tokens.Access.Reveal())
			w.ticks(6)
			w.requireAlive(0)
			require.Equal(t, born, w.record().AuthorizedAt)
		})
	}
}

// A damaged or strange value in ACCESS_TOKEN of a reader's connection that begins like
// psoxy's form does not make it one: the bare token is published again.
func TestADamagedValueDoesNotBeginSharedMode(t *testing.T) {
	for _, v := range []string{`{"token":"x`, `{"token":""}`, `{"token": "CHANGE_ME"}`, `{"refresh_token":"a","token":"b"`} {
		t.Run(v, func(t *testing.T) {
			w := newWorld(t)
			w.policy.AccessFormat = psoxy.AsStored
			w.consent()
			w.want(keeper.Rotated)
			w.clock.Advance(5 * time.Minute)
			w.want(keeper.Idle)
			w.put(names.AccessToken, v)
			w.ticks(12)
			w.requireKept()
		})
	}
}
