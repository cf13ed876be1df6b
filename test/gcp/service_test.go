package gcp

import (
	"net/http"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics/monitoringsink"
	"github.com/tokenkeeper/tokenkeeper/test/cloudmonitoring"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
)

// TestTheService: one process makes all ticks, and a tick of which nothing changed
// costs half of the accesses.
func TestTheService(t *testing.T) {
	t.Parallel()
	w, _ := kept(t)
	w.requireAction("rotated")
	w.requireAction("idle") // publishes TOKEN_FAMILY
	w.requireAction("idle") // reads that back
	w.secrets.Calls()
	require.Equal(t, http.StatusOK, w.requireAction("idle").code)
	require.Equal(t, map[string]int{"AccessSecretVersion": 7, "GetSecretVersion": 7, "GetSecret": 1}, w.secrets.Calls())
	for range 3 {
		w.pass(36 * time.Minute)
		w.requireAction("rotated")
		w.requireCurrent()
		w.requireAction("idle")
	}
	w.consent()
	w.requireAction("rotated")
	w.requireCurrent()
	require.Len(t, w.monitoring.Points(cloudmonitoring.Metric{Type: monitoringsink.Prefix + metrics.Heartbeat}), 11)
}

// TestAFailedTickOfTheService answers 500, which an alert counts.
func TestAFailedTickOfTheService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seed()
	w.monitoring.Fail(false, status.Error(codes.PermissionDenied, "no"))
	failed := w.requireAction("rotated")
	require.Equal(t, http.StatusInternalServerError, failed.code)
	require.Contains(t, failed.output, `"severity":"ERROR"`)
	require.Equal(t, http.StatusOK, w.requireAction("idle").code)
	w.requireCurrent()
}

// TestTheServiceIsAsked: only by POST, which it says.
func TestTheServiceIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	answer, err := http.Get(w.start().address)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode)
	require.Equal(t, http.MethodPost, answer.Header.Get("Allow"))
	require.Empty(t, w.secrets.Calls())
}

// TestTheServiceIsStopped: during a tick. It answers and saves first, and another
// request meanwhile is turned away.
func TestTheServiceIsStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seed()
	i := w.start()
	other := make(chan int, 1)
	w.front.On(proxy.Rule{Operation: tokenEndpoint, Before: func(*proxy.Call) {
		other <- i.post()
		require.NoError(t, i.cmd.Process.Signal(syscall.SIGTERM))
	}})
	require.Equal(t, http.StatusOK, w.requireAction("rotated").code)
	require.Equal(t, http.StatusTooManyRequests, <-other)
	<-i.ended
	require.True(t, i.cmd.ProcessState.Success())
	w.requireCurrent()
	require.Equal(t, 0, i.post(), "nobody listens any more")
}

// TestAServiceThatCannotStart says why.
func TestAServiceThatCannotStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	binary, err := built()
	require.NoError(t, err)
	for change, says := range map[string]string{"PORT=http": `PORT is \"http\": expected a number`, "LOCATION=": "LOCATION is empty"} {
		cmd := exec.CommandContext(t.Context(), binary, "serve")
		cmd.Env = append(w.environment(), change)
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), says)
	}
}
