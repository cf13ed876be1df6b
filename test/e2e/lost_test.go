package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

// An answer is lost once, in every way and on either side of the server's
// commit: the same tick presents the token again and gets a pair.
func TestAnswerLostOnce(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]atlassiantest.Fault{
		"dropped":   {Kind: atlassiantest.KindDrop},
		"cut":       {Kind: atlassiantest.KindCut},
		"500":       {Kind: atlassiantest.KindStatus, Status: http.StatusInternalServerError},
		"502":       {Kind: atlassiantest.KindStatus, Status: http.StatusBadGateway},
		"503":       {Kind: atlassiantest.KindStatus, Status: http.StatusServiceUnavailable, RetryAfter: "1"},
		"HTML":      {Kind: atlassiantest.KindHTML},
		"truncated": {Kind: atlassiantest.KindTruncated},
	} {
		for _, when := range []atlassiantest.When{atlassiantest.Before, atlassiantest.After} {
			t.Run(name+" "+string(when)+" the commit", func(t *testing.T) {
				t.Parallel()
				w := world.New(t, world.Options{})
				c := w.Connection()
				f.When, f.Times = when, 1
				inject(t, w, f)
				tick := w.Tick()
				w.RequireAction(tick, "replayed")
				require.Len(t, tick.Posts, 2)
				c.RequireHealthy(1)
				w.RequireAction(w.Tick(), "idle")
			})
		}
	}
}

// Every answer of a whole tick is lost: the family is in doubt, the ledger and
// TOKEN_FAMILY say since when, and the next tick gets it back.
func TestAnswersLostForAWholeTick(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	inject(t, w, atlassiantest.Fault{Kind: atlassiantest.KindDrop, When: atlassiantest.After, Times: 3})
	begun := time.Now()
	tick := w.InvokeWithin(w.Function, `{}`, briefly)
	w.RequireAction(tick, "in_doubt")
	require.Len(t, tick.Posts, 3)
	failure := c.Record().LastFailure
	require.Equal(t, "ambiguous", failure.Class)
	require.WithinDuration(t, begun, failure.FirstSpend, 5*time.Second)
	require.True(t, failure.FirstSpend.Equal(c.Ledger().State.Intent.First))
	require.Equal(t, []float64{1}, w.Moto.Published(t, w.Namespace, "InDoubt"))

	w.Pass(5 * time.Minute)
	w.RequireAction(w.Tick(), "replayed")
	c.RequireHealthy(1)
	require.Equal(t, []float64{1, 0}, w.Moto.Published(t, w.Namespace, "InDoubt"))
}

// Requests that provably reached nobody are not in doubt.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	for _, after := range []string{"600", time.Now().Add(10 * time.Minute).UTC().Format(http.TimeFormat), ""} {
		t.Run("Retry-After "+after, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, world.Options{})
			c := w.Connection()
			inject(t, w, atlassiantest.Fault{Kind: atlassiantest.KindStatus, When: atlassiantest.Before,
				Status: http.StatusTooManyRequests, RetryAfter: after, Times: 1})
			limited := w.Tick()
			w.RequireAction(limited, "failed")
			require.Len(t, limited.Posts, 1)
			require.Nil(t, c.Ledger().State.Intent)
			require.Equal(t, "transient", c.Record().LastFailure.Class)

			w.Pass(5 * time.Minute)
			next := w.Tick()
			if after != "" {
				w.RequireAction(next, "failed")
				require.Empty(t, next.Posts, "Atlassian asked for ten minutes")
				w.Pass(6 * time.Minute)
				next = w.Tick()
			}
			w.RequireAction(next, "rotated")
			c.RequireHealthy(1)
		})
	}
}

// Nobody listens where Atlassian should be: nothing is spent, nothing in doubt.
func TestAtlassianCannotBeReached(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{Env: map[string]string{"ATLASSIAN_AUTH_URL": "http://127.0.0.1:1"}})
	c := w.Connection()
	tick := w.Tick()
	w.RequireAction(tick, "failed")
	require.Nil(t, c.Ledger().State.Intent)
	require.Equal(t, "transient", c.Record().LastFailure.Class)
}

// expires_in may hold anything. The pair is kept, and the access token's own claims
// decide how long it lives.
func TestOddExpiresIn(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "0", "-5", `"3600"`, "1e30", `"soon"`, "null"} {
		t.Run("expires_in "+value, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, world.Options{})
			inject(t, w, atlassiantest.Fault{Kind: atlassiantest.KindExpiresIn, When: atlassiantest.After,
				ExpiresIn: json.RawMessage(value), Times: 1})
			tick := w.Tick()
			o := w.RequireAction(tick, "rotated")
			require.InDelta(t, 3600, *o.AccessTokenSecondsRemaining, 30)
			require.Len(t, tick.Posts, 1)
			w.Connection().RequireHealthy(1)
			w.RequireAction(w.Tick(), "idle")
		})
	}
}

// A successor without an access token is kept, and nothing is written over the access
// token before it.
func TestAnswerWithoutAccessToken(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	access := c.Value(c.Names.AccessToken)
	inject(t, w, atlassiantest.Fault{Kind: atlassiantest.KindOmitAccess, When: atlassiantest.After, Times: 1})
	tick := w.Tick()
	w.RequireAction(tick, "rotated")
	require.Len(t, tick.Posts, 1)
	require.True(t, access == c.Value(c.Names.AccessToken))
	require.Equal(t, atlassiantest.StatusLive, c.Lookup(c.Names.RefreshToken).Status)
	w.Pass(5 * time.Minute)
	w.RequireAction(w.Tick(), "rotated")
	c.RequireHealthy(2)
}

// An answer without a refresh token: if Atlassian rotated, asking again brings
// the successor; if it did not, the old token is kept.
func TestAnswerWithoutRefreshToken(t *testing.T) {
	t.Parallel()
	t.Run("its successor was left out", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, world.Options{})
		inject(t, w, atlassiantest.Fault{Kind: atlassiantest.KindOmitRefresh, When: atlassiantest.After, Times: 1})
		tick := w.Tick()
		require.Contains(t, []string{"rotated", "replayed"}, w.Outcome(tick, w.Connection().Name).Action)
		require.Len(t, tick.Posts, 2)
		w.Connection().RequireHealthy(1)
	})
	t.Run("it did not rotate", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, world.Options{})
		c := w.Connection()
		seed := c.Value(c.Names.RefreshToken)
		inject(t, w, atlassiantest.Fault{Kind: atlassiantest.KindOmitRefresh, When: atlassiantest.Before, Times: 6})
		w.RequireAction(w.InvokeWithin(w.Function, `{}`, briefly), "in_doubt")
		w.Pass(5 * time.Minute)
		w.RequireAction(w.Tick(), "replayed")
		require.True(t, seed == c.Value(c.Names.RefreshToken), "the token is kept")
		require.Equal(t, atlassiantest.StatusLive, c.Lookup(c.Names.AccessToken).Status)
		w.RequireAction(w.Tick(), "idle")
		w.Pass(36 * time.Minute)
		w.RequireAction(w.Tick(), "rotated")
		require.False(t, seed == c.Value(c.Names.RefreshToken), "and then rotated")
		require.True(t, c.Family().Alive())
	})
}

// An answer whose refresh token is none, or the presented one, is as good as lost: the
// same tick asks again, and what stands in its place is saved nowhere.
func TestAnswerWithAnotherTextForItsToken(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]func(presented, token string) string{
		"redacted":      func(_, _ string) string { return "[REDACTED]" },
		"masked":        func(_, token string) string { return token[:6] + "****" },
		"a word":        func(_, _ string) string { return "null" },
		"quoted":        func(_, token string) string { return `"` + token + `"` },
		"the presented": func(presented, _ string) string { return presented },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, world.Options{Opaque: true})
			w.Atlassian.On(proxy.Rule{Operation: world.TokenEndpoint, Nth: 1, After: func(c *proxy.Call) {
				var request, answer map[string]any
				require.NoError(t, json.Unmarshal(c.Request, &request))
				require.NoError(t, json.Unmarshal(c.Answer, &answer))
				answer["refresh_token"] = text(request["refresh_token"].(string), answer["refresh_token"].(string))
				body, err := json.Marshal(answer)
				require.NoError(t, err)
				c.Reply(http.StatusOK, c.AnswerHeader, body)
			}})
			tick := w.Tick()
			require.Contains(t, []string{"rotated", "replayed"}, w.Outcome(tick, w.Connection().Name).Action)
			require.Len(t, tick.Posts, 2)
			w.Connection().RequireHealthy(1)
		})
	}
}

// Parameter Store fails. The received tokens stay in memory, and the same tick or
// the next one of this process saves them.
func TestSavesFail(t *testing.T) {
	t.Parallel()
	t.Run("throttled for a while", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, world.Options{})
		puts := 0
		w.AWS.On(proxy.Rule{Operation: "PutParameter", When: func(c *proxy.Call) bool {
			if !strings.HasSuffix(world.Parameter(c), "_TOKEN_LEDGER") {
				return false
			}
			puts++
			return puts > 2 && puts <= 10 // those of the settle
		}, Before: refuse(http.StatusBadRequest, "ThrottlingException")})
		tick := w.Tick()
		w.RequireAction(tick, "rotated")
		require.Len(t, tick.Posts, 1, "a failed save is no reason to spend again")
		w.Connection().RequireHealthy(1)
	})
	t.Run("for the whole tick", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, world.Options{})
		c := w.Connection()
		w.RequireAction(w.Tick(), "rotated")
		w.Pass(36 * time.Minute)
		puts := 0
		remove := w.AWS.On(proxy.Rule{Operation: "PutParameter", When: func(c *proxy.Call) bool {
			if writing("_TOKEN_LEDGER")(c) {
				puts++
			}
			return puts > 1 // but for the intent, everything
		}, Before: refuse(http.StatusBadRequest, "InternalServerError")})
		// A short time-out, for the test's sake: the function uses all of it.
		tick := w.InvokeWithin(w.Function, `{}`, 43*time.Second)
		w.RequireAction(tick, "failed")
		require.False(t, tick.Exited)
		require.Len(t, tick.Posts, 1)
		remove()
		next := w.Tick()
		w.RequireAction(next, "rotated") // the pair that it held is saved now
		require.Empty(t, next.Posts)
		c.RequireHealthy(2)
		require.Equal(t, 1, w.Function.Starts())
	})
	t.Run("the answer to a write is lost", func(t *testing.T) {
		t.Parallel()
		for _, put := range []struct {
			ending string
			nth    int
		}{{"_TOKEN_LEDGER", 1}, {"_TOKEN_LEDGER", 2}, {"_TOKEN_LEDGER", 3}, {"_REFRESH_TOKEN", 1}, {"_ACCESS_TOKEN", 1}, {"_TOKEN_FAMILY", 1}} {
			w := world.New(t, world.Options{})
			w.AWS.On(proxy.Rule{Operation: "PutParameter", When: writing(put.ending), Nth: put.nth, After: (*proxy.Call).Lose})
			tick := w.Tick()
			w.RequireAction(tick, "rotated")
			require.Len(t, tick.Posts, 1)
			w.Connection().RequireHealthy(1)
			w.RequireAction(w.Tick(), "idle")
		}
	})
	t.Run("no right to write", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, world.Options{})
		w.AWS.On(proxy.Rule{Operation: "PutParameter", Before: refuse(http.StatusBadRequest, "AccessDeniedException")})
		tick := w.Tick()
		w.RequireAction(tick, "failed")
		require.Empty(t, tick.Posts, "no intent, no spend")
	})
}
