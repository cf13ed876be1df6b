package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

// Parameters that are not there yet, or not rightly filled in: the report says
// which and what to do, Atlassian is not bothered, nothing is written. Putting
// it right is enough.
func TestParametersToFillIn(t *testing.T) {
	t.Parallel()
	for _, missing := range []struct{ parameter, action string }{
		{"REFRESH_TOKEN", "awaiting_consent"},
		{"CLIENT_ID", "misconfigured"},
		{"CLIENT_SECRET", "misconfigured"},
	} {
		for _, value := range []string{"", "fill me", " fill me\n", "   "} {
			t.Run(fmt.Sprintf("%s is %q", missing.parameter, value), func(t *testing.T) {
				t.Parallel()
				w := world.New(t, world.Options{})
				c := w.Connection()
				name := c.Name + missing.parameter
				right := c.Value(name)
				c.Delete(name) // the history of a token that was written over would be used
				if value != "" {
					c.PutSecret(name, value)
				}
				stored := c.Versions()
				tick := w.Tick()
				o := w.RequireAction(tick, missing.action)
				require.Contains(t, o.Reason, name)
				require.Empty(t, tick.Posts)
				if missing.action == "misconfigured" {
					stored[c.Names.Ledger], stored[c.Names.Family] = 1, 1 // the ledger is begun all the same
				}
				require.Equal(t, stored, c.Versions())

				c.PutSecret(name, right)
				w.RequireAction(w.Tick(), "rotated")
				c.RequireHealthy(1)
			})
		}
	}
}

// Blanks and line ends around values, as they come from copying, do no harm.
func TestBlanksAroundValues(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	for _, name := range []string{c.Names.ClientID, c.Names.ClientSecret, c.Names.RefreshToken, c.Names.CloudID} {
		c.PutSecret(name, "  "+c.Value(name)+"\r\n")
	}
	w.RequireAction(w.Tick(), "rotated")
	c.RequireHealthy(1)
	w.Pass(36 * time.Minute)
	w.RequireAction(w.Tick(), "rotated")
	c.RequireHealthy(2)
}

// What cannot be a token is not presented. Where the history holds nothing else,
// a person has to put it right; otherwise the token under it goes on.
func TestRefreshTokenThatIsNone(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"JSON":     `{"refresh_token":"eyJhbGciOiJIUzI1NiJ9"}`,
		"quoted":   `"eyJhbGciOiJIUzI1NiJ9.e30.AAAAAAAAAAAAAAAAAAAAAA"`,
		"two":      "eyJhbGciOiJIUzI1NiJ9 eyJhbGciOiJIUzI1NiJ9",
		"non-text": "eyJhbGci\x01OiJIUzI1NiJ9",
		"7 KB":     "eyJ" + strings.Repeat("x", 7000), // its successor might not fit into a parameter
		"8 KB":     "eyJ" + strings.Repeat("x", 8160),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, world.Options{})
			c := w.Connection()
			token := c.Value(c.Names.RefreshToken)
			c.Delete(c.Names.RefreshToken)
			c.PutSecret(c.Names.RefreshToken, value)
			tick := w.Tick()
			o := w.RequireAction(tick, "misconfigured")
			require.Contains(t, o.Reason, c.Names.RefreshToken)
			require.Empty(t, tick.Posts)

			c.PutSecret(c.Names.RefreshToken, token)
			c.PutSecret(c.Names.RefreshToken, value)
			over := w.Tick()
			w.RequireAction(over, "rotated")
			require.Len(t, over.Posts, 1)
			c.RequireHealthy(1)
		})
	}
}

// A successor that is too large for a parameter stays in memory. It is not fetched
// again and again, and it is reported.
func TestSuccessorBeyondEightKilobytes(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	require.NoError(t, w.Emulator.ChangePolicy(func(p *atlassiantest.Policy) { p.TokenPadding = 9000 }))
	first := w.Tick()
	o := w.RequireAction(first, "failed")
	require.Contains(t, o.Reason, "8192")
	require.Len(t, first.Posts, 1)
	for range 2 {
		next := w.InvokeWithin(w.Function, `{}`, briefly)
		w.RequireAction(next, "failed")
		require.Empty(t, next.Posts)
	}
	require.True(t, c.Family().Alive())
}

// TOKEN_FAMILY is a copy: one that cannot be read keeps nothing from its turn,
// and is written again.
func TestUnreadableRecord(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"no JSON":            "authorized in January",
		"cut off":            `{"schema":1,"connection":"`,
		"a newer schema":     `{"schema":99,"connection":"X_"}`,
		"another connection": `{"schema":1,"connection":"OTHER_","authorized_at":"2026-01-01T00:00:00Z","refresh_token":"0123456789ab"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, world.Options{})
			c := w.Connection()
			c.Put(c.Names.Family, value)
			w.RequireAction(w.Tick(), "rotated")
			c.RequireHealthy(1)
			c.Put(c.Names.Family, value)
			w.RequireAction(w.Tick(), "idle")
			c.RequireHealthy(1)
		})
	}
}

// If the ledger is deleted, TOKEN_FAMILY and REFRESH_TOKEN bring the family back
// with its true age; a damaged TOKEN_FAMILY does so by its history. Nothing is presented for
// two minutes: another process may have been at work.
func TestDeletedLedger(t *testing.T) {
	t.Parallel()
	for _, damaged := range []bool{false, true} {
		w := world.New(t, world.Options{})
		c := w.Connection()
		w.RequireAction(w.Tick(), "rotated")
		born := c.Record().AuthorizedAt
		w.Pass(80 * 24 * time.Hour)
		w.RequireAction(w.Tick(), "rotated")
		w.RequireAction(w.Tick(), "idle")
		c.Delete(c.Names.Ledger)
		if damaged {
			c.Put(c.Names.Family, "{}")
		}
		w.Pass(36 * time.Minute)
		waits := w.Tick()
		w.RequireAction(waits, "in_doubt")
		require.Empty(t, waits.Posts)
		w.Pass(2 * time.Minute)
		o := w.RequireAction(w.Tick(), "replayed")
		require.InDelta(t, 285, *o.FamilyDaysRemaining, 0.1)
		c.RequireHealthy(3)
		require.True(t, born.Equal(c.Record().AuthorizedAt))
	}
}

// Psoxy's lock is respected while it is fresh. Left behind, it means that psoxy
// may have spent the token: it is presented inside the leeway.
func TestLockOfPsoxy(t *testing.T) {
	t.Parallel()
	for _, value := range []string{fmt.Sprintf("locked_%d", time.Now().UnixMilli()), "locked", "something else"} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, world.Options{})
			c := w.Connection()
			c.Put(c.Names.Lock, value)
			for range 2 {
				respected := w.Tick()
				w.RequireAction(respected, "contended")
				require.Empty(t, respected.Posts)
				require.Equal(t, value, c.Value(c.Names.Lock))
			}
			w.Pass(5 * time.Minute)
			w.RequireAction(w.Tick(), "replayed")
			c.RequireHealthy(1)
			require.Equal(t, value, c.Value(c.Names.Lock), "who rotates alone leaves it")
			w.Pass(36 * time.Minute)
			w.RequireAction(w.Tick(), "rotated")
			c.RequireHealthy(2)
		})
	}
}

// The function's clock is wrong by hours. Nothing depends on it: ages are told by
// the store's.
func TestWrongClock(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{-3 * time.Hour, 3 * time.Hour} {
		t.Run(fmt.Sprint("the store is ", ahead, " ahead"), func(t *testing.T) {
			t.Parallel()
			w := world.New(t, world.Options{Ahead: ahead})
			c := w.Connection()
			w.RequireAction(w.Tick(), "rotated")
			o := w.RequireAction(w.Tick(), "idle")
			require.InDelta(t, 3600, *o.AccessTokenSecondsRemaining, 60)
			require.InDelta(t, 365, *o.FamilyDaysRemaining, 0.01)

			w.Pass(36 * time.Minute)
			w.Atlassian.On(proxy.Rule{Operation: world.TokenEndpoint, Nth: 1, After: killed(w)})
			require.True(t, w.Tick().Exited)
			w.RequireAction(w.Tick(), "contended")
			w.Pass(3 * time.Minute)
			w.RequireAction(w.Tick(), "replayed")
			c.RequireHealthy(2)
		})
	}
}
