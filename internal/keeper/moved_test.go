package keeper_test

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// The ledger was deleted and put again with its own newest value, by whoever moves the
// parameters or gives one another type or key. Its version numbers begin anew, so it counts as
// empty. Its newest token and its age are known from it all the same.
func TestALedgerThatWasMoved(t *testing.T) {
	for name, c := range map[string]struct {
		rt, tf     int // versions back; -1: deleted
		ledgerBack int
	}{
		"REFRESH_TOKEN and TOKEN_FAMILY of an older day": {2, 2, 0},
		"REFRESH_TOKEN of an older day, no TOKEN_FAMILY": {2, -1, 0},
		"REFRESH_TOKEN deleted":                          {-1, 0, 0},
		"TOKEN_FAMILY deleted":                           {0, -1, 0},
		"TOKEN_FAMILY deleted, an older ledger":          {0, -1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := settledWorld(t)
			born := w.record().AuthorizedAt
			var days []map[string]store.Entry
			for range 4 {
				w.rotations(1)
				days = append(days, map[string]store.Entry{names.RefreshToken: w.get(names.RefreshToken), names.Family: w.get(names.Family), names.Ledger: w.get(names.Ledger)})
			}
			move := func(name string, back int) {
				w.remove(name)
				if back >= 0 {
					w.put(name, days[len(days)-1-back][name].Value.Reveal())
				}
			}
			if c.rt != 0 {
				move(names.RefreshToken, c.rt)
			}
			if c.tf != 0 {
				move(names.Family, c.tf)
			}
			move(names.Ledger, c.ledgerBack)
			w.restart()
			w.clock.Advance(36 * time.Minute)
			w.ticks(24)
			w.requireAlive(0)
			w.requireKept()
			require.Equal(t, born, w.record().AuthorizedAt)
		})
	}
}

// All parameters but the app's are deleted, or begun anew with a placeholder. The process that
// has read the newest token goes on.
func TestAllIsDeletedUnderALivingProcess(t *testing.T) {
	for _, with := range []string{"", "fill me", "CHANGE_ME"} {
		t.Run(with, func(t *testing.T) {
			w := settledWorld(t)
			w.rotations(3)
			for _, n := range []string{names.RefreshToken, names.Family, names.Ledger, names.AccessToken} {
				w.remove(n)
				if with != "" {
					w.put(n, with)
				}
			}
			w.ticks(24)
			w.requireKept()
		})
	}
}

// TOKEN_FAMILY's newest text is damaged or edited, and the ledger is deleted. Its history tells
// better; while that is denied, a damaged text is not taken for none.
func TestAnEditedRecordUnderADeletedLedger(t *testing.T) {
	field := func(name, value string) func(string) string {
		return func(s string) string {
			return regexp.MustCompile(`"`+name+`":"[^"]*"`).ReplaceAllString(s, `"`+name+`":"`+value+`"`)
		}
	}
	for name, edit := range map[string]func(string) string{
		"authorized_at in the future":              field("authorized_at", "2027-06-01T00:00:00Z"),
		"authorized_at of the year 2999":           field("authorized_at", "2999-01-01T00:00:00Z"),
		"rotated_at in the future":                 field("rotated_at", "2027-06-01T00:00:00Z"),
		"rotated_at in the future, an older token": nil,
		"another connection":                       field("connection", "OTHER_"),
		"an unknown token":                         field("refresh_token", "0123456789ab"),
		"schema 1":                                 func(s string) string { return strings.Replace(s, `"schema":2`, `"schema":1`, 1) },
		"schema 3":                                 func(s string) string { return strings.Replace(s, `"schema":2`, `"schema":3`, 1) },
		"cut":                                      func(s string) string { return s[:len(s)/2] },
		"a placeholder":                            func(string) string { return "CHANGE_ME" },
		"cut, and its history is denied":           func(s string) string { return s[:len(s)/2] },
		"a placeholder, and its history is denied": func(string) string { return "CHANGE_ME" },
	} {
		t.Run(name, func(t *testing.T) {
			w := settledWorld(t)
			w.rotations(2)
			older := w.get(names.Family).Value.Reveal()
			w.rotations(4)
			born := w.record().AuthorizedAt
			text := w.get(names.Family).Value.Reveal()
			if edit == nil {
				text = field("rotated_at", "2027-06-01T00:00:00Z")(older)
			} else {
				text = edit(text)
			}
			w.put(names.Family, text)
			w.remove(names.Ledger)
			w.restart()
			if strings.Contains(name, "denied") {
				w.before = func(_ int, op string) error {
					if op == "read history of TOKEN_FAMILY" {
						return errPolicy
					}
					return nil
				}
			}
			w.ticks(12)
			w.before = nil
			w.ticks(12)
			w.requireAlive(0)
			w.requireKept()
			require.WithinDuration(t, born, w.ledger().Record.AuthorizedAt, time.Minute)
		})
	}
}

// A connection is renamed: its parameters are copied one after the other, with a rotation
// between. TOKEN_FAMILY tells that the copied token is an older one, and it is not presented.
func TestARenamedConnection(t *testing.T) {
	for _, claims := range []bool{false, true} {
		w := newWorldOf(t, claims)
		w.consent()
		w.want(keeper.Rotated)
		older := w.rotations(1)[0].Value.Reveal()
		w.rotations(1)
		renamed := family.Connection{Name: "PSOXY_JIRA_CLOUD_NEW_", Policy: w.policy}
		n := renamed.Names()
		for to, from := range map[string]string{n.ClientID: names.ClientID, n.ClientSecret: names.ClientSecret, n.Family: names.Family} {
			w.put(to, w.get(from).Value.Reveal())
		}
		w.put(n.RefreshToken, older)
		w.restart()
		w.clock.Advance(20 * time.Minute)
		out := w.keeper.Tick(invocation{context.Background(), w.clock.Now().Add(w.limit)}, renamed, slog.New(slog.DiscardHandler))
		require.Equal(t, keeper.Misconfigured, out.Action, out.Reason)
		require.Nil(t, w.em.Families()[0].Death)

		w.put(n.RefreshToken, w.get(names.RefreshToken).Value.Reveal())
		born := w.record().AuthorizedAt
		w.remove(names.Ledger)
		out = w.keeper.Tick(invocation{context.Background(), w.clock.Now().Add(w.limit)}, renamed, slog.New(slog.DiscardHandler))
		require.Equal(t, keeper.InDoubt, out.Action, out.Reason)
		r, err := family.ParseRecord(w.get(n.Family).Value.Reveal(), renamed.Name)
		require.NoError(t, err)
		require.Equal(t, born, r.AuthorizedAt)
	}
}
