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

	w.AWS.On(proxy.Rule{Operation: "PutParameter", When: writing("_TOKEN_LEDGER"), Nth: 2, Before: killed(w)})
	dying := w.Tick()
	require.True(t, dying.Exited)
	require.Equal(t, "Runtime.ExitError", dying.Error.Type)
	require.True(t, before == c.Value(c.Names.RefreshToken), "the successor must not have been saved")
	require.Equal(t, atlassiantest.StatusReusable, c.Lookup(c.Names.RefreshToken).Status, "the token is spent")
	require.NotNil(t, c.Ledger().State.Intent, "the intent stays")

	// At once, the dead process's intent still counts.
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

// Killed right after the spend, and nothing ran until the leeway was over. What can
// be known then: if the spend never arrived, the token still works. If it did, the
// family is lost; that is reported, and the token is not presented at every tick.
func TestNothingRanUntilTheLeewayWasOver(t *testing.T) {
	t.Parallel()
	t.Run("the spend never arrived", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, world.Options{})
		c := w.Connection()
		w.Atlassian.On(proxy.Rule{Operation: world.TokenEndpoint, Nth: 1, Before: killed(w)})
		require.True(t, w.Tick().Exited)
		w.Pass(45 * time.Minute)
		late := lateTick(w)
		w.RequireAction(late, "replayed")
		require.Equal(t, 1, len(late.Posts))
		c.RequireHealthy(1)
	})
	t.Run("the spend arrived", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, world.Options{})
		c := w.Connection()
		w.Atlassian.On(proxy.Rule{Operation: world.TokenEndpoint, Nth: 1, After: killed(w)})
		require.True(t, w.Tick().Exited)
		w.Pass(45 * time.Minute)
		late := lateTick(w)
		w.RequireAction(late, "refused")
		require.Equal(t, 1, len(late.Posts))
		require.Equal(t, atlassiantest.CauseReplayedAfterReuseInterval, c.Family().Death.Cause)
		for n := range 4 {
			w.Pass(5 * time.Minute)
			stopped := w.Tick()
			w.RequireAction(stopped, "refused")
			require.Equal(t, min(1, max(0, 2-n)), len(stopped.Posts), "it is asked about twice more within minutes, since refusals have been mistaken")
		}
	})
}

// lateTick is a tick with the time that the template gives it: half a minute goes to a
// process that may still hold the successor.
func lateTick(w *world.World) *world.Tick {
	return w.InvokeWithin(w.Function, `{"action":"tick","scheduled_time":"2026-11-24T04:00:00Z"}`, 2*time.Minute)
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
	require.Nil(t, c.Ledger().State.Intent)
	w.RequireAction(w.Tick(), "rotated")
}
