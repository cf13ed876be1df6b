package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

// changeAnswer changes the next answer of the token endpoint.
func changeAnswer(t *testing.T, w *world.World, change func(answer map[string]any)) {
	w.Atlassian.On(proxy.Rule{Operation: world.TokenEndpoint, Nth: 1, After: func(c *proxy.Call) {
		var answer map[string]any
		require.NoError(t, json.Unmarshal(c.Answer, &answer))
		change(answer)
		body, err := json.Marshal(answer)
		require.NoError(t, err)
		c.Reply(http.StatusOK, c.AnswerHeader, body)
	}})
}

// A successor is damaged on its way. The same tick asks for it again.
func TestADamagedSuccessor(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(token, access string) string{
		"redacted":         func(_, _ string) string { return "REDACTED" },
		"crossed out":      func(_, _ string) string { return "xxxxxxxxxxxxxxxxxxxxxxxx" },
		"not available":    func(_, _ string) string { return "N/A" },
		"a dash":           func(_, _ string) string { return "-" },
		"a variable":       func(_, _ string) string { return "$REFRESH_TOKEN" },
		"cut short":        func(token, _ string) string { return token[:len(token)-20] },
		"half":             func(token, _ string) string { return token[:len(token)/2] },
		"abridged":         func(token, _ string) string { return token[:10] + "..." + token[len(token)-6:] },
		"in capitals":      func(token, _ string) string { return strings.ToUpper(token) },
		"in Base64":        func(token, _ string) string { return base64.StdEncoding.EncodeToString([]byte(token)) },
		"the access token": func(_, access string) string { return access },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, world.Options{})
			c := w.Connection()
			w.RequireAction(w.Tick(), "rotated")
			w.Pass(36 * time.Minute)
			changeAnswer(t, w, func(answer map[string]any) {
				answer["refresh_token"] = damage(answer["refresh_token"].(string), answer["access_token"].(string))
			})
			tick := w.Tick()
			w.RequireAction(tick, "replayed")
			require.Len(t, tick.Posts, 2)
			c.RequireHealthy(2)
		})
	}
}

// An access token is damaged on its way. Consumers keep the one before until the next
// rotation, which comes within minutes.
func TestADamagedAccessToken(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	w.RequireAction(w.Tick(), "rotated")
	before := c.Value(c.Names.AccessToken)
	w.Pass(36 * time.Minute)
	changeAnswer(t, w, func(answer map[string]any) { answer["access_token"] = answer["access_token"].(string)[:80] })
	w.RequireAction(w.Tick(), "rotated")
	require.True(t, before == c.Value(c.Names.AccessToken))
	w.Pass(5 * time.Minute)
	w.RequireAction(w.Tick(), "rotated")
	c.RequireHealthy(3)
}

// A cache answers with an earlier answer, whether it passes the request on or not.
func TestACachedAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ opaque, passed bool }{
		"passed on": {false, true}, "passed on, without claims": {true, true}, "not passed on": {false, false},
	} {
		for back := 1; back <= 2; back++ {
			t.Run(name+", "+[]string{"", "the last one", "the one before"}[back], func(t *testing.T) {
				t.Parallel()
				w := world.New(t, world.Options{Opaque: c.opaque})
				conn := w.Connection()
				for range 4 {
					w.RequireAction(w.Tick(), "rotated")
					w.Pass(36 * time.Minute)
				}
				calls := w.Atlassian.Calls(world.TokenEndpoint)
				old := calls[len(calls)-back]
				answer := func(p *proxy.Call) { p.Reply(http.StatusOK, old.AnswerHeader, old.Answer) }
				rule := proxy.Rule{Operation: world.TokenEndpoint, Nth: 1, Before: answer}
				if c.passed {
					rule.Before, rule.After = nil, answer
				}
				w.Atlassian.On(rule)
				w.RequireAction(w.Tick(), "replayed")
				conn.RequireHealthy(5)
			})
		}
	}
}
