package keeper_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// A neighbour's token, its newest or one from before, stands in REFRESH_TOKEN, and something else
// is amiss with a ledger. Neither family is lost: the token's owner can be known.
func TestNeighboursTokenWhileALedgerIsAmiss(t *testing.T) {
	other := family.NamesOf(neighbour)
	for name, amiss := range map[string]func(w *world){
		"nothing":                           func(*world) {},
		"the neighbour's ledger is deleted": func(w *world) { w.remove(other.Ledger) },
		"the neighbour's ledger is moved": func(w *world) {
			v := w.get(other.Ledger).Value.Reveal()
			w.remove(other.Ledger)
			w.put(other.Ledger, v)
		},
		"the neighbour's ledger written over by ours":     func(w *world) { w.put(other.Ledger, w.get(names.Ledger).Value.Reveal()) },
		"the neighbour's ledger repeats its newest value": func(w *world) { w.put(other.Ledger, w.get(other.Ledger).Value.Reveal()) },
		"the neighbour's ledger holds a placeholder":      func(w *world) { w.put(other.Ledger, "fill me") },
		"our ledger is deleted":                           func(w *world) { w.remove(names.Ledger) },
		"our ledger is moved": func(w *world) {
			v := w.get(names.Ledger).Value.Reveal()
			w.remove(names.Ledger)
			w.put(names.Ledger, v)
		},
	} {
		for _, claims := range []bool{false, true} {
			for _, back := range []int{0, 2} {
				t.Run(fmt.Sprint(name, ", claims: ", claims, ", versions back: ", back), func(t *testing.T) {
					w, tick := newNeighbours(t, claims)
					var theirs []string
					for range 4 {
						w.clock.Advance(40 * time.Minute)
						tick(conn)
						tick(neighbour)
						w.clock.Advance(5 * time.Minute)
						tick(conn)
						tick(neighbour)
						theirs = append(theirs, w.get(other.RefreshToken).Value.Reveal())
					}
					w.clock.Advance(3 * time.Second)
					amiss(w)
					w.put(names.RefreshToken, theirs[len(theirs)-1-back])
					for range 60 {
						w.clock.Advance(5 * time.Minute)
						tick(conn)
						tick(neighbour)
					}
					w.requireAlive(0)
					w.requireAlive(1)
					for i, n := range []family.Names{names, other} {
						info, _ := w.em.Lookup(w.get(n.RefreshToken).Value)
						require.Equal(t, w.em.Families()[i].ID, info.FamilyID, "%d holds the other's token", i)
					}
				})
			}
		}
	}
}

// Two connections that psoxy rotates too. What one owns turns up in the other.
func TestSharedNeighboursToken(t *testing.T) {
	for _, claims := range []bool{false, true} {
		for _, back := range []int{0, 2} {
			t.Run(fmt.Sprint("claims: ", claims, ", versions back: ", back), func(t *testing.T) {
				w := newWorldOf(t, claims)
				w.policy.AccessFormat = psoxy.AsStored
				other := family.NamesOf(neighbour)
				tick := sideBySide(w)
				tokens := w.consent()
				w.put(names.AccessToken, psoxy.JSON.EncodeAccessToken(tokens.Access, w.clock.Now().Add(10*time.Minute)).Reveal())
				tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
				require.NoError(t, err)
				w.put(other.ClientID, w.fix.App.ClientID)
				w.put(other.ClientSecret, w.fix.App.ClientSecret.Reveal())
				w.put(other.RefreshToken, tokens.Refresh.Reveal())
				w.put(other.AccessToken, psoxy.JSON.EncodeAccessToken(tokens.Access, w.clock.Now().Add(10*time.Minute)).Reveal())
				var theirs []string
				for range 4 {
					tick(conn)
					tick(neighbour)
					w.clock.Advance(5 * time.Minute)
					tick(conn)
					tick(neighbour)
					theirs = append(theirs, w.get(other.RefreshToken).Value.Reveal())
					w.clock.Advance(40 * time.Minute)
				}
				w.put(names.RefreshToken, theirs[len(theirs)-1-back])
				for i := range 40 {
					out := tick(conn)
					if i < 3 {
						t.Log(out.Action, out.Reason, out.Foreign)
					}
					tick(neighbour)
					w.clock.Advance(5 * time.Minute)
				}
				w.requireAlive(0)
				w.requireAlive(1)
				for i, n := range []family.Names{names, other} {
					info, _ := w.em.Lookup(w.get(n.RefreshToken).Value)
					require.Equal(t, w.em.Families()[i].ID, info.FamilyID, "%d holds the other's token", i)
				}
			})
		}
	}
}

// One new consent's token is stored in two connections. The first one's answer is lost: its ledger
// says that it presents the token. The other does not present it then.
func TestOneCandidateInTwoConnections(t *testing.T) {
	for _, claims := range []bool{false, true} {
		for _, kill := range []bool{false, true} {
			first := []bool{true}
			if !kill {
				first = append(first, false)
			}
			for _, adopt := range first {
				t.Run(fmt.Sprint("claims: ", claims, ", siblings die: ", kill, ", at the first tick: ", adopt), func(t *testing.T) {
					var w *world
					var tick func(string) keeper.Outcome
					o := family.NamesOf(neighbour)
					if adopt {
						w = newWorldOf(t, claims, func(p *atlassiantest.Policy) { p.SiblingsDie = kill })
						tick = sideBySide(w)
						tokens := w.consent()
						w.put(o.ClientID, w.fix.App.ClientID)
						w.put(o.ClientSecret, w.fix.App.ClientSecret.Reveal())
						w.put(o.RefreshToken, tokens.Refresh.Reveal())
					} else {
						w, tick = newNeighbours(t, claims)
						fresh, err := w.em.Authorize(atlassiantest.ConsentRequest{})
						require.NoError(t, err)
						w.put(names.RefreshToken, fresh.Refresh.Reveal())
						w.put(o.RefreshToken, fresh.Refresh.Reveal())
					}
					w.inject(atlassiantest.After, 502, 3)
					for range 60 {
						w.clock.Advance(2 * time.Minute)
						a := tick(conn)
						b := tick(neighbour)
						t.Log(a.Action, a.Reason, "|", b.Action, b.Reason)
					}
					for _, f := range w.em.Families() {
						require.Nil(t, f.Death)
					}
				})
			}
		}
	}
}

// Tokens of two connections are swapped, and swapped back, with and without ticks between.
func TestSwapped(t *testing.T) {
	for _, claims := range []bool{false, true} {
		for _, ticksBetween := range []int{0, 1, 20} {
			for _, ledgers := range []bool{true, false} {
				t.Run(fmt.Sprint(claims, ticksBetween, ledgers), func(t *testing.T) {
					w, tick := newNeighbours(t, claims)
					o := family.NamesOf(neighbour)
					both := func(n int) {
						for range n {
							w.clock.Advance(5 * time.Minute)
							tick(conn)
							tick(neighbour)
						}
					}
					both(2)
					a, b := w.get(names.RefreshToken).Value.Reveal(), w.get(o.RefreshToken).Value.Reveal()
					w.put(names.RefreshToken, b)
					w.put(o.RefreshToken, a)
					if !ledgers {
						w.remove(names.Ledger)
						w.remove(o.Ledger)
						w.remove(names.Family)
						w.remove(o.Family)
						w.restart()
					}
					both(ticksBetween)
					w.put(names.RefreshToken, a)
					w.put(o.RefreshToken, b)
					both(30)
					w.requireAlive(0)
					w.requireAlive(1)
				})
			}
		}
	}
}

// A connection of a thousand is dead, or rests after a refused value, and a strange value stands
// in the history of its REFRESH_TOKEN. A tick that presents nothing does not read a thousand ledgers for it.
func TestOneOfAThousandRests(t *testing.T) {
	for _, dead := range []bool{false, true} {
		for _, claims := range []bool{false, true} {
			t.Run(fmt.Sprint("dead: ", dead, ", claims: ", claims), func(t *testing.T) {
				w := newWorldOf(t, claims)
				w.consent()
				w.tick()
				w.clock.Advance(5 * time.Minute)
				w.tick()
				litter(w, 2)
				w.ticks(20)
				if dead {
					require.NoError(t, w.em.ChangePassword(w.fix.Account.ID))
				}
				w.clock.Advance(time.Hour)
				w.ticks(60)
				all := []family.Connection{{Name: conn, Policy: w.policy}}
				for i := range 999 {
					all = append(all, family.Connection{Name: fmt.Sprintf("C%d_", i), Policy: w.policy})
				}
				w.keeper.Introduce(all)
				many := 0
				for range 12 {
					w.ops = nil
					w.clock.Advance(2 * time.Minute)
					out, _ := w.tick()
					reads := 0
					for _, op := range w.ops {
						if op == "read" {
							reads++
						}
					}
					if reads > 50 && w.spends() == 0 {
						many++
						t.Log(reads, out.Action, out.Reason)
					}
				}
				require.Zero(t, many, "ticks that presented nothing and read all ledgers")
			})
		}
	}
}

// What lay under a neighbour's consent is not its own. It is presented where it belongs: by the
// connection whose parameters were the neighbour's template, or that of a person who had pasted it
// into the wrong one.
func TestWhatLayUnderANeighboursConsent(t *testing.T) {
	consents := func(w *world) {
		ctx := invocation{t.Context(), w.clock.Now().Add(3 * time.Minute)}
		_, err := w.keeper.Consent(ctx, family.Connection{Name: neighbour, Policy: w.policy}, slog.New(slog.DiscardHandler), w.obtain)
		require.NoError(t, err)
	}
	other := family.NamesOf(neighbour)
	template := func(begun bool) func(t *testing.T, claims bool) (*world, int) {
		return func(t *testing.T, claims bool) (*world, int) {
			w := newWorldOf(t, claims)
			w.consent()
			if begun { // and never worked
				w.put(names.ClientSecret, "a-secret-that-is-wr0ng-4711-0815")
				w.want(keeper.Misconfigured)
			}
			copyTo(w, names.ClientID, names.RefreshToken, names.AccessToken)
			w.put(other.ClientSecret, w.fix.App.ClientSecret.Reveal())
			w.clock.Advance(10 * time.Minute)
			consents(w)
			w.restart()
			w.put(names.ClientSecret, w.fix.App.ClientSecret.Reveal())
			return w, 0
		}
	}
	for name, world := range map[string]func(t *testing.T, claims bool) (w *world, family int){
		"a template":                        template(false),
		"a template whose ledger had begun": template(true),
		"a wrong paste": func(t *testing.T, claims bool) (*world, int) {
			w, _ := newNeighbours(t, claims)
			w.clock.Advance(10 * time.Minute)
			fresh, err := w.em.Authorize(atlassiantest.ConsentRequest{})
			require.NoError(t, err)
			w.put(other.RefreshToken, fresh.Refresh.Reveal())
			w.clock.Advance(time.Minute)
			consents(w)
			w.put(names.RefreshToken, fresh.Refresh.Reveal())
			return w, 2
		},
	} {
		for _, claims := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", claims: ", claims), func(t *testing.T) {
				w, want := world(t, claims)
				tick := sideBySide(w)
				for range 60 {
					w.clock.Advance(2 * time.Minute)
					tick(neighbour)
					require.Empty(t, tick(conn).Foreign)
				}
				info, _ := w.em.Lookup(w.get(names.RefreshToken).Value)
				require.Equal(t, w.em.Families()[want].ID, info.FamilyID)
				require.NotZero(t, info.Generation)
				w.requireAlive(want)
			})
		}
	}
}
