package keeper_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// shared is a connection whose rotation psoxy shares: access tokens are stored in
// its form. The next rotation is due.
func shared(t *testing.T, change ...func(*atlassiantest.Policy)) *world {
	w := newWorld(t, change...)
	w.policy.AccessFormat = psoxy.AsStored
	tokens := w.consent()
	w.put(names.AccessToken, psoxy.JSON.EncodeAccessToken(tokens.Access, w.clock.Now().Add(time.Hour)).Reveal())
	w.want(keeper.Idle) // its form says how long it lives
	w.clock.Advance(40 * time.Minute)
	w.want(keeper.Rotated)
	w.clock.Advance(40 * time.Minute)
	w.ops = nil
	return w
}

// psoxyProxy is psoxy beside the keeper: another program that knows no ledger.
type psoxyProxy struct {
	parameters
	em    *atlassiantest.Emulator
	app   atlassiantest.App
	clock *atlassiantest.Clock
}

// locks takes psoxy's lock as psoxy does.
func (p psoxyProxy) locks() {
	p.t.Helper()
	_, err := p.mem.Create(context.Background(), names.Lock, atlassian.NewSecret("locked_"+strconv.FormatInt(p.clock.Now().UnixMilli(), 10)), store.Plain)
	require.NoError(p.t, err)
}

// spends is psoxy's token request.
func (p psoxyProxy) spends() atlassiantest.Tokens {
	p.t.Helper()
	tokens, err := p.em.Refresh(atlassiantest.RefreshRequest{ClientID: p.app.ClientID, ClientSecret: p.app.ClientSecret,
		RefreshToken: p.get(names.RefreshToken).Value, Presenter: "psoxy"})
	require.NoError(p.t, err)
	p.clock.Advance(time.Second)
	return tokens
}

// saves are its two writes, in their order.
func (p psoxyProxy) saves(tokens atlassiantest.Tokens, writes int) {
	p.t.Helper()
	if writes > 0 {
		p.put(names.AccessToken, psoxy.JSON.EncodeAccessToken(tokens.Access, p.clock.Now().Add(time.Hour)).Reveal())
		p.clock.Advance(time.Millisecond)
	}
	if writes > 1 {
		p.put(names.RefreshToken, tokens.Refresh.Reveal())
	}
}

// requireSharedAndKept checks that the newest tokens are stored, in psoxy's form.
func (w *world) requireSharedAndKept() {
	w.t.Helper()
	require.Regexp(w.t, `^\{"token":"[^"]+","expirationDate":\d{13}\}$`, w.get(names.AccessToken).Value.Reveal())
	info, known := w.em.Lookup(w.get(names.RefreshToken).Value)
	require.True(w.t, known)
	require.Equal(w.t, atlassiantest.StatusLive, info.Status)
	require.Zero(w.t, w.get(names.Lock).Version, "no lock is left behind")
}

func TestPsoxyBesideUs(t *testing.T) {
	t.Run("it rotates while we wait", func(t *testing.T) {
		w := shared(t)
		born := w.record().AuthorizedAt
		w.psoxy.locks()
		tokens := w.psoxy.spends()
		w.want(keeper.Contended)
		w.psoxy.saves(tokens, 2)
		w.remove(names.Lock)
		w.ticks(9, keeper.Idle, keeper.Rotated, keeper.Contended)
		require.Equal(t, born, w.record().AuthorizedAt, "psoxy's rotation does not restart the countdown")
		w.requireSharedAndKept()
	})
	t.Run("it rotates for a day, and we look on", func(t *testing.T) {
		w := shared(t)
		born := w.record().AuthorizedAt
		for range 36 {
			w.psoxy.locks()
			w.psoxy.saves(w.psoxy.spends(), 2)
			w.remove(names.Lock)
			w.ticks(8, keeper.Idle, keeper.Rotated)
		}
		require.Equal(t, born, w.record().AuthorizedAt)
		w.requireSharedAndKept()
	})
	for _, siblingsDie := range []bool{false, true} {
		for writes, when := range []string{"between the exchange and its first write", "between its two writes", "before it releases its lock"} {
			for _, wait := range []time.Duration{2 * time.Minute, 5 * time.Minute, 8 * time.Minute} {
				t.Run(fmt.Sprintf("it dies %s, and a tick comes %s later, siblings die: %v", when, wait, siblingsDie), func(t *testing.T) {
					w := shared(t, func(p *atlassiantest.Policy) { p.SiblingsDie = siblingsDie })
					born := w.record().AuthorizedAt
					w.psoxy.locks()
					w.psoxy.saves(w.psoxy.spends(), writes)
					w.want(keeper.Contended)
					w.clock.Advance(wait)
					out, _ := w.tick()
					require.Contains(t, []keeper.Action{keeper.Replayed, keeper.Rotated}, out.Action, out.Reason)
					w.ticks(24, keeper.Idle, keeper.Rotated)
					w.requireSharedAndKept()
					require.Equal(t, born, w.record().AuthorizedAt)
				})
			}
		}
	}
	t.Run("it dies, and ticks come every minute: none makes its lock younger", func(t *testing.T) {
		w := shared(t)
		w.psoxy.locks()
		w.psoxy.spends()
		for range 4 {
			w.clock.Advance(29 * time.Second)
			w.want(keeper.Contended)
		}
		w.clock.Advance(4 * time.Second)
		w.want(keeper.Replayed)
		w.ticks(12, keeper.Idle, keeper.Rotated)
		w.requireSharedAndKept()
	})
	t.Run("it left its lock three weeks ago, and the family lives", func(t *testing.T) {
		w := shared(t)
		w.psoxy.locks()
		w.clock.Advance(21 * 24 * time.Hour)
		w.ticks(6)
		w.requireSharedAndKept()
	})
	t.Run("it left its lock, and somebody wrote REFRESH_TOKEN again since", func(t *testing.T) {
		w := shared(t)
		w.psoxy.locks()
		w.psoxy.spends()
		w.clock.Advance(time.Second)
		w.put(names.RefreshToken, w.get(names.RefreshToken).Value.Reveal()) // the same value, and younger than the lock
		w.clock.Advance(4 * time.Minute)
		w.want(keeper.Replayed)
		w.ticks(12, keeper.Idle, keeper.Rotated)
		w.requireSharedAndKept()
	})
	t.Run("it left its lock, and an older token was put back since", func(t *testing.T) {
		w := shared(t)
		older, err := w.mem.History(context.Background(), names.RefreshToken, 1)
		require.NoError(t, err)
		w.psoxy.locks()
		w.psoxy.spends()
		w.put(names.RefreshToken, older[0].Value.Reveal())
		w.clock.Advance(4 * time.Minute)
		w.want(keeper.Replayed)
		w.ticks(12, keeper.Idle, keeper.Rotated)
		w.requireSharedAndKept()
	})
}

// What psoxy stored is known as its own by the access token that it wrote just before, also
// where somebody writes over that, or deletes it while a tick is at work.
func TestPsoxysAccessTokenIsGone(t *testing.T) {
	for name, gone := range map[string]func(w *world){
		"written over": func(w *world) { w.put(names.AccessToken, "CHANGE_ME") },
		"deleted": func(w *world) {
			w.before = atFirst("create OAUTH_REFRESH_TOKEN_lock", func() { w.remove(names.AccessToken) })
		},
		"written over, and deleted": func(w *world) {
			w.put(names.AccessToken, "CHANGE_ME")
			w.before = atFirst("create OAUTH_REFRESH_TOKEN_lock", func() { w.remove(names.AccessToken) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := shared(t)
			w.policy.AccessFormat = psoxy.JSON
			w.psoxy.saves(w.psoxy.spends(), 2)
			gone(w)
			w.answer(403, "unauthorized_client", 1)
			w.tick()
			require.Contains(t, w.get(names.Ledger).Value.Reveal(), `"psoxys":true`)
			w.ticks(12, keeper.Idle, keeper.Rotated)
			w.requireSharedAndKept()
		})
	}
}

// The history of ACCESS_TOKEN is read only where it may tell what psoxy did.
func TestWhenTheHistoryOfTheAccessTokenIsRead(t *testing.T) {
	read := func(w *world) bool {
		w.ops = nil
		w.tick()
		return slices.Contains(w.ops, "read history of ACCESS_TOKEN")
	}
	w := shared(t)
	require.False(t, read(w), "a rotation of ours")
	w.psoxy.saves(w.psoxy.spends(), 2)
	require.False(t, read(w), "a rotation of psoxy's")
	w.clock.Advance(time.Minute)
	tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	w.put(names.RefreshToken, tokens.Refresh.Reveal())
	require.True(t, read(w), "a person's consent")
}

// Our own lock: psoxy sees it in time, and it is gone after the tick, however
// that ends.
func TestOurLockInSharedMode(t *testing.T) {
	t.Run("it is held around the spend", func(t *testing.T) {
		w := shared(t)
		seen := false
		w.before = func(_ int, op string) error {
			if op == "post" {
				seen = w.get(names.Lock).Version > 0
				require.Regexp(t, `^locked_\d{13} `, w.get(names.Lock).Value.Reveal(), "psoxy's form comes first")
			}
			return nil
		}
		w.want(keeper.Rotated)
		require.True(t, seen)
		w.requireSharedAndKept()
	})
	t.Run("psoxy takes it at the same moment", func(t *testing.T) {
		for name, at := range map[string]string{"before us": "before", "after us": "after"} {
			w := shared(t)
			take := atFirst("create OAUTH_REFRESH_TOKEN_lock", func() {
				if w.get(names.Lock).Version > 0 {
					w.remove(names.Lock)
				}
				w.psoxy.locks()
			})
			if at == "before" {
				w.before = take
			} else {
				w.after = take
			}
			w.want(keeper.Contended)
			require.Zero(t, w.spends(), name)
			w.before, w.after = nil, nil
			w.remove(names.Lock)
			w.ticks(1, keeper.Rotated, keeper.Replayed)
			w.requireSharedAndKept()
		}
	})
	t.Run("psoxy overwrites it a moment later", func(t *testing.T) {
		w := shared(t)
		pause := w.keeper.Sleep
		w.keeper.Sleep = func(ctx context.Context, d time.Duration) {
			if w.get(names.Lock).Version > 0 {
				w.clock.Advance(300 * time.Millisecond)
				w.put(names.Lock, "locked_1764000000000")
			}
			pause(ctx, d)
		}
		w.want(keeper.Contended)
		require.Zero(t, w.spends())
	})
	t.Run("a consent releases it", func(t *testing.T) {
		for _, refused := range []bool{false, true} {
			w := shared(t)
			held := false
			_, err := w.consentBy(w.keeper, func(ctx context.Context, s family.Snapshot) (keeper.Grant, error) {
				held = w.get(names.Lock).Version > 0
				if refused {
					return keeper.Grant{}, errFault
				}
				return w.obtain(ctx, s)
			})
			require.Equal(t, refused, err != nil)
			require.True(t, held)
			require.Zero(t, w.get(names.Lock).Version)
			w.ticks(6, keeper.Idle, keeper.Rotated)
			w.requireSharedAndKept()
		}
	})
	t.Run("psoxy's rotation came just before it", func(t *testing.T) {
		w := shared(t)
		w.before = atFirst("create OAUTH_REFRESH_TOKEN_lock", func() { w.psoxy.saves(w.psoxy.spends(), 2) })
		w.tick()
		w.before = nil
		w.ticks(6, keeper.Idle, keeper.Rotated)
		w.requireSharedAndKept()
	})
	t.Run("psoxy has it before a token is presented again", func(t *testing.T) {
		w := shared(t)
		w.after = atFirst("post", func() { w.put(names.Lock, "locked_1764000000000") })
		require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After, Kind: atlassiantest.KindDrop, Times: 1}))
		w.want(keeper.InDoubt)
		require.Equal(t, 1, w.spends())
	})
	t.Run("it is had at the fourth attempt", func(t *testing.T) {
		w := shared(t)
		attempts := 0
		w.before = func(_ int, op string) error {
			if op == "create OAUTH_REFRESH_TOKEN_lock" {
				if attempts++; attempts < 4 {
					return errFault
				}
			}
			return nil
		}
		w.want(keeper.Rotated)
		w.requireSharedAndKept()
	})
	t.Run("a dead tick's is not waited for", func(t *testing.T) {
		w := shared(t)
		w.after = atFirst("create OAUTH_REFRESH_TOKEN_lock", func() { panic(crash{}) })
		w.tick()
		require.NotZero(t, w.get(names.Lock).Version)
		w.after = nil
		w.clock.Advance(10 * time.Second)
		w.want(keeper.Rotated)
		w.requireSharedAndKept()
	})
	t.Run("every single fault of a rotation", func(t *testing.T) {
		calm := shared(t)
		calm.want(keeper.Rotated)
		for at, op := range calm.ops {
			for kind, strike := range map[string]func(w *world){
				"crash before": func(w *world) { w.before = once(at, func() error { panic(crash{}) }) },
				"crash after":  func(w *world) { w.after = once(at, func() error { panic(crash{}) }) },
				"error before": func(w *world) { w.before = once(at, func() error { return errFault }) },
				"error after":  func(w *world) { w.after = once(at, func() error { return errFault }) },
				"pause before": func(w *world) {
					w.before = once(at, func() error { w.clock.Advance(3 * time.Minute); return nil })
				},
			} {
				w := shared(t)
				strike(w)
				w.tick()
				w.before, w.after = nil, nil
				for range 24 {
					w.clock.Advance(5 * time.Minute)
					out, ok := w.tick()
					require.True(t, ok)
					require.Contains(t, []keeper.Action{keeper.Idle, keeper.Rotated, keeper.Replayed}, out.Action, "%s %s: %s", kind, op, out.Reason)
				}
				w.requireSharedAndKept()
			}
		}
	})
	t.Run("in reader mode it is never touched", func(t *testing.T) {
		w := due(t)
		w.want(keeper.Rotated)
		for _, op := range w.ops {
			require.NotContains(t, op, "lock")
		}
	})
}

// Psoxy becomes a reader: the very next tick publishes the access token without
// psoxy's JSON around it, in a process that has received no token either.
func TestAMigrationNeedsNoRotation(t *testing.T) {
	w := shared(t)
	w.want(keeper.Rotated)
	newest := w.record().Access
	w.restart()
	w.policy.AccessFormat = psoxy.Raw
	w.want(keeper.Idle)
	require.Equal(t, newest, family.FingerprintOf(w.get(names.AccessToken).Value))
	require.Equal(t, newest, w.record().Access, "nothing was spent")
}

// A candidate's answer was lost, psoxy has stored its successor since, and somebody has
// written over psoxy's access token: the history tells that what the replay yields is the
// sibling of what psoxy stored.
func TestPsoxysAccessTokenIsWrittenOver(t *testing.T) {
	w := shared(t, func(p *atlassiantest.Policy) { p.SiblingsDie = true })
	w.policy.AccessFormat = psoxy.JSON
	w.consent()
	require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After, Kind: atlassiantest.KindDrop, Times: 3}))
	w.want(keeper.InDoubt)
	w.psoxy.saves(w.psoxy.spends(), 2)
	w.clock.Advance(time.Second)
	w.put(names.AccessToken, "another")
	w.clock.Advance(time.Minute)
	w.ticks(24, keeper.Idle, keeper.Rotated, keeper.Replayed, keeper.Restored)
	w.requireSharedAndKept()
}
