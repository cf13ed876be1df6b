package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

// psoxys is an access token in psoxy's form.
const psoxys = `{"token":"an-access-token-of-psoxy","expirationDate":1764000000000}`

// damages are what people and programs make of psoxy's ACCESS_TOKEN by accident.
var damages = map[string]func(value string) string{
	"cut short":       func(value string) string { return value[:len(value)-4] },
	"a placeholder":   func(string) string { return "fill me" },
	"no token":        func(string) string { return `{"token":"","expirationDate":0}` },
	"empty object":    func(string) string { return `{}` },
	"a date as text":  func(string) string { return strings.Replace(psoxys, "1764000000000", `"2026-11-27T00:00:00Z"`, 1) },
	"a date as float": func(string) string { return strings.Replace(psoxys, "1764000000000", "1.764e12", 1) },
	"mark before it":  func(value string) string { return "\ufeff" + value },
	"JSON in JSON": func(value string) string {
		b, _ := json.Marshal(value) // a text always encodes
		return string(b)
	},
}

// Psoxy's JSON stood in ACCESS_TOKEN, and is damaged, deleted or unreadable: its form is
// kept, also by a process that has never seen it.
func TestPsoxysFormOutlivesItsDamage(t *testing.T) {
	t.Parallel()
	spoil := map[string]func(w *world.World, c *world.Connection){
		"deleted": func(_ *world.World, c *world.Connection) { c.Delete(c.Names.AccessToken) },
		"unreadable": func(w *world.World, _ *world.Connection) {
			w.AWS.On(proxy.Rule{When: func(p *proxy.Call) bool {
				return strings.HasPrefix(p.Operation, "GetParameter") && strings.Contains(string(p.Request), "_ACCESS_TOKEN")
			}, Before: refuse(http.StatusBadRequest, "AccessDeniedException")})
		},
	}
	for name, made := range damages {
		spoil[name] = func(_ *world.World, c *world.Connection) {
			c.PutSecret(c.Names.AccessToken, made(c.Value(c.Names.AccessToken)))
		}
	}
	for name, do := range spoil {
		for _, cold := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", in a new process: ", cold), func(t *testing.T) {
				t.Parallel()
				w := world.New(t, world.Options{})
				c := w.Connection()
				c.PutSecret(c.Names.AccessToken, psoxys)
				w.RequireAction(w.Tick(), "rotated")
				w.RequireAction(w.Tick(), "idle")
				do(w, c)
				if cold {
					w.Function = w.NewFunction(w.Env)
				}
				for range 9 {
					w.Tick()
					w.Pass(5 * time.Minute)
				}
				require.True(t, strings.HasPrefix(c.Value(c.Names.AccessToken), `{"token":"`), "the form is lost")
				require.Equal(t, atlassiantest.StatusLive, c.Lookup(c.Names.RefreshToken).Status)
			})
		}
	}
}

// So is psoxy's lock, which a rotation beside psoxy takes. A person who stores a bare token
// has decided that psoxy reads only.
func TestPsoxysLockOutlivesADamagedAccessToken(t *testing.T) {
	t.Parallel()
	const lock = "PutParameter OAUTH_REFRESH_TOKEN_lock"
	w := world.New(t, world.Options{})
	c := w.Connection()
	c.PutSecret(c.Names.AccessToken, psoxys)
	w.RequireAction(w.Tick(), "rotated")
	w.RequireAction(w.Tick(), "idle")
	v := c.Value(c.Names.AccessToken)
	c.PutSecret(c.Names.AccessToken, v[:len(v)-4])
	w.Tick()
	w.Pass(36 * time.Minute)
	tick := w.Tick()
	w.RequireAction(tick, "rotated")
	require.Contains(t, operations(c, tick.AWS), lock)
	require.True(t, strings.HasPrefix(c.Value(c.Names.AccessToken), `{"token":`))

	w.Pass(36 * time.Minute)
	c.PutSecret(c.Names.AccessToken, c.Ledger().State.Record.AccessToken+"-a-bare-token")
	tick = w.Tick()
	w.RequireAction(tick, "rotated")
	require.NotContains(t, operations(c, tick.AWS), lock)
	c.RequireHealthy(3)
	c.Delete(c.Names.AccessToken)
	w.RequireAction(w.Tick(), "idle")
	c.RequireHealthy(3)
}
