package keeper_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/reencrypt"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// encrypted are the parameters that reencrypt.Connection writes.
var encrypted = []string{names.Ledger, names.RefreshToken, names.AccessToken, names.ClientID, names.ClientSecret, names.ConsentState, names.ConsentTokens}

// reencrypt is a run by a person's process; only that meets the world's faults.
func (w *world) reencrypt() (done []reencrypt.Parameter, err error) {
	operator := w.other("operator")
	operator.Store = w.store()
	return reencrypt.Connection(context.Background(), operator, family.Connection{Name: conn, Policy: w.policy}, slog.New(slog.NewJSONHandler(&w.logs, nil)))
}

// readyWorld is one in which the next rotation is due in some minutes, with a
// consent under way.
func readyWorld(t *testing.T) *world {
	w := settledWorld(t)
	w.put(names.ConsentState, `{"a consent":"under way"}`)
	w.put(names.ConsentTokens, `{"tokens":"that wait"}`)
	w.want(keeper.Idle)
	return w
}

func TestReencrypt(t *testing.T) {
	w := readyWorld(t)
	before, values := w.versions(encrypted), map[string]string{}
	for _, name := range encrypted[1:] {
		values[name] = w.get(name).Value.Reveal()
	}
	done, err := w.reencrypt()
	require.NoError(t, err)
	require.Len(t, done, len(encrypted))
	for _, d := range done {
		require.Empty(t, d.Left, d.Parameter)
		require.Equal(t, before[d.Parameter]+1, w.get(d.Parameter).Version, d.Parameter)
	}
	for name, value := range values {
		require.Equal(t, value, w.get(name).Value.Reveal(), name)
	}
	require.Empty(t, w.want(keeper.Idle).Foreign, "nothing of it is a foreign write")
	w.clock.Advance(40 * time.Minute)
	w.want(keeper.Rotated)
	w.requireKept()
}

// What is not encrypted, or does not exist, is not written.
func TestReencryptLeavesThePlainOnes(t *testing.T) {
	w := settledWorld(t)
	w.remove(names.ClientID)
	_, err := w.mem.Write(t.Context(), names.ClientID, atlassian.NewSecret(w.fix.App.ClientID), store.Plain)
	require.NoError(t, err)
	plain := []string{names.ClientID, names.Family, names.CloudID, names.Lock, names.ConsentState, names.ConsentTokens}
	before := w.versions(plain)
	done, err := w.reencrypt()
	require.NoError(t, err)
	require.Len(t, done, len(encrypted)-3)
	require.Equal(t, before, w.versions(plain))
}

// A stored token that Atlassian has not been asked about stays as it is. Atlassian
// would be asked again about a second version of it.
func TestReencryptLeavesACandidate(t *testing.T) {
	t.Run("beside a family", func(t *testing.T) {
		w := settledWorld(t)
		tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
		require.NoError(t, err)
		w.put(names.RefreshToken, tokens.Refresh.Reveal())
		version := w.get(names.RefreshToken).Version
		done, err := w.reencrypt()
		require.NoError(t, err)
		require.Contains(t, done[1].Left, "after the next one")
		require.Equal(t, version, w.get(names.RefreshToken).Version)
		w.want(keeper.Rotated)
		w.requireKept()
	})
	t.Run("before the first tick", func(t *testing.T) {
		w := newWorld(t)
		w.consent()
		done, err := w.reencrypt()
		require.NoError(t, err)
		require.Equal(t, names.RefreshToken, done[0].Parameter, "no ledger is begun")
		require.NotEmpty(t, done[0].Left)
		require.Zero(t, w.get(names.Ledger).Version)
		w.want(keeper.Rotated)
		w.requireKept()
	})
}

// beside does something between any two operations of a run, one place at a time,
// and then requires what must hold.
func beside(t *testing.T, prepare func(*testing.T) *world, do func(*world), then func(*world)) {
	for at := 0; ; at++ {
		w := prepare(t)
		w.ops = nil
		w.before = func(n int, op string) error {
			if n == at {
				w.before = nil
				do(w)
			}
			return nil
		}
		_, err := w.reencrypt()
		if w.before != nil {
			require.Greater(t, at, 10, "there were operations")
			return
		}
		t.Run(fmt.Sprintf("before operation %d, %s", at, w.ops[at]), func(t *testing.T) {
			w.t = t
			require.NoError(t, err)
			then(w)
		})
	}
}

// A whole tick that rotates, at any moment of a run. When the run ends, the
// parameters hold its tokens, and nothing was presented twice.
func TestReencryptBesideATick(t *testing.T) {
	rotates := func(w *world) {
		w.clock.Advance(40 * time.Minute)
		out := w.tickOf(w.other("refresher"))
		require.Equal(w.t, keeper.Rotated, out.Action, out.Reason)
	}
	beside(t, readyWorld, rotates, func(w *world) {
		w.requireKept()
		require.Equal(w.t, 2, w.ledger().Record.Generation)
		require.Empty(w.t, w.want(keeper.Idle).Foreign)
		w.clock.Advance(40 * time.Minute)
		w.want(keeper.Rotated)
		w.requireKept()
	})
}

// A run before any operation of a rotation. The rotation settles on top of it.
func TestReencryptDuringARotation(t *testing.T) {
	for at := 0; ; at++ {
		w := readyWorld(t)
		w.clock.Advance(40 * time.Minute)
		w.ops = nil
		var done []reencrypt.Parameter
		w.before = func(n int, _ string) (err error) {
			if n == at {
				w.before = nil
				done, err = reencrypt.Connection(context.Background(), w.other("operator"), family.Connection{Name: conn, Policy: w.policy}, slog.New(slog.DiscardHandler))
				require.NoError(t, err)
			}
			return nil
		}
		out, _ := w.tick()
		if done == nil {
			require.Greater(t, at, 4, "there were operations")
			return
		}
		t.Run(fmt.Sprintf("before operation %d, %s", at, w.ops[at]), func(t *testing.T) {
			w.t = t
			if out.Action == keeper.Contended { // its intent was overtaken
				out = w.want(keeper.Rotated)
			}
			require.Equal(t, keeper.Rotated, out.Action, out.Reason)
			require.Empty(t, w.want(keeper.Idle).Foreign)
			w.requireKept()
			require.Equal(t, 2, w.ledger().Record.Generation)
		})
	}
}

// A value that a person stores meanwhile stays.
func TestReencryptBesideAPerson(t *testing.T) {
	for name, edit := range map[string]struct {
		do   func(*world)
		then func(*world)
	}{
		"corrects the secret": {
			func(w *world) { w.put(names.ClientSecret, "corrected") },
			func(w *world) { require.Equal(w.t, "corrected", w.get(names.ClientSecret).Value.Reveal()) }},
		"deletes the secret": {
			func(w *world) { w.remove(names.ClientSecret) },
			func(w *world) { require.Zero(w.t, w.get(names.ClientSecret).Version) }},
		"stores a new refresh token": {
			func(w *world) {
				tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
				require.NoError(w.t, err)
				w.put(names.RefreshToken, tokens.Refresh.Reveal())
			},
			func(w *world) {
				w.want(keeper.Rotated)
				w.requireKept()
			}},
		"completes a consent": {
			func(w *world) { w.remove(names.ConsentState) },
			func(w *world) {
				require.Zero(w.t, w.get(names.ConsentState).Version, "a claimed state must not come back")
			}},
	} {
		t.Run(name, func(t *testing.T) { beside(t, readyWorld, edit.do, edit.then) })
	}
}

// A run that dies anywhere, with a rotation just before: ticks put everything in
// order.
func TestReencryptDies(t *testing.T) {
	for at := 0; ; at++ {
		w := readyWorld(t)
		w.ops = nil
		w.before = func(n int, op string) error {
			if n == at {
				w.clock.Advance(40 * time.Minute)
				out := w.tickOf(w.other("refresher"))
				require.Equal(t, keeper.Rotated, out.Action, out.Reason)
			}
			return nil
		}
		died := false
		w.after = func(n int, op string) error {
			if died = n == at; died {
				panic(crash{})
			}
			return nil
		}
		w.dying(func() { _, _ = w.reencrypt() })
		if !died {
			require.Greater(t, at, 10, "there were operations")
			return
		}
		t.Run(fmt.Sprintf("in operation %d, %s", at, w.ops[at]), func(t *testing.T) {
			w.t, w.before, w.after = t, nil, nil
			w.clock.Advance(5 * time.Minute)
			w.ticks(3, keeper.Idle, keeper.Rotated, keeper.Restored)
			w.requireKept()
			w.ticks(3, keeper.Idle)
		})
	}
}

// Psoxy's lock keeps psoxy away where it rotates too, and is respected.
func TestReencryptBesidePsoxy(t *testing.T) {
	w := shared(t)
	w.want(keeper.Rotated)
	w.ops = nil
	_, err := w.reencrypt()
	require.NoError(t, err)
	require.Contains(t, w.ops, "create OAUTH_REFRESH_TOKEN_lock")
	require.Equal(t, "delete OAUTH_REFRESH_TOKEN_lock", w.ops[len(w.ops)-1])
	w.want(keeper.Idle)
	w.requireSharedAndKept()

	w.psoxy.locks()
	before := w.versions(encrypted)
	_, err = w.reencrypt()
	require.ErrorContains(t, err, "is held by psoxy")
	require.Equal(t, before, w.versions(encrypted))
}

// A key that may not be used stops a run before anything else is written.
func TestReencryptIsDenied(t *testing.T) {
	w := readyWorld(t)
	before := w.versions(encrypted)
	w.unwritable = map[string]error{names.Ledger: store.ErrDenied}
	_, err := w.reencrypt()
	require.ErrorIs(t, err, store.ErrDenied)
	require.ErrorContains(t, err, names.Ledger)
	require.Equal(t, before, w.versions(encrypted))
}
