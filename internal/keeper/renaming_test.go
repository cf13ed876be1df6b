package keeper_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

// removeAll deletes all parameters of the connection.
func removeAll(w *world) {
	for _, name := range []string{names.Ledger, names.Family, names.RefreshToken, names.AccessToken, names.ClientID, names.ClientSecret} {
		w.remove(name)
	}
}

// A connection is renamed as docs/operations.md says, or as the report of a copy says which is
// served beside its original, and older than that one's tokens. The family and its age are kept.
func TestRenaming(t *testing.T) {
	renamed := family.Connection{Name: neighbour, Policy: family.DefaultPolicy()}
	alone := func(w *world) keeper.Outcome {
		w.clock.Advance(2 * time.Minute)
		w.keeper.Introduce([]family.Connection{renamed})
		return tickAt(w, renamed)
	}
	for name, follow := range map[string]func(w *world){
		"as the page says": func(w *world) {
			copyTo(w, names.ClientID, names.ClientSecret)
			require.Equal(w.t, keeper.AwaitingConsent, alone(w).Action)
			for _, name := range []string{names.Family, names.AccessToken, names.RefreshToken} {
				copyTo(w, name)
				alone(w)
			}
			alone(w)
			out := alone(w)
			require.True(w.t, out.Action.Healthy(), out.Reason)
			removeAll(w)
		},
		"as the report says": func(w *world) {
			copyTo(w, names.ClientID, names.ClientSecret, names.RefreshToken, names.AccessToken)
			tick := sideBySide(w)
			for range 60 {
				w.clock.Advance(2 * time.Minute)
				tick(conn)
				out := tick(neighbour)
				require.Equal(w.t, keeper.Misconfigured, out.Action)
				require.Contains(w.t, out.Reason, "serve neither, copy the other's newest REFRESH_TOKEN and TOKEN_FAMILY here, delete the other's parameters, and serve this one")
			}
			copyTo(w, names.RefreshToken, names.Family)
			removeAll(w)
		},
	} {
		for _, claims := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", claims: ", claims), func(t *testing.T) {
				w := newWorldOf(t, claims)
				w.consent()
				w.want(keeper.Rotated)
				w.clock.Advance(80 * 24 * time.Hour)
				w.want(keeper.Rotated) // TOKEN_FAMILY is a rotation behind
				follow(w)
				var out keeper.Outcome
				for range 60 {
					if out = alone(w); w.clock.Now().Minute() == 0 {
						w.restart()
					}
				}
				require.True(t, out.Action.Healthy(), out.Reason)
				require.InDelta(t, 365-80, *out.FamilyDaysRemaining, 1)
				w.requireAlive(0)
			})
		}
	}
}
