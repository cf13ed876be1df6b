package keeper_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

func junk(i int) string { return fmt.Sprintf("ATCTT3xFfGF0aB%dqZ9kW7mP2sX4vR8t%dN6yLh", i*7919, i) }

// litter writes n different values that look like tokens, a tick after each.
func litter(w *world, n int) {
	for i := range n {
		w.put(names.RefreshToken, junk(i))
		w.clock.Advance(5 * time.Minute)
		w.tick()
	}
}

// REFRESH_TOKEN's history holds more refused candidates than the ledger remembers, and one
// mistaken refusal comes. They are not asked about in turn for ever: the own token's turn comes.
func TestManyCandidatesDoNotStarveTheOwnToken(t *testing.T) {
	for _, n := range []int{8, 9} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := settledWorld(t)
			litter(w, n)
			w.ticks(20)
			w.clock.Advance(36 * time.Minute)
			w.answer(403, "unauthorized_client", 1)
			w.ticks(48)
			posts := w.posts()
			w.ticks(288)
			require.LessOrEqual(t, w.posts()-posts, 60, "posts in a day")
			w.requireKept()
		})
	}
}

// The same with a family that is dead: it is reported as lost, and seldom asked about.
func TestADeadFamilyAmongManyCandidates(t *testing.T) {
	t.Run("nine values in its history", func(t *testing.T) {
		w := settledWorld(t)
		litter(w, 9)
		requireDeathIsTold(w)
	})
	t.Run("its ledger and TOKEN_FAMILY are deleted", func(t *testing.T) {
		w := settledWorld(t)
		w.rotations(12)
		w.remove(names.Ledger)
		w.remove(names.Family)
		w.restart()
		requireDeathIsTold(w)
	})
}

func requireDeathIsTold(w *world) {
	w.t.Helper()
	require.NoError(w.t, w.em.ChangePassword(w.fix.Account.ID))
	w.clock.Advance(time.Hour)
	w.ticks(48)
	posts := w.posts()
	told := 0
	for range 288 {
		w.clock.Advance(5 * time.Minute)
		if out, _ := w.tick(); out.Action == keeper.Refused {
			told++
		}
	}
	if n := w.posts() - posts; n > 100 {
		w.t.Errorf("%d posts in a day", n)
	}
	if told < 200 {
		w.t.Errorf("told in %d of 288 ticks", told)
	}
}

// Of large tokens without claims the ledger remembers fewer than the history holds. After a
// mistaken refusal what it does not remember is older all the same.
func TestOldCopiesOfLargeTokens(t *testing.T) {
	for _, padding := range []int{2600, 3000} {
		t.Run(fmt.Sprint(padding), func(t *testing.T) {
			w := newWorld(t, func(p *atlassiantest.Policy) { p.TokenPadding = padding })
			w.consent()
			w.tick()
			w.rotations(105)
			w.clock.Advance(36 * time.Minute)
			w.answer(403, "unauthorized_client", 1)
			w.ticks(12)
			w.requireAlive(0)
			w.requireKept()
		})
	}
}

// The ledger has just begun, on top of a history of older tokens, and Atlassian refuses
// falsely for some minutes, as it has before. The older tokens are not presented for that.
func TestAWaveOfRefusalsAtTheAdoption(t *testing.T) {
	for _, claims := range []bool{false, true} {
		for _, refusals := range []int{1, 2, 3} {
			for _, how := range []string{"a migration", "ledger and TOKEN_FAMILY deleted", "ledger deleted"} {
				t.Run(fmt.Sprint(how, ", claims: ", claims, ", refusals: ", refusals), func(t *testing.T) {
					w := newWorldOf(t, claims)
					w.consent()
					if how == "a migration" {
						for range 5 {
							w.clock.Advance(50 * time.Minute)
							w.psoxy.saves(w.psoxy.spends(), 2)
						}
						w.put(names.AccessToken, "fill me")
					} else {
						w.tick()
						w.rotations(5)
						w.remove(names.Ledger)
						if how != "ledger deleted" {
							w.remove(names.Family)
						}
						w.restart()
					}
					w.clock.Advance(50 * time.Minute)
					w.answer(403, "unauthorized_client", refusals)
					w.ticks(48)
					w.requireAlive(0)
					w.requireKept()
				})
			}
		}
	}
}

// A ledger begins, and the tokens tell that they are of one chain: REFRESH_TOKEN's history
// holds the first of them, which tells the age.
func TestAgeByTheChainOfTheHistory(t *testing.T) {
	t.Run("first adoption, psoxy has rotated before", func(t *testing.T) {
		w := newWorldOf(t, true)
		w.consent()
		born := w.clock.Now()
		for range 30 {
			w.clock.Advance(50 * time.Minute)
			w.psoxy.saves(w.psoxy.spends(), 2)
		}
		w.put(names.AccessToken, "fill me")
		w.clock.Advance(20 * time.Minute)
		w.want(keeper.Rotated)
		require.WithinDuration(t, born, w.ledger().Record.AuthorizedAt, time.Minute)
	})
	t.Run("the ledger and TOKEN_FAMILY are deleted", func(t *testing.T) {
		w := newWorldOf(t, true)
		w.consent()
		w.tick()
		w.rotations(30)
		born := w.record().AuthorizedAt
		w.remove(names.Ledger)
		w.remove(names.Family)
		w.restart()
		w.ticks(3)
		require.WithinDuration(t, born, w.ledger().Record.AuthorizedAt, time.Minute)
	})
}

// A person deletes REFRESH_TOKEN and stores a new consent's token while a rotation publishes.
// It lies under our copy, and is adopted however old the family is.
func TestAConsentUnderOurCopyOfAnOldFamily(t *testing.T) {
	for _, generation := range []int{20, 230} {
		w := settledWorld(t)
		w.rotations(generation)
		w.clock.Advance(36 * time.Minute)
		w.before = func(_ int, op string) error {
			if op == "write REFRESH_TOKEN" {
				w.before = nil
				w.remove(names.RefreshToken)
				tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
				require.NoError(t, err)
				w.put(names.RefreshToken, tokens.Refresh.Reveal())
			}
			return nil
		}
		w.want(keeper.Rotated)
		w.ticks(3)
		require.Equal(t, 1, w.em.Families()[1].Generation)
		w.requireKept()
	}
}
