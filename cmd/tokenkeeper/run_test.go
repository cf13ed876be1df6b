package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/filestore"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// service is "tokenkeeper run" as a process, on a directory of files.
type service struct {
	t       *testing.T
	kept    kept
	cmd     *exec.Cmd
	lines   *bufio.Scanner
	printed strings.Builder
	store   store.Store
	emu     *atlassiantest.Emulator
}

// kept is a store, with the argument and the environment that lead to it.
type kept struct {
	store store.Store
	flag  string
	env   []string
	// root begins the connections' names, which are named, or listed where it is set.
	root string
}

func (k kept) connection(name string) string { return k.root + name }

// arguments say which connections to keep.
func (k kept) arguments() []string {
	if k.root != "" {
		return []string{"--connections-path", "/ops/connections", "--parameter-path", k.root}
	}
	return []string{"--connection", "A_", "--connection", "B_"}
}

func inFiles(t *testing.T) kept {
	dir := privateDir(t)
	s, err := filestore.Open(dir)
	require.NoError(t, err)
	return kept{store: s, flag: "file:" + dir}
}

func inParameterStore(t *testing.T) kept {
	aws := moto.Start(t)
	return kept{store: ssmstore.New(ssmstore.NewClient(aws.AWSConfig()), "alias/aws/ssm", time.Now), flag: "ssm", env: aws.Env()}
}

// inList is Parameter Store where a parameter lists the connections.
func inList(t *testing.T) kept {
	in := inParameterStore(t)
	in.root = "/tokenkeeper/"
	_, err := in.store.Write(t.Context(), "/ops/connections/all", atlassian.NewSecret(in.connection("A_")+","+in.connection("B_")), store.Plain)
	require.NoError(t, err)
	return in
}

// startService seeds a connection whose rotation is due, and starts the program.
// before is called with every token request on its way, and may hold it.
func startService(t *testing.T, in kept, before func()) *service {
	t.Helper()
	s := &service{t: t, kept: in, store: in.store, emu: atlassiantest.New(atlassiantest.Config{})}
	fix, err := s.emu.AddFixture()
	require.NoError(t, err)
	server := atlassiantest.NewServer(s.emu)
	t.Cleanup(server.Close)
	to, err := url.Parse(server.URL)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(gate.Close)

	tokens, err := s.emu.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	n := family.NamesOf(in.connection("A_"))
	for name, value := range map[string]atlassian.Secret{n.ClientID: atlassian.NewSecret(fix.App.ClientID), n.ClientSecret: fix.App.ClientSecret, n.RefreshToken: tokens.Refresh} {
		_, err := s.store.Write(t.Context(), name, value, store.Encrypted)
		require.NoError(t, err)
	}

	s.cmd = exec.Command("tokenkeeper", append([]string{"run", "--store", in.flag, "--listen", "127.0.0.1:0"}, in.arguments()...)...)
	s.cmd.Env = append(append(os.Environ(), in.env...), "ATLASSIAN_AUTH_URL="+gate.URL, "ATLASSIAN_API_URL="+gate.URL)
	stderr, err := s.cmd.StderrPipe()
	require.NoError(t, err)
	s.lines = bufio.NewScanner(stderr)
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	return s
}

// logged reads the log up to a line whose fields are these, and returns it; nil at
// the log's end.
func (s *service) logged(fields map[string]string) map[string]any {
	s.t.Helper()
	for s.lines.Scan() {
		s.printed.WriteString(s.lines.Text() + "\n")
		var line map[string]any
		require.NoError(s.t, json.Unmarshal(s.lines.Bytes(), &line), s.lines.Text())
		is := true
		for name, value := range fields {
			is = is && line[name] == value
		}
		if is {
			return line
		}
	}
	return nil
}

// ends waits for the end, which must be a good one, and checks what was printed.
func (s *service) ends() {
	s.t.Helper()
	s.logged(map[string]string{"msg": "no such line"})
	require.NoError(s.t, s.cmd.Wait(), s.printed.String())
	require.Contains(s.t, s.printed.String(), `"msg":"stopped"`)
	n := family.NamesOf(s.kept.connection("A_"))
	for _, name := range []string{n.RefreshToken, n.AccessToken, n.ClientSecret} {
		history, err := s.store.History(s.t.Context(), name, 1)
		require.NoError(s.t, err)
		require.NotEmpty(s.t, history)
		for _, e := range history {
			require.False(s.t, strings.Contains(s.printed.String(), e.Value.Reveal()), "%s is shown", name)
		}
	}
}

// requireSaved: the stored tokens are the living ones.
func (s *service) requireSaved() {
	s.t.Helper()
	n := family.NamesOf(s.kept.connection("A_"))
	found, err := s.store.Read(s.t.Context(), n.RefreshToken, n.AccessToken)
	require.NoError(s.t, err)
	for _, name := range []string{n.RefreshToken, n.AccessToken} {
		info, known := s.emu.Lookup(found[name].Value)
		require.True(s.t, known, name)
		require.Equal(s.t, atlassiantest.StatusLive, info.Status, name)
	}
}

// TestRun: a process ticks at once, shows what it did, and stops when it is told.
func TestRun(t *testing.T) {
	for name, in := range map[string]func(*testing.T) kept{"files": inFiles, "Parameter Store": inParameterStore, "a list": inList} {
		t.Run(name, func(t *testing.T) { runs(t, in(t)) })
	}
}

func runs(t *testing.T, in kept) {
	s := startService(t, in, func() {})
	address, ok := s.logged(map[string]string{"msg": "serving /metrics and /healthz"})["address"].(string)
	require.True(t, ok)
	for range 2 { // the two connections, in any order
		require.NotNil(t, s.logged(map[string]string{"msg": "tick"}))
	}
	require.Contains(t, s.printed.String(), `"action":"rotated"`)
	require.Contains(t, s.printed.String(), `"action":"awaiting_consent"`)
	require.Contains(t, fetch(t, "GET", "http://"+address+"/healthz", ""), "ok")
	var shown string
	require.Eventually(t, func() bool { // the metrics follow the log
		shown = fetch(t, "GET", "http://"+address+"/metrics", "")
		return strings.Contains(shown, "tokenkeeper_connection_state")
	}, 10*time.Second, 10*time.Millisecond)
	require.Contains(t, shown, fmt.Sprintf(`tokenkeeper_connection_state{connection=%q,state="rotated"} 1`, in.connection("A_")))
	require.Contains(t, shown, fmt.Sprintf(`tokenkeeper_connection_state{connection=%q,state="awaiting_consent"} 1`, in.connection("B_")))
	require.Contains(t, shown, fmt.Sprintf(`tokenkeeper_rotations_total{connection=%q} 1`, in.connection("A_")))
	require.Contains(t, shown, fmt.Sprintf(`tokenkeeper_rotations_total{connection=%q} 0`, in.connection("B_")))
	s.requireSaved()
	s.printed.WriteString(shown)
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	s.ends()
}

// TestRunSavesBeforeItStops: told to stop while Atlassian has not answered yet, the
// process waits for the answer and saves it.
func TestRunSavesBeforeItStops(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(signal.String(), func(t *testing.T) {
			asked, answer := make(chan struct{}), make(chan struct{})
			s := startService(t, inFiles(t), func() {
				asked <- struct{}{}
				<-answer
			})
			<-asked
			require.NoError(t, s.cmd.Process.Signal(signal))
			require.NotNil(t, s.logged(map[string]string{"msg": "stopping: a rotation that is under way is saved first"}))
			close(answer)
			require.NotNil(t, s.logged(map[string]string{"msg": "tick", "action": "rotated"}))
			s.ends()
			s.requireSaved()
		})
	}
}

// TestRunWrongly: what cannot be served is found before the first tick.
func TestRunWrongly(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	files := "--store=file:" + privateDir(t)
	for name, tt := range map[string]struct {
		args []string
		code int
	}{
		"the port is taken":      {[]string{files, "--listen", taken.Addr().String()}, exitFailed},
		"no such directory":      {[]string{"--store", "file:" + filepath.Join(t.TempDir(), "misspelt")}, exitFailed},
		"no address":             {[]string{files, "--listen", "nowhere"}, exitFailed},
		"too often":              {[]string{files, "--every", "1s"}, exitUsage},
		"too seldom":             {[]string{files, "--every", "6m"}, exitUsage},
		"rotated too late":       {[]string{files, "--refresh-before", "5m"}, exitUsage},
		"rotated at every tick":  {[]string{files, "--refresh-before", "1h"}, exitUsage},
		"the same twice":         {[]string{files, "--connection", "A_,B_", "--connection", "A_"}, exitUsage},
		"no connection":          {[]string{files, "--connection", ""}, exitUsage},
		"not a connection":       {[]string{files, "--connection", "A"}, exitUsage},
		"not a path for ledgers": {[]string{files, "--ledger-path", "x"}, exitUsage},
		"a list in files":        {[]string{files, "--connections-path", "/ops", "--parameter-path", "/tokenkeeper/"}, exitUsage},
		"names and a list":       {[]string{"--connection", "A_", "--connections-path", "/ops", "--parameter-path", "/tokenkeeper/"}, exitUsage},
		"a list without a root":  {[]string{"--connections-path", "/ops"}, exitUsage},
		"a root without a list":  {[]string{"--parameter-path", "/tokenkeeper/"}, exitUsage},
		"a list among its own":   {[]string{"--connections-path", "/tokenkeeper", "--parameter-path", "/tokenkeeper/"}, exitUsage},
		"not a form":             {[]string{files, "--access-token-format", "xml"}, exitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tt.code, run(t.Context(), append([]string{"run"}, tt.args...)))
		})
	}
}

// TestPulse: what counts is that ticks end, however they end.
func TestPulse(t *testing.T) {
	now := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	h := newPulse(func() time.Time { return now }, 2*time.Minute)
	code := func(after time.Duration) int {
		now = now.Add(after)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, nil)
		return w.Code
	}
	require.Equal(t, http.StatusOK, code(0))
	require.Equal(t, http.StatusOK, code(8*time.Minute))
	require.Equal(t, http.StatusServiceUnavailable, code(time.Second))
	h.ticked(now)
	require.Equal(t, http.StatusOK, code(8*time.Minute))
}
