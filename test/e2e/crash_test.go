package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

// SIGKILL after Atlassian has answered and before the new refresh token is
// saved: the successor is gone for good, and the next tick replays inside the
// leeway.
func TestKilledBetweenPostAndSave(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	w.RequireAction(w.Tick(), "rotated")
	w.Pass(36 * time.Minute)
	before := c.Value(c.Names.RefreshToken)

	w.AWS.On(proxy.Rule{Operation: "PutParameter", When: writing("_REFRESH_TOKEN"), Nth: 1, Before: killed(w)})
	dying := w.Tick()
	require.True(t, dying.Exited)
	require.Equal(t, "Runtime.ExitError", dying.Error.Type)
	require.Equal(t, before, c.Value(c.Names.RefreshToken), "the successor must not have been saved")
	require.Equal(t, atlassiantest.StatusReusable, c.Lookup(c.Names.RefreshToken).Status, "the token is spent")
	require.NotNil(t, c.Parameter(c.Names.Lock), "the intent stays")

	// At once, the dead process's lock still counts.
	soon := w.Tick()
	w.RequireAction(soon, "contended")
	require.Empty(t, soon.Posts)

	w.Pass(5 * time.Minute)
	next := w.Tick()
	w.RequireAction(next, "replayed")
	require.Len(t, next.Posts, 1)
	c.RequireHealthy(2)
	w.RequireAction(w.Tick(), "idle")
	w.Pass(36 * time.Minute)
	w.RequireAction(w.Tick(), "rotated")
	c.RequireHealthy(3)
}

// SIGKILL at every call that a rotation makes, before it takes effect and
// after: a tick five minutes later always puts things right, without a loss.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	steps := []struct {
		name, operation, ending string
		nth                     int
	}{
		{"read", "GetParameters", "", 1},
		{"intend", "PutParameter", "_lock", 1},
		{"verify", "GetParameters", "", 2},
		{"spend", world.TokenEndpoint, "", 1},
		{"save refresh token", "PutParameter", "_REFRESH_TOKEN", 1},
		{"save access token", "PutParameter", "_ACCESS_TOKEN", 1},
		{"save record", "PutParameter", "_TOKEN_FAMILY", 1},
		{"release", "DeleteParameter", "_lock", 1},
		{"report", "PutMetricData", "", 1},
	}
	for _, step := range steps {
		for _, after := range []bool{false, true} {
			name := "before " + step.name
			if after {
				name = "after " + step.name
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := world.New(t, world.Options{})
				c := w.Connection()
				w.RequireAction(w.Tick(), "rotated")
				w.Pass(36 * time.Minute)

				rule := proxy.Rule{Operation: step.operation, When: writing(step.ending), Nth: step.nth}
				if after {
					rule.After = killed(w)
				} else {
					rule.Before = killed(w)
				}
				through := w.AWS
				if step.operation == world.TokenEndpoint {
					through = w.Atlassian
				}
				through.On(rule)
				dying := w.Tick()
				require.True(t, dying.Exited, "the rule must have struck")

				w.Pass(5 * time.Minute)
				next := w.Tick()
				require.Nil(t, next.Error, "log:\n%s", next.Logs)
				require.LessOrEqual(t, len(dying.Posts)+len(next.Posts), 2)
				o := w.Outcome(next, c.Name)
				require.Contains(t, []string{"idle", "rotated", "replayed"}, o.Action, o.Reason)
				requireKept(t, w, c, o)

				w.Pass(36 * time.Minute)
				w.RequireAction(w.Tick(), "rotated")
				c.RequireHealthy(o.Generation + 1)
			})
		}
	}
}

// requireKept is what must hold after a tick that met what a crash had left. A
// lock without a doubt in it may stay: it is stale, and its token is not the newest.
func requireKept(t *testing.T, w *world.World, c *world.Connection, o world.Outcome) {
	t.Helper()
	require.True(t, c.Family().Alive(), "%+v", c.Family().Death)
	require.Equal(t, atlassiantest.StatusLive, c.Lookup(c.Names.RefreshToken).Status)
	require.Equal(t, atlassiantest.StatusLive, c.Lookup(c.Names.AccessToken).Status)
	require.GreaterOrEqual(t, *o.AccessTokenSecondsRemaining, 25*60.0)
	require.Len(t, w.Emulator.Families(), 1)
}

// Killed right after the spend, and nothing ran until the leeway was over. What
// can be known then: if the spend never arrived, the token still works; if it
// did, the family is lost, and that is said once and not hammered.
func TestNothingRanUntilTheLeewayWasOver(t *testing.T) {
	t.Parallel()
	t.Run("the spend never arrived", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, world.Options{})
		c := w.Connection()
		w.Atlassian.On(proxy.Rule{Operation: world.TokenEndpoint, Nth: 1, Before: killed(w)})
		require.True(t, w.Tick().Exited)
		w.Pass(45 * time.Minute)
		late := w.Tick()
		w.RequireAction(late, "replayed")
		require.Len(t, late.Posts, 1)
		c.RequireHealthy(1)
	})
	t.Run("the spend arrived", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, world.Options{})
		c := w.Connection()
		w.Atlassian.On(proxy.Rule{Operation: world.TokenEndpoint, Nth: 1, After: killed(w)})
		require.True(t, w.Tick().Exited)
		w.Pass(45 * time.Minute)
		late := w.Tick()
		w.RequireAction(late, "refused")
		require.Len(t, late.Posts, 1)
		require.Equal(t, atlassiantest.CauseReplayedAfterReuseInterval, c.Family().Death.Cause)
		for range 3 {
			w.Pass(5 * time.Minute)
			stopped := w.Tick()
			w.RequireAction(stopped, "refused")
			require.Empty(t, stopped.Posts)
		}
	})
}

// A tick that does not end is killed at its deadline; the next one goes on.
func TestDeadline(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	stuck := make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	remove := w.AWS.On(proxy.Rule{Operation: "GetParameters", Before: func(*proxy.Call) { <-stuck }})
	res, err := w.Function.Invoke(t.Context(), []byte(`{}`), 2*time.Second)
	require.NoError(t, err)
	require.NotNil(t, res.Error)
	remove()
	require.Empty(t, w.Atlassian.Calls())
	w.RequireAction(w.Tick(), "rotated")
	c.RequireHealthy(1)
}

// With too little time for a token request and for saving its answer, nothing
// is spent.
func TestTooLittleTimeToSpend(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	res, err := w.Function.Invoke(t.Context(), []byte(`{}`), 30*time.Second)
	require.NoError(t, err)
	require.NotNil(t, res.Error)
	require.Contains(t, res.Error.Message, "time-out")
	require.Empty(t, w.Atlassian.Calls())
	require.Nil(t, c.Parameter(c.Names.Lock))
	w.RequireAction(w.Tick(), "rotated")
}
