package gcp

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// instance is one of Cloud Run's service: the built binary, which lives on between
// requests.
type instance struct {
	cmd     *exec.Cmd
	address string
	// out and log are files, so that all is there once it has answered.
	out, log *os.File
	// ended is closed when the process is gone.
	ended chan struct{}
}

// start starts an instance, as Cloud Run does at a request where there is none.
func (w *world) start() *instance {
	w.Helper()
	binary, err := built()
	require.NoError(w, err)
	i := &instance{cmd: exec.Command(binary, "serve"), out: appended(w.T), log: appended(w.T), ended: make(chan struct{})}
	i.cmd.Env = append(w.environment(), "PORT=0")
	i.cmd.Stdout, i.cmd.Stderr = i.out, i.log
	require.NoError(w, i.cmd.Start())
	go func() { defer close(i.ended); _ = i.cmd.Wait() }()
	w.Cleanup(func() { _ = i.cmd.Process.Kill(); <-i.ended })
	require.Eventually(w, func() bool {
		i.address = listensAt(i.log)
		return i.address != ""
	}, 20*time.Second, 5*time.Millisecond, "nobody listens")
	take(w.T, i.log)
	w.running.Store(i)
	return i
}

// listensAt is where the service says it listens, or empty.
func listensAt(log *os.File) string {
	text, _ := os.ReadFile(log.Name())
	for line := range strings.Lines(string(text)) {
		var said struct{ Message, Address string }
		if json.Unmarshal([]byte(line), &said) != nil || said.Message != "the service listens" {
			continue
		}
		if _, port, err := net.SplitHostPort(said.Address); err == nil {
			return "http://127.0.0.1:" + port
		}
	}
	return ""
}

// appended is an empty file, to which a process appends.
func appended(t *testing.T) *os.File {
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "output"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// take returns what was written to a file since the last time.
func take(t *testing.T, f *os.File) string {
	t.Helper()
	text, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	require.NoError(t, f.Truncate(0))
	return string(text)
}

// post asks for a tick as Cloud Scheduler does; 0 is no answer.
func (i *instance) post() (code int) {
	answer, err := http.Post(i.address, "", nil)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return answer.StatusCode
}

// tick is what became of one.
type tick struct {
	action, reason, output string
	generation             int
	// code is the answer's; 0 where the instance was killed.
	code int
}

// tick asks for one, of a new instance where none runs.
func (w *world) tick() tick {
	w.Helper()
	i := w.running.Load()
	if i == nil {
		i = w.start()
	}
	t := tick{code: i.post()}
	if t.code == 0 {
		<-i.ended
		w.running.Store(nil)
	}
	out, log := take(w.T, i.out), take(w.T, i.log)
	t.output = out + log
	for _, secret := range w.known {
		require.NotContains(w, t.output, secret)
	}
	if t.code == 0 {
		return t
	}
	var report struct {
		Connections []struct {
			Action, Reason string
			Generation     int
		}
	}
	require.NoError(w, json.Unmarshal([]byte(out), &report), t.output)
	require.Len(w, report.Connections, 1, t.output)
	c := report.Connections[0]
	t.action, t.reason, t.generation = c.Action, c.Reason, c.Generation
	return t
}

// requireAction ticks once.
func (w *world) requireAction(action string) tick {
	w.Helper()
	t := w.tick()
	require.Equal(w, action, t.action, t.output)
	return t
}

// kill ends the instance at once.
func (i *instance) kill() { _ = i.cmd.Process.Kill() }

// stop ends the instance, as Cloud Run does at its own time; the next request meets a
// new one.
func (w *world) stop() {
	w.Helper()
	i := w.running.Swap(nil)
	require.NoError(w, i.cmd.Process.Signal(syscall.SIGTERM))
	<-i.ended
}
