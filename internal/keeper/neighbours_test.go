package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// neighbour is a connection beside conn, of the same app.
const neighbour = "PSOXY_JIRA_CLOUD_EU_"

// newNeighbours is a world in which both connections are kept, and were rotated.
func newNeighbours(t *testing.T, claims bool) (w *world, tick func(name string) keeper.Outcome) {
	w = newWorldOf(t, claims)
	tick = sideBySide(w)
	w.consent()
	tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	n := family.NamesOf(neighbour)
	w.put(n.ClientID, w.fix.App.ClientID)
	w.put(n.ClientSecret, w.fix.App.ClientSecret.Reveal())
	w.put(n.RefreshToken, tokens.Refresh.Reveal())
	for _, name := range []string{conn, neighbour} {
		require.Equal(t, keeper.Rotated, tick(name).Action)
	}
	return w, tick
}

// sideBySide returns what makes a tick of conn or its neighbour, which are introduced.
func sideBySide(w *world) func(name string) keeper.Outcome {
	return func(name string) keeper.Outcome {
		w.keeper.Introduce([]family.Connection{{Name: conn, Policy: w.policy}, {Name: neighbour, Policy: w.policy}})
		ctx := invocation{context.Background(), w.clock.Now().Add(w.limit)}
		return w.keeper.Tick(ctx, family.Connection{Name: name, Policy: w.policy}, slog.New(slog.DiscardHandler))
	}
}

// What one connection owns, or has owned, is never presented for another one. Both go on.
func TestNeighboursTokenIsNotPresented(t *testing.T) {
	for i, c := range []struct{ claims, spent bool }{{true, false}, {true, true}, {false, false}, {false, true}} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			w, tick := newNeighbours(t, c.claims)
			token := w.get(family.NamesOf(neighbour).RefreshToken).Value.Reveal()
			if c.spent {
				w.clock.Advance(40 * time.Minute)
				require.Equal(t, keeper.Rotated, tick(neighbour).Action)
			}
			w.put(names.RefreshToken, token)
			w.ops = nil
			w.restart()
			out := tick(conn)
			require.Contains(t, out.Foreign, neighbour)
			require.NotContains(t, out.Foreign, token)
			require.Equal(t, c.spent, w.spends() > 0, "its own may be due")
			for range 2 {
				w.clock.Advance(40 * time.Minute)
				require.Equal(t, keeper.Rotated, tick(conn).Action)
				require.Equal(t, keeper.Rotated, tick(neighbour).Action)
			}
			for _, f := range w.em.Families() {
				require.Nil(t, f.Death)
			}
		})
	}
}

// A ledger does not begin with another one's token. It does once the other is gone.
func TestLedgerDoesNotBeginWithNeighboursToken(t *testing.T) {
	w, tick := newNeighbours(t, true)
	other := family.NamesOf(neighbour)
	w.remove(names.Ledger)
	w.remove(names.Family)
	w.remove(names.RefreshToken)
	w.put(names.RefreshToken, w.get(other.RefreshToken).Value.Reveal())
	w.restart()
	w.ops = nil
	out := tick(conn)
	require.Equal(t, keeper.Misconfigured, out.Action, out.Reason)
	require.Contains(t, out.Reason, neighbour)
	require.Zero(t, w.spends())

	w.remove(other.Ledger)
	w.remove(other.Family)
	w.remove(other.RefreshToken)
	require.Equal(t, keeper.Rotated, tick(conn).Action)
}

// Where the other ledgers are not known, nothing strange is presented, and the own token is
// rotated all the same. A ledger that may not be read owns nothing.
func TestUnreadableNeighbours(t *testing.T) {
	w, tick := newNeighbours(t, true)
	fresh, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	w.put(names.RefreshToken, fresh.Refresh.Reveal())
	w.ops = nil
	w.unreadable = map[string]error{family.NamesOf(neighbour).Ledger: errors.New("the store is away")}
	tick(conn)
	require.Zero(t, w.spends())
	w.clock.Advance(40 * time.Minute)
	require.Equal(t, keeper.Rotated, tick(conn).Action)
	require.Equal(t, 2, w.ledger().Record.Generation)
	require.Equal(t, fresh.Refresh, w.get(names.RefreshToken).Value, "it stays until it is judged")

	w.unreadable = map[string]error{family.NamesOf(neighbour).Ledger: store.ErrDenied}
	w.clock.Advance(2 * time.Minute)
	out := tick(conn)
	require.Equal(t, keeper.Rotated, out.Action, out.Reason)
	w.requireKept()
}

// Somebody has written over a neighbour's ledger: it owns what its last valid entry says.
func TestDamagedLedgerOfANeighbour(t *testing.T) {
	w, tick := newNeighbours(t, true)
	other := family.NamesOf(neighbour)
	w.put(other.Ledger, "fill me")
	w.clock.Advance(15 * time.Minute)
	w.put(names.RefreshToken, w.get(other.RefreshToken).Value.Reveal())
	require.Contains(t, tick(conn).Foreign, neighbour)
	for range 4 {
		w.clock.Advance(15 * time.Minute)
		tick(neighbour)
		tick(conn)
	}
	for _, f := range w.em.Families() {
		require.Nil(t, f.Death)
	}
}

// Beside psoxy every token without claims may be its rotation, or a neighbour's.
func TestNeighboursTokenBesidePsoxy(t *testing.T) {
	w, tick := newNeighbours(t, false)
	w.clock.Advance(40 * time.Minute)
	w.put(names.AccessToken, psoxy.JSON.EncodeAccessToken(w.get(names.AccessToken).Value, w.clock.Now().Add(20*time.Minute)).Reveal())
	w.put(names.RefreshToken, w.get(family.NamesOf(neighbour).RefreshToken).Value.Reveal())
	w.policy.AccessFormat = psoxy.JSON
	w.keeper.Introduce([]family.Connection{{Name: conn}, {Name: neighbour}})
	for range 4 {
		w.tick()
		w.clock.Advance(15 * time.Minute)
		tick(neighbour)
	}
	for _, f := range w.em.Families() {
		require.Nil(t, f.Death)
	}
}

// A neighbour's token was stored, and the own one again: the ledger begins with that.
func TestOwnTokenIsStoredAgain(t *testing.T) {
	for _, claims := range []bool{false, true} {
		w, tick := newNeighbours(t, claims)
		own := w.get(names.RefreshToken).Value.Reveal()
		for _, name := range []string{names.Ledger, names.Family, names.RefreshToken} {
			w.remove(name)
		}
		w.restart()
		for _, token := range []string{own, w.get(family.NamesOf(neighbour).RefreshToken).Value.Reveal(), own} {
			w.put(names.RefreshToken, token)
			w.clock.Advance(time.Minute)
		}
		require.Equal(t, keeper.Rotated, tick(conn).Action)
	}
}

// Another process has given the neighbour a newer token since this one looked at it, and
// somebody stores that here before the neighbour's turn comes.
func TestNeighbourOfAnotherProcess(t *testing.T) {
	w, tick := newNeighbours(t, false)
	tick(neighbour)
	mine := w.keeper
	w.clock.Advance(40 * time.Minute)
	w.restart()
	require.Equal(t, keeper.Rotated, tick(neighbour).Action)
	w.keeper = mine
	w.put(names.RefreshToken, w.get(family.NamesOf(neighbour).RefreshToken).Value.Reveal())
	require.Contains(t, tick(conn).Foreign, neighbour)
	w.clock.Advance(40 * time.Minute)
	require.Equal(t, keeper.Rotated, tick(neighbour).Action)
}

// Two connections begin with one token in one tick, and the first one's answer is lost. The
// second one knows what the first has announced since they were introduced.
func TestOneTokenInOneTick(t *testing.T) {
	w := newWorld(t, func(p *atlassiantest.Policy) { p.SiblingsDie = true })
	tokens := w.consent()
	other := family.Connection{Name: neighbour, Policy: w.policy}
	w.put(other.Names().ClientID, w.fix.App.ClientID)
	w.put(other.Names().ClientSecret, w.fix.App.ClientSecret.Reveal())
	w.put(other.Names().RefreshToken, tokens.Refresh.Reveal())
	w.inject(atlassiantest.After, 502, 3)
	w.keeper.Introduce([]family.Connection{{Name: conn}, {Name: neighbour}})
	w.want(keeper.InDoubt)
	out := w.keeper.Tick(invocation{context.Background(), w.clock.Now().Add(w.limit)}, other, slog.New(slog.DiscardHandler))
	require.Equal(t, keeper.Misconfigured, out.Action, out.Reason)
	require.Contains(t, out.Reason, conn)
	w.clock.Advance(2 * time.Minute)
	w.want(keeper.Replayed)
	w.requireKept()
}

// A ledger is deleted while a neighbour's token stands in REFRESH_TOKEN: the report names its owner.
func TestNeighboursTokenAfterADeletion(t *testing.T) {
	w, tick := newNeighbours(t, false)
	w.clock.Advance(5 * time.Minute)
	tick(conn)
	w.put(names.RefreshToken, w.get(family.NamesOf(neighbour).RefreshToken).Value.Reveal())
	w.remove(names.Ledger)
	w.restart()
	var told string
	for range 4 {
		told += tick(conn).Foreign
		w.clock.Advance(2 * time.Minute)
	}
	require.Contains(t, told, neighbour)
	w.requireAlive(0)
	w.requireAlive(1)
}

// Whether a neighbour has gone on with a served token is known from its own ticks. A rotation
// among neighbours takes as many calls as one alone, and one reading more in a new process.
func TestCallsOfARotationAmongNeighbours(t *testing.T) {
	w, tick := newNeighbours(t, true)
	s := &watched{Store: w.mem}
	w.restartWith(s)
	for i := range 40 {
		w.clock.Advance(5 * time.Minute)
		tick(conn)
		if i == 0 {
			s.looks = nil // of the first rotation
		}
		tick(neighbour)
	}
	require.Empty(t, s.looks)
	require.Greater(t, w.ledger().Record.Generation, 5)
	w.clock.Advance(40 * time.Minute) // the neighbour was not served for long
	require.Equal(t, keeper.Rotated, tick(conn).Action)
	require.Len(t, s.looks, 1)
}

// A connection was renamed, and the old name is still served. Another program rotates the new one's
// token, and stores the successor there. It is presented, whatever the old name had of the family.
func TestASuccessorBesideAnOldName(t *testing.T) {
	for _, claims := range []bool{false, true} {
		t.Run(fmt.Sprint("claims: ", claims), func(t *testing.T) {
			w := renamedTo(t, claims, 5*time.Hour)
			tick := sideBySide(w)
			n := family.NamesOf(neighbour)
			made, err := w.em.Refresh(atlassiantest.RefreshRequest{ClientID: w.fix.App.ClientID, ClientSecret: w.fix.App.ClientSecret, RefreshToken: w.get(n.RefreshToken).Value})
			require.NoError(t, err)
			w.put(n.RefreshToken, made.Refresh.Reveal())
			w.clock.Advance(20 * time.Minute) // its leeway is over
			for range 20 {
				tick(conn)
				out := tick(neighbour)
				require.True(t, out.Action.Healthy(), out.Reason)
				w.clock.Advance(5 * time.Minute)
			}
			w.requireAlive(0)
		})
	}
}
