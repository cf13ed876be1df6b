package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// TestMain puts this program into the PATH of the tests as "tokenkeeper", and a
// browser as "xdg-open": both are this test binary under another name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tokenkeeper": main, "xdg-open": browserMain})
}

// TestScripts runs testdata/script: each tells one story of the command line.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"emulator": scriptEmulator, "seed": scriptSeed, "site": scriptSite, "advance": scriptAdvance, "freeport": scriptFreePort,
			"age": scriptAge, "put": scriptPut, "copy": scriptCopy, "fault": scriptFault, "heal": scriptHeal, "revoke": scriptRevoke, "conforms": scriptConforms},
		Setup: func(e *testscript.Env) error {
			schemas, err := filepath.Abs("../../docs/schema")
			if err != nil {
				return err
			}
			e.Setenv("SCHEMAS", schemas)
			e.Setenv("NOW", time.Now().UTC().Format(time.RFC3339))
			e.Setenv("DISPLAY", ":0") // there is a desktop, and xdg-open is ours
			e.Values[scriptedKey{}] = new(*scripted)
			return nil
		},
	})
}

func TestExitCodes(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code int
	}{
		{[]string{"--help"}, 0},
		{[]string{"demons"}, exitUsage},
		{[]string{"status", "--no-such-flag"}, exitUsage},
		{[]string{"status", "extra"}, exitUsage},
		{[]string{"status", "--store", "s3"}, exitUsage},
		{[]string{"status", "--store", "file:"}, exitUsage},
		{[]string{"status", "--store", "file:" + privateDir(t)}, 2},
		{[]string{"status", "--every", "1s"}, exitUsage},
		{[]string{"status", "--watch", "--every", "1ms"}, exitUsage},
		{[]string{"completion", "foo"}, exitUsage},
		{[]string{"completion", "bash", "x"}, exitUsage},
		{[]string{"help", "nonsense"}, exitUsage},
		{[]string{"help", "status", "x"}, exitUsage},
		{[]string{"help", "status"}, 0},
		{[]string{"runbook", "nonsense"}, exitUsage},
		{[]string{"adopt", "--store", "file:" + privateDir(t)}, exitUsage},
		{[]string{"set-secret", "--store", "file:" + privateDir(t)}, exitFailed},
		{[]string{"doctor", "--store", "s3"}, exitUsage},
		{[]string{"where", "--json", "--region"}, exitUsage},
		{[]string{"tick", "--function", "f", "--store", "file:x"}, exitUsage},
		{[]string{"status", "--connection", "no-separator", "--store", "file:" + t.TempDir()}, exitUsage},
		{[]string{"verify", "--api-url", "http://example.com", "--store", "file:" + t.TempDir()}, exitUsage},
		{[]string{"verify", "--issue", "../x", "--store", "file:" + privateDir(t)}, exitUsage},
		{[]string{"verify", "--cloud-id", "../x", "--store", "file:" + privateDir(t)}, exitUsage},
		{[]string{"tick"}, exitUsage},
		{[]string{"tick", "--store", "file:" + filepath.Join(t.TempDir(), "misspelt")}, exitFailed},
		{[]string{"reencrypt", "--connection", "A_"}, exitUsage},
		{[]string{"reencrypt", "--key-id", "alias/x", "--store", "file:" + t.TempDir()}, exitUsage},
		{[]string{"emulate", "--clock", "sundial"}, exitUsage},
		{[]string{"emulate", "--listen", "0.0.0.0:0"}, exitUsage},
		{[]string{"simulate", "now"}, exitUsage},
		{[]string{"simulate", "--runs", "0"}, exitUsage},
		{[]string{"simulate", "--faults", "wild"}, exitUsage},
		{[]string{"simulate", "--scenario", "sunny-day"}, exitUsage},
		{[]string{"simulate", "--scenario", "clock-skew", "--days", "500"}, exitUsage},
		{[]string{"authorize", "--listen", "0.0.0.0:1"}, exitUsage},
		{[]string{"authorize", "--scopes-preset", "everything"}, exitUsage},
		{[]string{"authorize", "--redirect-uri", "ftp://x", "--store", "file:" + privateDir(t)}, exitUsage},
		{[]string{"authorize", "--scope", "read:jira-work", "--store", "file:" + privateDir(t)}, exitUsage},
		{[]string{"authorize", "--function", "f", "--store", "file:x"}, exitUsage},
		{[]string{"authorize", "--scope", "a", "--scopes-preset", "jira-psoxy"}, exitUsage},
		{[]string{"verify", "--store", "file:" + privateDir(t)}, exitFailed},
	} {
		require.Equal(t, tt.code, run(t.Context(), tt.args), "%v", tt.args)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	require.Equal(t, exitInterrupted, run(stopped, []string{"status", "--store", "file:" + privateDir(t)}))
}

// privateDir is a directory as the file store wants it.
func privateDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o700))
	return dir
}
