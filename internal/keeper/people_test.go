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
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// settledWorld is a connection that was adopted and has rotated once, and TOKEN_FAMILY
// tells of it; nothing is due.
func settledWorld(t *testing.T, change ...func(*atlassiantest.Policy)) *world {
	w := newWorld(t, change...)
	w.consent()
	w.want(keeper.Rotated)
	w.want(keeper.Idle)
	w.ops = nil
	return w
}

// due is such a connection whose next rotation is due.
func due(t *testing.T, change ...func(*atlassiantest.Policy)) *world {
	w := settledWorld(t, change...)
	w.clock.Advance(40 * time.Minute)
	return w
}

// rotations makes n more rotations, each when it is due. It returns the tokens that
// were the newest before.
func (w *world) rotations(n int) (older []store.Entry) {
	w.t.Helper()
	for range n {
		older = append(older, w.get(names.RefreshToken))
		w.clock.Advance(40 * time.Minute)
		w.want(keeper.Rotated)
	}
	w.clock.Advance(time.Minute)
	w.want(keeper.Idle)
	w.ops = nil
	return older
}

// ticks makes n ticks, five minutes apart. Each must be one of these, if any is
// given.
func (w *world) ticks(n int, want ...keeper.Action) {
	w.t.Helper()
	for range n {
		w.clock.Advance(5 * time.Minute)
		out, ok := w.tick()
		require.True(w.t, ok)
		if len(want) > 0 {
			require.Contains(w.t, want, out.Action, out.Reason)
		}
	}
}

// waits ticks until what may still be presented of a deleted ledger is over. Until then
// nothing is presented.
func (w *world) waits() {
	w.t.Helper()
	posts := w.posts()
	for range 2 {
		out := w.want(keeper.InDoubt)
		require.Contains(w.t, out.Reason, "the ledger was deleted")
		w.clock.Advance(family.Lease / 2)
	}
	require.Equal(w.t, posts, w.posts())
}

// readAgain is an entry as if it had been read at another time.
func readAgain(e store.Entry, readAt time.Time) store.Entry {
	e.ReadAt = readAt
	return e
}

// other is a keeper of another process that no fault strikes.
func (w *world) other(name string) *keeper.Keeper {
	return keeper.New(keeper.Config{Store: w.mem, Token: w.client, Now: w.clock.Now, Process: name, Together: inTurn,
		Sleep: func(_ context.Context, d time.Duration) { w.clock.Advance(d) }})
}

// tickOf is a tick of another process.
func (w *world) tickOf(k *keeper.Keeper) keeper.Outcome {
	return k.Tick(invocation{context.Background(), w.clock.Now().Add(2 * time.Minute)},
		family.Connection{Name: conn, Policy: w.policy}, slog.New(slog.NewJSONHandler(&w.logs, nil)))
}
