package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// A real process: it prints where it is and no secret, writes the secret to a
// private file, obeys the control API, and stops on SIGTERM.
func TestEmulateProcess(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		file := filepath.Join(t.TempDir(), "secret")
		require.NoError(t, os.WriteFile(file, []byte("old and readable by all"), 0o644))
		cmd := exec.Command("tokenkeeper", "emulate", "--listen", "127.0.0.1:0", "--clock", "manual", "--secret-file", file,
			"--redirect-uri", "http://localhost:9000/callback")
		stdout, err := cmd.StdoutPipe()
		require.NoError(t, err)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		require.NoError(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill() })

		printed := map[string]string{}
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			printed[name] = value
			if strings.HasPrefix(name, "Stop") {
				break
			}
		}
		secret, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotEmpty(t, secret)
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		require.Equal(t, "in the file "+file, printed["client secret"])
		require.NotEmpty(t, printed["cloud id"])

		base := printed["url"] + "/_emulator"
		require.Contains(t, fetch(t, "GET", base+"/apps/"+printed["client id"]+"/secret", ""), string(secret))
		require.Contains(t, fetch(t, "GET", base+"/directory", ""), "http://localhost:9000/callback")
		require.Contains(t, fetch(t, "POST", base+"/clock", `{"set":"2030-01-01T00:00:00Z"}`), `"now":"2030-01-01T00:00:00Z"`)

		require.NoError(t, cmd.Process.Signal(signal))
		rest, err := io.ReadAll(stdout)
		require.NoError(t, err)
		require.NoError(t, cmd.Wait(), stderr.String())
		for _, output := range []string{string(rest), stderr.String(), strings.Join(values(printed), " ")} {
			require.NotContains(t, output, string(secret))
		}
	}
}

func values(m map[string]string) []string {
	var list []string
	for _, v := range m {
		list = append(list, v)
	}
	return list
}

func fetch(t *testing.T, method, url, body string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	require.Equal(t, 200, res.StatusCode)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(text)
}

func TestEmulateRefusals(t *testing.T) {
	for expected, args := range map[string][]string{
		"not a loopback address":                        {"--listen", "0.0.0.0:0"},
		`"[::]:0", not a loopback`:                      {"--listen", "[::]:0"},
		`":0", not a loopback`:                          {"--listen", ":0"},
		`"example.com:0", not a loopback`:               {"--listen", "example.com:0"},
		"expected ADDRESS:PORT":                         {"--listen", "127.0.0.1"},
		"choose another port":                           {"--listen", "127.0.0.1:99999"},
		"expected real or manual":                       {"--clock", "sundial"},
		"expected https, or http":                       {"--redirect-uri", "http://app.example"},
		"--token-padding":                               {"--token-padding", "-1"},
		"--secret-file":                                 {"--listen", "127.0.0.1:0", "--secret-file", filepath.Join(t.TempDir(), "none", "secret")},
		"unexpected argument: emulate takes flags only": {"now"},
	} {
		cmd := newEmulateCommand()
		cmd.SetArgs(args)
		cmd.SilenceUsage, cmd.SilenceErrors = true, true
		cmd.SetOut(io.Discard)
		require.ErrorContains(t, cmd.ExecuteContext(t.Context()), expected)
	}
}

func TestListenRemoteWhenAllowed(t *testing.T) {
	l, err := listenLocal(t.Context(), "0.0.0.0:0", true)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	for _, local := range []string{"localhost:0", "127.0.0.2:0"} {
		l, err = listenLocal(t.Context(), local, false)
		require.NoError(t, err)
		require.NoError(t, l.Close())
	}
}

func TestSecretFileHoldsTheSecretAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, writeSecretFile(file, atlassian.NewSecret("made up")))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "made up", string(text))
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}
