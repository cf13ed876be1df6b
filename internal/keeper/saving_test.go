package keeper_test

import (
	"context"
	"fmt"
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

var copiesOfARotation = []string{"write ACCESS_TOKEN", "write REFRESH_TOKEN"}

// A save that fails for a while is tried again in the same tick, and is no
// reason to spend again.
func TestASaveIsTriedAgain(t *testing.T) {
	for write, failures := range map[string]int{"write TOKEN_LEDGER": 5, "write ACCESS_TOKEN": 2, "write REFRESH_TOKEN": 2} {
		t.Run(write, func(t *testing.T) {
			w := due(t)
			failed := 0
			w.before = func(_ int, op string) error {
				if op == write && w.spends() > 0 && failed < failures {
					failed++
					return errFault
				}
				return nil
			}
			w.want(keeper.Rotated)
			require.Equal(t, failures, failed)
			require.Equal(t, 1, w.spends())
			w.requireKept()
		})
	}
}

// The store takes no writes after the spend. The pair stays in memory for longer
// than the leeway, and the next tick of the same process saves it.
func TestAReceivedPairSurvivesAnOutageOfTheStore(t *testing.T) {
	t.Run("of the ledger", func(t *testing.T) {
		w := due(t)
		w.after = atFirst("post", func() { w.unwritable = map[string]error{names.Ledger: errFault, names.RefreshToken: errFault} })
		w.want(keeper.Failed)
		w.after = nil
		w.ticks(4, keeper.Failed)
		w.unwritable = nil
		w.ticks(1, keeper.Rotated) // it is counted where it is saved
		require.Equal(t, 1, w.spends())
		w.requireKept()
	})
	for _, write := range copiesOfARotation {
		t.Run("of a copy: "+write, func(t *testing.T) {
			w := due(t)
			w.before = failing(write)
			w.want(keeper.Failed)
			w.ticks(3, keeper.Failed)
			w.before = nil
			w.ticks(1, keeper.Idle)
			require.Equal(t, 1, w.spends())
			w.requireKept()
		})
		t.Run("of a copy, and the process ends: "+write, func(t *testing.T) {
			w := due(t)
			w.before = failing(write)
			w.want(keeper.Failed)
			w.before = nil
			w.restart()
			w.ticks(1, keeper.Idle, keeper.Rotated, keeper.Restored)
			w.requireKept()
		})
	}
}

// A pair in memory does not cover a newer consent, not even for a moment.
func TestAHeldPairYieldsToANewConsent(t *testing.T) {
	for _, kills := range []bool{false, true} {
		t.Run(fmt.Sprintf("it kills the old family: %v", kills), func(t *testing.T) {
			w := due(t, func(p *atlassiantest.Policy) { p.ReconsentKillsOld = kills })
			w.after = atFirst("post", func() { w.unwritable = map[string]error{names.Ledger: errFault, names.RefreshToken: errFault} })
			w.want(keeper.Failed)
			w.after, w.unwritable = nil, nil
			w.clock.Advance(5 * time.Minute)
			w.consent()
			consent := w.get(names.RefreshToken).Version
			w.ticks(3)
			newest := w.em.Families()[1]
			history, err := w.mem.History(t.Context(), names.RefreshToken, consent)
			require.NoError(t, err)
			for _, e := range history {
				info, known := w.em.Lookup(e.Value)
				require.True(t, known)
				require.Equal(t, newest.ID, info.FamilyID, "version %d", e.Version)
			}
			w.requireKept()
		})
	}
}

// The caller cancels once the token is spent. What was received is saved
// nevertheless, by this tick or the next.
func TestACancelledTickSavesWhatItReceived(t *testing.T) {
	for _, held := range []bool{false, true} {
		t.Run(fmt.Sprintf("received in an earlier tick: %v", held), func(t *testing.T) {
			w := due(t)
			if held {
				w.after = atFirst("post", func() { w.unwritable = map[string]error{names.Ledger: errFault, names.RefreshToken: errFault} })
				w.want(keeper.Failed)
				w.unwritable = nil
				w.clock.Advance(5 * time.Minute)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w.after = func(_ int, op string) error {
				if op == "post" || held && op == "read" {
					cancel()
				}
				return nil
			}
			w.keeper.Tick(ctx, family.Connection{Name: conn, Policy: w.policy}, slog.New(slog.DiscardHandler))
			require.Error(t, ctx.Err())
			require.Equal(t, 1, w.spends())
			w.after = nil
			require.Nil(t, w.ledger().Intent, "it is in the ledger")
			w.ticks(1, keeper.Idle, keeper.Restored)
			w.requireKept()
		})
	}
}

// deadlines notes until when each request, and each write after it, may take.
type deadlines struct {
	keeper.TokenEndpoint
	store.Store
	posts, writes []time.Duration
}

func (d *deadlines) Refresh(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
	if at, ok := ctx.Deadline(); ok {
		d.posts = append(d.posts, time.Until(at))
	}
	return d.TokenEndpoint.Refresh(ctx, app, refresh)
}

func (d *deadlines) Write(ctx context.Context, name string, value atlassian.Secret, k store.Kind) (int64, error) {
	if at, ok := ctx.Deadline(); ok && len(d.posts) > 0 {
		d.writes = append(d.writes, time.Until(at))
	}
	return d.Store.Write(ctx, name, value, k)
}

// A request ends well before the lease; a call that hangs ends before the platform
// kills the process, and with it what other connections hold in memory.
func TestCallsEndInTime(t *testing.T) {
	w := due(t)
	d := &deadlines{TokenEndpoint: w.keeper.Token, Store: w.keeper.Store}
	w.restartWith(d)
	w.keeper.Token = d
	w.want(keeper.Rotated)
	require.Len(t, d.posts, 1)
	require.LessOrEqual(t, d.posts[0], family.PostTimeout)
	require.Len(t, d.writes, 3, "ledger, access token and refresh token")
	for _, left := range d.writes {
		require.Less(t, left, w.limit-2*time.Second)
	}
}

func TestNoTimeLeftNoSpend(t *testing.T) {
	w := due(t)
	w.limit = family.PostTimeout + family.SaveReserve - time.Millisecond
	require.Contains(t, w.want(keeper.Failed).Reason, "time-out")
	require.Zero(t, w.spends())
	w.limit = family.PostTimeout + family.SaveReserve
	w.ticks(1, keeper.Rotated, keeper.Replayed)
	w.requireKept()
}

func TestTokenSizes(t *testing.T) {
	for _, c := range []struct {
		padding int
		kept    bool
	}{{3000, true}, {5000, true}, {7500, true}, {9000, false}} {
		t.Run(fmt.Sprintf("%d bytes longer", c.padding), func(t *testing.T) {
			w := due(t)
			require.NoError(t, w.em.ChangePolicy(func(p *atlassiantest.Policy) { p.TokenPadding = c.padding }))
			out, _ := w.tick()
			w.ticks(3)
			require.Equal(t, 1, w.spends(), "a token that does not fit is kept in memory, not asked for again")
			if !c.kept {
				require.Equal(t, keeper.Failed, out.Action)
				require.Contains(t, out.Reason, "8192")
				return
			}
			require.Equal(t, keeper.Rotated, out.Action, out.Reason)
			w.requireKept()
		})
	}
}
