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
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// tickAt is a tick of any connection, alone.
func tickAt(w *world, c family.Connection) keeper.Outcome {
	return w.keeper.Tick(invocation{context.Background(), w.clock.Now().Add(w.limit)}, c, slog.New(slog.NewJSONHandler(&w.logs, nil)))
}

// A connection is renamed: its parameters are copied, and the stack serves the new prefix
// only. After a day the old prefix is served again beside it: a rollback, or a list of
// prefixes that was never tidied. Its ledger still has the old token.
func TestRenamedAndServedAgain(t *testing.T) {
	for _, claims := range []bool{false, true} {
		t.Run(fmt.Sprint(claims), func(t *testing.T) {
			w := newWorldOf(t, claims)
			w.consent()
			w.want(keeper.Rotated)
			w.rotations(2)
			n := family.NamesOf(neighbour)
			for to, from := range map[string]string{n.ClientID: names.ClientID, n.ClientSecret: names.ClientSecret, n.Family: names.Family,
				n.RefreshToken: names.RefreshToken, n.AccessToken: names.AccessToken} {
				w.put(to, w.get(from).Value.Reveal())
			}
			w.restart() // a new deployment
			renamed := family.Connection{Name: neighbour, Policy: w.policy}
			for range 40 {
				w.clock.Advance(10 * time.Minute)
				tickAt(w, renamed)
			}
			require.Nil(t, w.em.Families()[0].Death)
			w.restart() // both are served
			tick := sideBySide(w)
			for range 12 {
				w.clock.Advance(5 * time.Minute)
				tick(conn)
				tick(neighbour)
			}
			require.Nil(t, w.em.Families()[0].Death, "the old prefix presented a token that the new prefix's ledger knows as spent")
		})
	}
}

// A connection is renamed, its parameters are copied in alphabetical order, and a tick comes
// after REFRESH_TOKEN and before TOKEN_FAMILY.
func TestRenamedSlowly(t *testing.T) {
	for _, claims := range []bool{false, true} {
		t.Run(fmt.Sprint(claims), func(t *testing.T) {
			w := newWorldOf(t, claims)
			w.consent()
			w.want(keeper.Rotated)
			w.clock.Advance(80 * 24 * time.Hour)
			w.want(keeper.Rotated)
			w.clock.Advance(2 * time.Minute)
			w.want(keeper.Idle)
			n := family.NamesOf(neighbour)
			renamed := family.Connection{Name: neighbour, Policy: w.policy}
			w.restart()
			for _, c := range [][2]string{{n.AccessToken, names.AccessToken}, {n.ClientID, names.ClientID}, {n.ClientSecret, names.ClientSecret}, {n.RefreshToken, names.RefreshToken}} {
				w.put(c[0], w.get(c[1]).Value.Reveal())
			}
			tickAt(w, renamed)
			w.remove(n.Family)
			w.put(n.Family, w.get(names.Family).Value.Reveal())
			w.clock.Advance(2 * time.Minute)
			var out keeper.Outcome
			for range 12 {
				w.clock.Advance(5 * time.Minute)
				out = tickAt(w, renamed)
			}
			require.Nil(t, w.em.Families()[0].Death)
			require.InDelta(t, 365-80, *out.FamilyDaysRemaining, 1)
		})
	}
}

// A connection is renamed by a script that copies all at once, just after a rotation: then
// TOKEN_FAMILY is a rotation behind REFRESH_TOKEN. Both have one chain claim.
func TestRenamedJustAfterARotation(t *testing.T) {
	for _, lag := range []bool{false, true} {
		t.Run(fmt.Sprint(lag), func(t *testing.T) {
			w := newWorldOf(t, true)
			w.consent()
			w.want(keeper.Rotated)
			w.want(keeper.Idle)
			w.clock.Advance(80 * 24 * time.Hour)
			w.want(keeper.Rotated)
			if !lag {
				w.want(keeper.Idle)
			}
			n := family.NamesOf(neighbour)
			renamed := family.Connection{Name: neighbour, Policy: w.policy}
			w.restart()
			for to, from := range map[string]string{n.AccessToken: names.AccessToken, n.ClientID: names.ClientID, n.ClientSecret: names.ClientSecret,
				n.RefreshToken: names.RefreshToken, n.Family: names.Family, n.Ledger: names.Ledger} {
				w.put(to, w.get(from).Value.Reveal())
			}
			var out keeper.Outcome
			for range 12 {
				w.clock.Advance(5 * time.Minute)
				out = tickAt(w, renamed)
			}
			w.requireAlive(0)
			require.InDelta(t, 365-80, *out.FamilyDaysRemaining, 1)
		})
	}
}

// A prefix whose family is dead gets the parameters of a connection that is no longer served,
// all at once and by a tick that has TOKEN_FAMILY of the other prefix before it.
func TestCopiedOverADeadFamily(t *testing.T) {
	for _, claims := range []bool{false, true} {
		t.Run(fmt.Sprint(claims), func(t *testing.T) {
			w := newWorldOf(t, claims)
			n := family.NamesOf(neighbour)
			renamed := family.Connection{Name: neighbour, Policy: w.policy}
			w.consent()
			for to, from := range map[string]string{n.ClientID: names.ClientID, n.ClientSecret: names.ClientSecret, n.RefreshToken: names.RefreshToken} {
				w.put(to, w.get(from).Value.Reveal())
			}
			tickAt(w, renamed)
			require.NoError(t, w.em.RevokeGrant(w.fix.Account.ID, w.fix.App.ClientID))
			w.clock.Advance(time.Hour)
			tickAt(w, renamed)
			w.remove(names.RefreshToken)
			w.consent()
			w.want(keeper.Rotated)
			w.want(keeper.Idle)
			w.clock.Advance(80 * 24 * time.Hour)
			w.want(keeper.Rotated)
			w.want(keeper.Idle)
			for to, from := range map[string]string{n.AccessToken: names.AccessToken, n.RefreshToken: names.RefreshToken, n.Family: names.Family} {
				w.put(to, w.get(from).Value.Reveal())
			}
			w.restart()
			var out keeper.Outcome
			for range 12 {
				w.clock.Advance(5 * time.Minute)
				out = tickAt(w, renamed)
			}
			w.requireAlive(1)
			require.InDelta(t, 365-80, *out.FamilyDaysRemaining, 1, out.Reason)
		})
	}
}

// Connection A was set up with a wrong secret, and nothing of it ever worked. The person sets
// B up with the same tokens and the right secret, and it works. A is left in the list; a
// week later somebody stores the right secret there, too.
func TestFirstAttemptIsRepaired(t *testing.T) {
	for i, claims := range []bool{false, true, false, true} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			w := newWorldOf(t, claims)
			tick := sideBySide(w)
			tokens := w.consent()
			w.put(names.ClientSecret, "a-secret-that-is-wr0ng-4711-0815")
			require.Equal(t, keeper.Misconfigured, tick(conn).Action)
			n := family.NamesOf(neighbour)
			w.clock.Advance(time.Hour)
			w.put(n.ClientID, w.fix.App.ClientID)
			w.put(n.ClientSecret, w.fix.App.ClientSecret.Reveal())
			w.put(n.AccessToken, tokens.Access.Reveal())
			w.put(n.RefreshToken, tokens.Refresh.Reveal())
			for range []int{60, 2}[i/2] {
				w.clock.Advance(10 * time.Minute)
				tick(conn)
				tick(neighbour)
			}
			require.Nil(t, w.em.Families()[0].Death)
			w.put(names.ClientSecret, w.fix.App.ClientSecret.Reveal())
			for range 6 {
				w.clock.Advance(10 * time.Minute)
				tick(conn)
				tick(neighbour)
			}
			require.Nil(t, w.em.Families()[0].Death)
		})
	}
}

// LedgerPath is set, and taken back some days later. The ledger in the old place is valid, and
// its token long spent; TOKEN_FAMILY knows both it and the newest one.
func TestLedgerPathIsTakenBack(t *testing.T) {
	for _, claims := range []bool{false, true} {
		for _, then := range []string{"", "an outage", "a rate limit", "a wrong secret", "REFRESH_TOKEN deleted"} {
			t.Run(fmt.Sprint(claims, then), func(t *testing.T) {
				w := newWorldOf(t, claims)
				w.consent()
				w.want(keeper.Rotated)
				w.rotations(2)
				w.restart()
				moved := family.Connection{Name: conn, Policy: w.policy, Ledger: "/ledgers/TOKEN_LEDGER"}
				for range 100 {
					w.clock.Advance(10 * time.Minute)
					tickAt(w, moved)
				}
				w.clock.Advance(10 * time.Minute)
				w.requireAlive(0)
				w.restart()
				switch then {
				case "an outage":
					w.inject(atlassiantest.Before, 503, 40)
				case "a rate limit":
					w.inject(atlassiantest.Before, 429, 3)
				case "a wrong secret":
					w.put(names.ClientSecret, "a-secret-that-is-wr0ng-4711-0815")
				case "REFRESH_TOKEN deleted":
					w.remove(names.RefreshToken)
				}
				everyTwoMinutes(w, 40*time.Minute)
				w.put(names.ClientSecret, w.fix.App.ClientSecret.Reveal())
				everyTwoMinutes(w, 2*time.Hour)
				w.requireAlive(0)
			})
		}
	}
}
