package gcp

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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

// service is the built binary as Cloud Run runs it: a process that lives on.
type service struct {
	*world
	cmd     *exec.Cmd
	address string
	// out and log are files, so that all is there once it has answered.
	out, log *os.File
}

// take returns what was written to a file since the last time.
func take(t *testing.T, f *os.File) []byte {
	t.Helper()
	text, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	require.NoError(t, f.Truncate(0))
	return text
}

// file is an empty one, to which a process appends.
func (w *world) file() *os.File {
	f, err := os.OpenFile(filepath.Join(w.TempDir(), "output"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(w, err)
	w.Cleanup(func() { _ = f.Close() })
	return f
}

func (w *world) serve() *service {
	w.Helper()
	binary, err := built()
	require.NoError(w, err)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(w, err)
	port := free.Addr().(*net.TCPAddr).Port
	require.NoError(w, free.Close())
	s := &service{world: w, cmd: exec.Command(binary, "serve"), address: "http://127.0.0.1:" + strconv.Itoa(port), out: w.file(), log: w.file()}
	s.cmd.Env = append(w.environment(), "PORT="+strconv.Itoa(port))
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.log
	require.NoError(w, s.cmd.Start())
	w.Cleanup(func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() })
	require.Eventually(w, func() bool {
		answer, err := http.Get(s.address)
		if err == nil {
			_ = answer.Body.Close()
		}
		return err == nil && answer.StatusCode == http.StatusMethodNotAllowed
	}, 10*time.Second, 10*time.Millisecond, "nobody listens")
	return s
}

// post asks for a tick as Cloud Scheduler does.
func (s *service) post() (code int) {
	answer, err := http.Post(s.address, "", nil)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return answer.StatusCode
}

// requireTick asks for a tick, and tells what became of it.
func (s *service) requireTick(code int, action string) {
	s.Helper()
	require.Equal(s, code, s.post())
	out, log := take(s.T, s.out), take(s.T, s.log)
	for _, secret := range s.known {
		require.NotContains(s, string(out)+string(log), secret)
	}
	var report struct{ Connections []struct{ Action string } }
	require.NoError(s, json.Unmarshal(out, &report), "%s", log)
	require.Equal(s, action, report.Connections[0].Action, "%s", log)
}

// TestTheService: one process makes all ticks, and a tick of which nothing changed
// costs half of the accesses.
func TestTheService(t *testing.T) {
	t.Parallel()
	w, _ := kept(t)
	s := w.serve()
	s.requireTick(200, "rotated")
	s.requireTick(200, "idle") // publishes TOKEN_FAMILY
	s.requireTick(200, "idle") // reads that back
	w.secrets.Calls()
	s.requireTick(200, "idle")
	require.Equal(t, map[string]int{"AccessSecretVersion": 7, "GetSecretVersion": 7, "GetSecret": 1}, w.secrets.Calls())
	for range 3 {
		w.pass(36 * time.Minute)
		s.requireTick(200, "rotated")
		w.requireCurrent()
		s.requireTick(200, "idle")
	}
	w.consent()
	s.requireTick(200, "rotated")
	w.requireCurrent()
	require.Len(t, w.monitoring.Points(cloudmonitoring.Metric{Type: monitoringsink.Prefix + metrics.Heartbeat}), 11)
}

// TestAFailedTickOfTheService answers 500, which an alert counts.
func TestAFailedTickOfTheService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seed()
	s := w.serve()
	w.monitoring.Fail(false, status.Error(codes.PermissionDenied, "no"))
	require.Equal(t, 500, s.post())
	take(t, s.out)
	require.Contains(t, string(take(t, s.log)), `"severity":"ERROR"`)
	s.requireTick(200, "idle")
	w.requireCurrent()
}

// TestTheServiceIsStopped: during a tick. It answers and saves first, and another
// request meanwhile is turned away.
func TestTheServiceIsStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seed()
	s := w.serve()
	other := make(chan int, 1)
	w.front.On(proxy.Rule{Operation: tokenEndpoint, Before: func(*proxy.Call) {
		other <- s.post()
		require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	}})
	require.Equal(t, 200, s.post())
	require.Equal(t, http.StatusTooManyRequests, <-other)
	require.NoError(t, s.cmd.Wait())
	w.requireCurrent()
	require.Equal(t, 0, s.post(), "nobody listens any more")
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
