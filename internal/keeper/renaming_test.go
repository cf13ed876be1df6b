package keeper_test

import (
	"fmt"
	"strings"
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
			copyTo(w, names.ClientID, names.ClientSecret, names.Family, names.AccessToken, names.RefreshToken)
			alone(w)
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
				require.Contains(w.t, out.Reason, "stop the schedule, copy the other's newest REFRESH_TOKEN and TOKEN_FAMILY here, delete the other's parameters, take it off the list, and start the schedule")
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

// A connection was renamed, its old parameters were deleted, and after hours it gets its old name
// back. The process knows the old name's last token, which is spent.
func TestRenamedBack(t *testing.T) {
	for _, claims := range []bool{false, true} {
		t.Run(fmt.Sprint("claims: ", claims), func(t *testing.T) {
			w := newWorldOf(t, claims)
			w.consent()
			w.want(keeper.Rotated)
			w.rotations(2)
			alone := func(name string, times int) (out keeper.Outcome) {
				for range times {
					w.clock.Advance(2 * time.Minute)
					c := family.Connection{Name: name, Policy: w.policy}
					w.keeper.Introduce([]family.Connection{c})
					out = tickAt(w, c)
				}
				return out
			}
			all := []string{names.ClientID, names.ClientSecret, names.Family, names.AccessToken, names.RefreshToken}
			alone(conn, 2)
			copyTo(w, all...)
			alone(neighbour, 60)
			removeAll(w)
			for i, name := range all {
				if i == 2 { // before the tokens are there
					require.Equal(t, keeper.AwaitingConsent, alone(conn, 1).Action)
				}
				w.put(name, w.get(neighbour+strings.TrimPrefix(name, conn)).Value.Reveal())
			}
			out := alone(conn, 60)
			require.True(t, out.Action.Healthy(), out.Reason)
			w.requireAlive(0)
		})
	}
}
