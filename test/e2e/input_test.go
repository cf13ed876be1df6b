package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
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
				if value == "" {
					c.Delete(name)
				} else {
					c.PutSecret(name, value)
				}
				stored := c.Versions()
				tick := w.Tick()
				o := w.RequireAction(tick, missing.action)
				require.Contains(t, o.Reason, name)
				require.Empty(t, tick.Posts)
				require.Len(t, tick.AWS, 2)
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

// What cannot be a token is not presented: it could be spent by mistake.
func TestRefreshTokenThatIsNone(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"JSON":     `{"refresh_token":"eyJhbGciOiJIUzI1NiJ9"}`,
		"quoted":   `"eyJhbGciOiJIUzI1NiJ9.e30.AAAAAAAAAAAAAAAAAAAAAA"`,
		"two":      "eyJhbGciOiJIUzI1NiJ9 eyJhbGciOiJIUzI1NiJ9",
		"non-text": "eyJhbGci\x01OiJIUzI1NiJ9",
		"8 KB":     "eyJ" + strings.Repeat("x", 8160),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, world.Options{})
			c := w.Connection()
			c.PutSecret(c.Names.RefreshToken, value)
			tick := w.Tick()
			o := w.RequireAction(tick, "misconfigured")
			require.Contains(t, o.Reason, c.Names.RefreshToken)
			require.Empty(t, tick.Posts)
		})
	}
}

// A successor beyond what a parameter can hold stays in memory: it is not
// fetched again and again, and somebody is told.
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
		next := w.Tick()
		w.RequireAction(next, "failed")
		require.Empty(t, next.Posts)
	}
	require.True(t, c.Family().Alive())
}

// A TOKEN_FAMILY that cannot be read is not overwritten, and nothing is spent
// on the strength of it. Deleting it begins anew.
func TestUnreadableRecord(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"no JSON":               "authorized in January",
		"cut off":               `{"schema":1,"connection":"`,
		"a newer schema":        `{"schema":99,"connection":"X_"}`,
		"another connection":    `{"schema":1,"connection":"OTHER_","authorized_at":"2026-01-01T00:00:00Z","refresh_token":"0123456789ab"}`,
		"of another connection": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, world.Options{})
			c := w.Connection()
			if value == "" {
				w.RequireAction(w.Tick(), "rotated")
				value = strings.ReplaceAll(c.Value(c.Names.Family), c.Name, "ANOTHER_")
				w.Pass(36 * time.Minute)
			}
			c.Put(c.Names.Family, value)
			stored := c.Versions()
			tick := w.Tick()
			o := w.RequireAction(tick, "misconfigured")
			require.Contains(t, o.Reason, c.Names.Family)
			require.Empty(t, tick.Posts)
			require.Equal(t, stored, c.Versions())

			c.Delete(c.Names.Family)
			w.RequireAction(w.Tick(), "rotated")
			c.RequireHealthy(1)
		})
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
		})
	}
}

// The machine's clock was ahead and is set back: what is stored seems to come
// from the future. The keeper goes on, without a loss.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	w.Pass(time.Hour)
	w.RequireAction(w.Tick(), "rotated")
	w.Pass(-50 * time.Minute)
	w.RequireAction(w.Tick(), "rotated")
	c.RequireHealthy(2)
	w.RequireAction(w.Tick(), "idle")
	w.Pass(36 * time.Minute)
	w.RequireAction(w.Tick(), "rotated")
	c.RequireHealthy(3)
}
