package keeper_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// Psoxy's form outlives what stands in its place by accident, and so does psoxy's lock.
func TestPsoxysFormIsRemembered(t *testing.T) {
	for name, damage := range map[string]func(*world){
		"cut short": func(w *world) {
			value := w.get(names.AccessToken).Value.Reveal()
			w.put(names.AccessToken, value[:len(value)-4])
		},
		"deleted":       func(w *world) { w.remove(names.AccessToken) },
		"a placeholder": func(w *world) { w.put(names.AccessToken, psoxy.Unfilled) },
		"another one":   func(w *world) { w.put(names.AccessToken, "CHANGE_ME") },
		"empty object":  func(w *world) { w.put(names.AccessToken, "{}") },
		"in quotes":     func(w *world) { w.put(names.AccessToken, `"`+w.get(names.AccessToken).Value.Reveal()+`"`) },
		"unreadable":    func(w *world) { w.unreadable = map[string]error{names.AccessToken: store.ErrDenied} },
		"deleted, and the ledger is too": func(w *world) {
			w.remove(names.AccessToken)
			w.remove(names.Ledger)
		},
	} {
		for _, cold := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, in a new process: %v", name, cold), func(t *testing.T) {
				w := shared(t)
				w.want(keeper.Rotated)
				w.want(keeper.Idle)
				damage(w)
				if cold {
					w.restart()
				}
				w.ticks(9)
				w.unreadable, w.ops = nil, nil
				w.ticks(9, keeper.Idle, keeper.Rotated, keeper.Replayed)
				require.True(t, slices.Contains(w.ops, "create OAUTH_REFRESH_TOKEN_lock"), "psoxy's lock is taken: %v", w.ops)
				w.requireSharedAndKept()
			})
		}
	}
}

// A person who replaces psoxy's JSON by a bare token has chosen: what happens to that later
// does not bring the JSON back.
func TestABareTokenChangesTheForm(t *testing.T) {
	w := shared(t)
	w.want(keeper.Rotated)
	w.restart()
	tokens := w.consent() // and its bare access token
	w.want(keeper.Rotated)
	require.Regexp(t, `^eyJ`, w.get(names.AccessToken).Value.Reveal())
	w.remove(names.AccessToken)
	w.clock.Advance(40 * time.Minute)
	w.ops = nil
	w.want(keeper.Rotated)
	require.Regexp(t, `^eyJ`, w.get(names.AccessToken).Value.Reveal())
	require.False(t, slices.Contains(w.ops, "create OAUTH_REFRESH_TOKEN_lock"))
	require.NotEqual(t, tokens.Access, w.get(names.AccessToken).Value)
	w.requireKept()
}
