package keeper_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// Eight refused values are remembered. REFRESH_TOKEN is deleted and put again with a new
// consent's token between two ticks: its version numbers are smaller than all of those.
func TestConsentStoredAnewAfterManyRefusals(t *testing.T) {
	for _, dead := range []bool{false, true} {
		for _, claims := range []bool{false, true} {
			for _, n := range []int{7, 8} {
				for _, cold := range []bool{false, true} {
					t.Run(fmt.Sprint("old family dead: ", dead, ", claims: ", claims, ", values: ", n, ", cold: ", cold), func(t *testing.T) {
						w := newWorldOf(t, claims)
						w.consent()
						w.want(keeper.Rotated)
						w.want(keeper.Idle)
						litter(w, n)
						w.ticks(40)
						if dead {
							require.NoError(t, w.em.ChangePassword(w.fix.Account.ID))
							w.clock.Advance(time.Hour)
							w.ticks(30)
						}
						tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
						require.NoError(t, err)
						if cold {
							w.restart()
						}
						w.remove(names.RefreshToken)
						w.put(names.RefreshToken, tokens.Refresh.Reveal())
						w.ticks(48)
						out, _ := w.tick()
						t.Log(out.Action, out.Reason, out.Foreign)
						w.requireKept()
					})
				}
			}
		}
	}
}

// A family of more than 200 generations. REFRESH_TOKEN is deleted and put again with a new
// consent's token, and a tick that had read it before publishes its own copy over it, or a
// backup puts an older token over it.
func TestConsentUnderAnOlderTokenInANewHistory(t *testing.T) {
	for _, n := range []int{5, 210} {
		for _, how := range []string{"own copy", "older token", "rotation", "older token, and the ledger is deleted"} {
			t.Run(fmt.Sprint(n, " ", how), func(t *testing.T) {
				w := settledWorld(t)
				older := w.rotations(n)
				tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
				require.NoError(t, err)
				own := w.get(names.RefreshToken).Value.Reveal()
				switch how {
				case "own copy":
					w.remove(names.RefreshToken)
					w.put(names.RefreshToken, tokens.Refresh.Reveal())
					w.put(names.RefreshToken, own)
				case "older token", "older token, and the ledger is deleted":
					w.remove(names.RefreshToken)
					w.put(names.RefreshToken, tokens.Refresh.Reveal())
					w.put(names.RefreshToken, older[len(older)-1].Value.Reveal())
					if how != "older token" {
						w.remove(names.Ledger)
						w.restart()
					}
				case "rotation":
					w.clock.Advance(40 * time.Minute)
					w.before = atFirst("post", func() {
						w.remove(names.RefreshToken)
						w.put(names.RefreshToken, tokens.Refresh.Reveal())
					})
					w.tick()
					w.before = nil
				}
				w.ticks(24)
				w.requireKept()
			})
		}
	}
}

// The answer was lost, and the ledger, with its intent, is moved (deleted and put again) late in
// the leeway.
func TestMovedWithAnIntent(t *testing.T) {
	for _, at := range []int{1, 3, 5, 6, 7, 8} {
		for _, how := range []string{"lost", "crash"} {
			t.Run(fmt.Sprint(at, how), func(t *testing.T) {
				w := due(t)
				if how == "lost" {
					w.inject(atlassiantest.After, 502, 3)
					w.tick()
				} else {
					w.after = crashing("post")
					w.tick()
					w.after = nil
				}
				w.clock.Advance(time.Duration(at) * time.Minute)
				value := w.get(names.Ledger).Value.Reveal()
				w.remove(names.Ledger)
				w.put(names.Ledger, value)
				w.restart()
				everyTwoMinutes(w, 30*time.Minute)
				w.requireAlive(0)
				w.requireKept()
			})
		}
	}
}
