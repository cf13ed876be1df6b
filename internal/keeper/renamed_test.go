package keeper_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// copyTo copies parameters of the connection to the neighbour's prefix.
func copyTo(w *world, some ...string) {
	for _, name := range some {
		w.put(neighbour+strings.TrimPrefix(name, conn), w.get(name).Value.Reveal())
	}
}

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
			copyTo(w, names.ClientID, names.ClientSecret, names.Family, names.RefreshToken, names.AccessToken)
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

// renamedTo is a world whose connection was renamed by copying its parameters: the new prefix alone
// was served, for some time.
func renamedTo(t *testing.T, claims bool, served time.Duration) *world {
	w := newWorldOf(t, claims)
	w.consent()
	w.want(keeper.Rotated)
	w.rotations(2)
	w.clock.Advance(2 * time.Minute)
	w.want(keeper.Idle) // TOKEN_FAMILY is published
	copyTo(w, names.ClientID, names.ClientSecret, names.Family, names.RefreshToken, names.AccessToken)
	w.restart() // a new deployment
	for range int(served / (2 * time.Minute)) {
		w.clock.Advance(2 * time.Minute)
		tickAt(w, family.Connection{Name: neighbour, Policy: w.policy})
	}
	w.restart()
	return w
}

// A renaming is rolled back soon, and both prefixes are served. The old one's token is due before
// it has rested, and the new one has spent it more than a leeway ago, or does so first.
func TestARenamingIsRolledBack(t *testing.T) {
	for _, claims := range []bool{false, true} {
		for _, served := range []time.Duration{10 * time.Minute, 30 * time.Minute, 50 * time.Minute, 80 * time.Minute} {
			for _, order := range [][]string{{conn, neighbour}, {neighbour, conn}} {
				t.Run(fmt.Sprint(claims, " ", served, " ", order[0]), func(t *testing.T) {
					w := renamedTo(t, claims, served)
					tick := sideBySide(w)
					healthy := map[string]int{}
					for range 90 {
						w.clock.Advance(2 * time.Minute)
						for _, c := range order {
							if tick(c).Action.Healthy() {
								healthy[c]++
							}
						}
					}
					w.requireAlive(0)
					require.GreaterOrEqual(t, max(healthy[conn], healthy[neighbour]), 88, "one goes on")
				})
			}
		}
	}
}

// After a renaming both prefixes are served, and a token of the new one is copied to the old one: its
// newest, or an older one from a backup. Neither is presented there, and the new prefix goes on.
func TestATokenComesBackFromTheNewName(t *testing.T) {
	for _, claims := range []bool{false, true} {
		for _, newest := range []bool{false, true} {
			t.Run(fmt.Sprint("claims: ", claims, ", newest: ", newest), func(t *testing.T) {
				w := renamedTo(t, claims, 5*time.Hour)
				tick := sideBySide(w)
				versions, err := w.mem.History(t.Context(), family.NamesOf(neighbour).RefreshToken, 0)
				require.NoError(t, err)
				copied := versions[len(versions)/2]
				if newest {
					copied = versions[len(versions)-1]
				}
				w.put(names.RefreshToken, copied.Value.Reveal())
				for range 60 {
					w.clock.Advance(2 * time.Minute)
					out := tick(conn)
					require.Equal(t, keeper.Misconfigured, out.Action, out.Reason)
					require.Contains(t, out.Reason, neighbour)
					out = tick(neighbour)
					require.True(t, out.Action.Healthy(), out.Reason)
				}
				w.requireAlive(0)
			})
		}
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
			renamed := family.Connection{Name: neighbour, Policy: w.policy}
			w.restart()
			copyTo(w, names.AccessToken, names.ClientID, names.ClientSecret, names.RefreshToken, names.Family, names.Ledger)
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
			renamed := family.Connection{Name: neighbour, Policy: w.policy}
			w.consent()
			copyTo(w, names.ClientID, names.ClientSecret, names.RefreshToken)
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
			copyTo(w, names.AccessToken, names.RefreshToken, names.Family)
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

// Connection A has rested: its secret was wrong for some hours. Meanwhile a person makes B of it
// by copying all parameters, and consents for B at once. B's new family has nothing to do with
// A's. Then A's secret is put right.
func TestACopyThatGotAConsentOfItsOwn(t *testing.T) {
	for _, claims := range []bool{false, true} {
		t.Run(map[bool]string{false: "opaque", true: "claims"}[claims], func(t *testing.T) {
			w := newWorldOf(t, claims)
			w.consent()
			w.want(keeper.Rotated)
			w.want(keeper.Idle)
			w.put(names.ClientSecret, "a-secret-that-is-wr0ng-4711-0815")
			w.ticks(36)
			n := family.NamesOf(neighbour)
			copyTo(w, names.ClientID, names.RefreshToken, names.AccessToken)
			w.put(n.ClientSecret, w.fix.App.ClientSecret.Reveal())
			ctx := invocation{context.Background(), w.clock.Now().Add(3 * time.Minute)}
			_, err := w.keeper.Consent(ctx, family.Connection{Name: neighbour, Policy: w.policy}, slog.New(slog.DiscardHandler), w.obtain)
			require.NoError(t, err)
			tick := sideBySide(w)
			for range 12 {
				w.clock.Advance(5 * time.Minute)
				tick(conn)
				tick(neighbour)
			}
			w.put(names.ClientSecret, w.fix.App.ClientSecret.Reveal())
			w.clock.Advance(5 * time.Minute)
			out := tick(conn)
			require.Equal(t, keeper.Rotated, out.Action, out.Reason)
		})
	}
}

// The token of a new connection is pasted into a neighbour, and the neighbour's own new consent
// right over it. A tick later it is stored where it belongs. The neighbour never presented it.
func TestATokenThatStoodInANeighbour(t *testing.T) {
	w := newWorldOf(t, true)
	tick := sideBySide(w)
	n := family.NamesOf(neighbour)
	old, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	w.put(n.ClientID, w.fix.App.ClientID)
	w.put(n.ClientSecret, w.fix.App.ClientSecret.Reveal())
	w.put(n.RefreshToken, old.Refresh.Reveal())
	require.Equal(t, keeper.Rotated, tick(neighbour).Action)
	w.clock.Advance(10 * time.Minute)
	x, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	w.put(n.RefreshToken, x.Refresh.Reveal())
	w.clock.Advance(10 * time.Second)
	y, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	w.put(n.RefreshToken, y.Refresh.Reveal())
	w.clock.Advance(10 * time.Second)
	require.Equal(t, keeper.Rotated, tick(neighbour).Action)
	w.clock.Advance(time.Minute)
	w.put(names.ClientID, w.fix.App.ClientID)
	w.put(names.ClientSecret, w.fix.App.ClientSecret.Reveal())
	w.put(names.RefreshToken, x.Refresh.Reveal())
	out := tick(conn)
	require.Equal(t, keeper.Rotated, out.Action, out.Reason)
}

// LedgerPath is set, a person corrects the age there, and LedgerPath is taken back. The ledger in
// the old place tells another age, and is outdated all the same.
func TestAnOutdatedLedgerOfAnotherAge(t *testing.T) {
	w := newWorldOf(t, false)
	w.consent()
	w.want(keeper.Rotated)
	w.rotations(2)
	w.restart()
	moved := family.Connection{Name: conn, Policy: w.policy, Ledger: "/ledgers/TOKEN_LEDGER"}
	for range 100 {
		w.clock.Advance(10 * time.Minute)
		tickAt(w, moved)
	}
	stated := w.record()
	stated.AuthorizedAt, stated.AuthorizedAtSource = stated.AuthorizedAt.Add(-24*time.Hour), family.FromPerson
	w.put(names.Family, stated.Encode().Reveal()) // as a tick publishes it after `tokenkeeper adopt`
	w.clock.Advance(10 * time.Minute)
	w.requireAlive(0)
	w.restart()
	w.inject(atlassiantest.Before, 503, 40)
	everyTwoMinutes(w, 3*time.Hour)
	w.requireAlive(0)
}
