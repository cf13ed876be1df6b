package keeper_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// killing lets a new consent end the families before it.
func killing(kills bool) func(*atlassiantest.Policy) {
	return func(p *atlassiantest.Policy) { p.ReconsentKillsOld = kills }
}

// A person stores the tokens of a new consent by hand at any moment of a
// rotation: the newest consent wins, wherever it falls, and its year begins.
func TestAConsentByHandInBetween(t *testing.T) {
	for at := range 8 {
		for _, kills := range []bool{false, true} {
			t.Run(fmt.Sprintf("before operation %d, it kills the old family: %v", at, kills), func(t *testing.T) {
				w := due(t, killing(kills))
				w.before = once(at, func() error { w.consent(); return nil })
				w.tick()
				w.before = nil
				for range 12 {
					w.ticks(1)
					w.requireKept()
				}
				require.InDelta(t, 365, w.record().ExpiresAt(w.policy.Lifetime).Sub(w.clock.Now()).Hours()/24, 0.1, "the countdown is the new consent's")
			})
		}
	}
}

// Two consents by hand before a tick: the newer one is used.
func TestTwoCandidatesAtOnce(t *testing.T) {
	for _, kills := range []bool{false, true} {
		for _, c := range []struct {
			name   string
			second func(*world)
		}{
			{"two consents", func(w *world) { w.consent() }},
			{"a consent, and something damaged over it", func(w *world) {
				w.put(names.RefreshToken, w.get(names.RefreshToken).Value.Reveal()+"x")
			}},
			{"a consent, and a stranger's token over it", func(w *world) {
				w.put(names.RefreshToken, "a-t0ken-that-n0body-has-ever-issued-to-anybody")
			}},
			{"a consent, and a placeholder over it", func(w *world) { w.put(names.RefreshToken, "CHANGE_ME") }},
			{"a consent, and our older token over it", func(w *world) { w.put(names.RefreshToken, w.older[0].Value.Reveal()) }},
			{"a consent, and our newest token over it", func(w *world) { w.put(names.RefreshToken, w.older[2].Value.Reveal()) }},
		} {
			t.Run(fmt.Sprintf("%s, it kills the old family: %v", c.name, kills), func(t *testing.T) {
				w := settledWorld(t, killing(kills))
				w.older = append(w.rotations(2), w.get(names.RefreshToken))
				w.consent()
				c.second(w)
				w.ticks(1)
				w.ticks(24)
				w.requireKept()
			})
		}
	}
}

// A candidate that Atlassian does not accept: the family goes on with its own, and
// is not reported as lost.
func TestARejectedCandidate(t *testing.T) {
	const stranger = "a-t0ken-that-n0body-has-ever-issued-to-anybody"
	for _, due := range []bool{false, true} {
		t.Run(fmt.Sprintf("a rotation is due: %v", due), func(t *testing.T) {
			w := settledWorld(t)
			if due {
				w.clock.Advance(40 * time.Minute)
			}
			w.put(names.RefreshToken, stranger)
			out, _ := w.tick()
			require.True(t, out.Action.Healthy(), out.Reason)
			require.NotEmpty(t, out.Foreign)
			posts := w.posts()
			w.ticks(48, keeper.Idle, keeper.Rotated, keeper.Restored)
			require.LessOrEqual(t, w.posts()-posts, 11, "a rotation every forty minutes, and a few more looks")
			w.requireKept()
		})
	}
	t.Run("after a lost answer, which is remembered", func(t *testing.T) {
		w := settledWorld(t)
		w.put(names.RefreshToken, stranger)
		begun := w.clock.Now()
		w.answer(502, "bad_gateway", 1)
		w.want(keeper.InDoubt)
		require.Equal(t, begun, w.ledger().Inbox.Rejected[0].First)
	})
	t.Run("it is good under the credentials that come later", func(t *testing.T) {
		w := settledWorld(t)
		app, err := w.em.AddApp(atlassiantest.App{Name: "another app", Scopes: w.fix.App.Scopes, RedirectURIs: w.fix.App.RedirectURIs})
		require.NoError(t, err)
		tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{ClientID: app.ClientID})
		require.NoError(t, err)
		w.put(names.RefreshToken, tokens.Refresh.Reveal())
		w.ticks(2)
		w.requireAlive(0)
		w.put(names.ClientID, app.ClientID)
		w.ticks(1)
		w.put(names.ClientSecret, app.ClientSecret.Reveal())
		w.ticks(2)
		w.requireKept()
		info, _ := w.em.Lookup(w.get(names.RefreshToken).Value)
		fams := w.em.Families()
		require.Equal(t, fams[len(fams)-1].ID, info.FamilyID)
		require.Equal(t, app.ClientID, fams[len(fams)-1].ClientID)
	})
	t.Run("it was refused by mistake once", func(t *testing.T) {
		for _, kills := range []bool{false, true} {
			w := settledWorld(t, killing(kills))
			w.answer(403, "unauthorized_client", 1)
			w.consent()
			w.ticks(3)
			w.requireKept(kills)
			w.ticks(24, keeper.Idle, keeper.Rotated)
			w.requireKept(kills)
		}
	})
	t.Run("it could not be read once", func(t *testing.T) {
		w := settledWorld(t, killing(true))
		w.answer(400, "invalid_request", 1)
		w.consent()
		w.ticks(6)
		w.requireKept()
	})
	t.Run("the app's credentials are wrong while it comes", func(t *testing.T) {
		w := settledWorld(t, killing(true))
		w.consent()
		w.put(names.ClientSecret, "wrong")
		w.ticks(6)
		w.put(names.ClientSecret, w.fix.App.ClientSecret.Reveal())
		w.ticks(2)
		w.requireKept()
	})
	t.Run("a rate limit while it comes", func(t *testing.T) {
		w := settledWorld(t, killing(true))
		w.inject(atlassiantest.Before, 429, 6)
		w.consent()
		w.ticks(8)
		w.requireKept()
	})
}

// A candidate comes while the own token is in doubt.
func TestACandidateWhileTheOwnTokenIsInDoubt(t *testing.T) {
	for _, committed := range []bool{true, false} {
		for _, c := range []struct {
			name string
			come func(*world)
		}{
			{"a new consent", func(w *world) { w.consent() }},
			{"a stranger's token", func(w *world) { w.put(names.RefreshToken, "a-t0ken-that-n0body-has-ever-issued-to-anybody") }},
			{"an older token", func(w *world) { w.put(names.RefreshToken, w.older[0].Value.Reveal()) }},
			{"a placeholder", func(w *world) { w.put(names.RefreshToken, "CHANGE_ME") }},
		} {
			for _, wait := range []time.Duration{3 * time.Minute, 8 * time.Minute, 30 * time.Minute} {
				t.Run(fmt.Sprintf("%s, %s later, the spend was committed: %v", c.name, wait, committed), func(t *testing.T) {
					w := settledWorld(t)
					w.older = w.rotations(2)
					w.clock.Advance(40 * time.Minute)
					if w.after = crashing("post"); !committed {
						w.before, w.after = crashing("post"), nil
					}
					_, survived := w.tick()
					require.False(t, survived)
					w.before, w.after = nil, nil
					c.come(w)
					w.clock.Advance(wait)
					w.tick()
					w.ticks(24)
					if wait > family.Leeway && committed && c.name != "a new consent" {
						require.NotNil(t, w.em.Families()[0].Death, "nobody looked inside the leeway")
						return
					}
					w.requireKept()
				})
			}
		}
	}
}

// The answer to a candidate is lost, before or after the server's commit, and the
// process dies or not. It is presented again inside its leeway.
func TestACandidateWhoseAnswerIsLost(t *testing.T) {
	for _, when := range []atlassiantest.When{atlassiantest.Before, atlassiantest.After} {
		for _, dies := range []bool{false, true} {
			for _, kills := range []bool{false, true} {
				for _, siblingsDie := range []bool{false, true} {
					t.Run(fmt.Sprintf("lost %s the commit, the process dies: %v, it kills the old family: %v, siblings die: %v", when, dies, kills, siblingsDie), func(t *testing.T) {
						w := settledWorld(t, func(p *atlassiantest.Policy) { p.ReconsentKillsOld, p.SiblingsDie = kills, siblingsDie })
						w.consent()
						switch {
						case dies && when == atlassiantest.Before:
							w.before = crashing("post")
						case dies:
							w.after = crashing("post")
						default:
							w.inject(when, 503, 4)
						}
						w.tick()
						w.before, w.after = nil, nil
						w.ticks(2)
						w.requireKept()
						w.ticks(24, keeper.Idle, keeper.Rotated)
						w.requireKept()
						require.Empty(t, w.ledger().Inbox.Pending)
					})
				}
			}
		}
	}
	t.Run("and the ledger cannot be read, so that nobody tells when that began", func(t *testing.T) {
		w := settledWorld(t)
		w.consent()
		w.inject(atlassiantest.After, 503, 4)
		var began time.Time
		w.before = func(_ int, op string) error {
			if op == "post" && began.IsZero() {
				began = w.clock.Now()
			}
			if !began.IsZero() && op != "post" && !strings.HasPrefix(op, "write") {
				return errFault
			}
			return nil
		}
		w.tick()
		w.before = nil
		require.False(t, w.ledger().Inbox.Pending[0].First.After(began), "its leeway began then")
		w.ticks(2)
		w.requireKept()
	})
	t.Run("and written over while it is in doubt", func(t *testing.T) {
		w := settledWorld(t, killing(true))
		w.consent()
		w.after = crashing("post")
		w.tick()
		w.after = nil
		w.put(names.RefreshToken, "CHANGE_ME")
		w.ticks(2)
		w.requireKept()
	})
}
