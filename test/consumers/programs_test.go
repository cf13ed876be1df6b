package consumers

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
)

// program is a block of the document that can be run.
type program struct {
	language, file string
	// prepare makes a folder, which holds the file already, ready. It returns the
	// command line.
	prepare func(t *testing.T, dir string) []string
}

var programs = []program{
	{"go", "main.go", buildGo},
	{"python", "issues.py", func(t *testing.T, _ string) []string { return []string{installed(t, ".venv/bin/python"), "issues.py"} }},
	{"javascript", "issues.mjs", func(t *testing.T, dir string) []string {
		require.NoError(t, os.Symlink(installed(t, "build/consumers/node/node_modules"), filepath.Join(dir, "node_modules")))
		return []string{"node", "issues.mjs"}
	}},
	{"java", "Issues.java", func(t *testing.T, dir string) []string {
		libraries := filepath.Join(installed(t, "build/consumers/java/lib"), "*")
		run(t, dir, "javac", "-Xlint:all,-processing", "-Werror", "-cp", libraries, "Issues.java")
		return []string{"java", "-cp", "." + string(os.PathListSeparator) + libraries, "Issues"}
	}},
	{"sh", "issues.sh", func(*testing.T, string) []string { return []string{"bash", "issues.sh"} }},
}

// installed is the whole path of what `make setup` and `make consumers` install.
func installed(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, path))
	require.NoError(t, err)
	_, err = os.Stat(path)
	require.NoError(t, err, "run `make consumers` first")
	return path
}

func run(t *testing.T, dir string, command ...string) {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s:\n%s", strings.Join(command, " "), out)
}

// buildGo compiles the program as a module outside of this repository.
func buildGo(t *testing.T, dir string) []string {
	for _, file := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join("testdata/go", file))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), content, 0o600))
	}
	const module = "github.com/tokenkeeper/tokenkeeper"
	run(t, dir, "go", "mod", "edit", "-replace", module+"="+installed(t, "."), "-replace", module+"/pkg/tokensource="+installed(t, "pkg/tokensource"))
	run(t, dir, "go", "vet", ".")
	run(t, dir, "go", "build", "-o", "issues", ".")
	return []string{"./issues"}
}

// start runs the program to its end.
func start(t *testing.T, w *world, dir string, command []string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(w.env(), "PATH="+installed(t, "build/consumers/aws/bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

var issueKey = regexp.MustCompile(`TK-\d`)

func TestPrograms(t *testing.T) {
	sources := blocks(t)
	for _, p := range programs {
		t.Run(p.language, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, p.file), []byte(sources[p.language]), 0o600))
			command := p.prepare(t, dir)
			t.Run("lists issues by a bare token", func(t *testing.T) {
				w := newWorld(t, psoxy.Raw)
				requireIssues(t, w, dir, command)
				requireTraffic(t, w, 1, 1)
			})
			t.Run("reads again when the token is rotated meanwhile, in psoxy's form", func(t *testing.T) {
				w := newWorld(t, psoxy.JSON)
				rotated := make(chan error, 1)
				w.api.On(proxy.Rule{Nth: 1, Before: func(*proxy.Call) { rotated <- w.rotate(context.Background()) }})
				requireIssues(t, w, dir, command)
				require.NoError(t, <-rotated)
				requireTraffic(t, w, 2, 2)
			})
			t.Run("fails when the token is refused and no other is stored", func(t *testing.T) {
				w := newWorld(t, psoxy.Raw)
				w.clock.Advance(time.Hour)
				stdout, stderr, err := start(t, w, dir, command)
				require.Error(t, err)
				require.Contains(t, stderr, "401")
				require.Empty(t, stdout)
				requireNoSecret(t, w, stderr)
				requireTraffic(t, w, 2, 1)
			})
		})
	}
}

func requireIssues(t *testing.T, w *world, dir string, command []string) {
	t.Helper()
	stdout, stderr, err := start(t, w, dir, command)
	require.NoError(t, err, "%s%s", stdout, stderr)
	require.Equal(t, []string{"TK-1", "TK-2", "TK-3"}, issueKey.FindAllString(stdout, -1), stderr)
	requireNoSecret(t, w, stdout+stderr)
}

func requireNoSecret(t *testing.T, w *world, text string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.NotEmpty(t, w.secrets)
	for _, secret := range w.secrets {
		require.False(t, strings.Contains(text, secret), "the program shows a token")
	}
}

// requireTraffic: the site's id was read once, the access token so often, nothing
// else was asked of AWS, and Jira was asked so often.
func requireTraffic(t *testing.T, w *world, tokens, requests int) {
	t.Helper()
	reads, err := w.reads()
	require.NoError(t, err)
	want := []string{w.names.CloudID}
	for range tokens {
		want = append(want, w.names.AccessToken)
	}
	require.ElementsMatch(t, want, reads)
	require.Len(t, w.requests(), requests)
}

// TestShellArguments: the shell's own trace shows what it gives to other programs.
func TestShellArguments(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "issues.sh"), []byte(blocks(t)["sh"]), 0o600))
	w := newWorld(t, psoxy.JSON)
	_, trace, err := start(t, w, dir, []string{"bash", "-x", "issues.sh"})
	require.NoError(t, err)
	started := map[string]int{}
	for line := range strings.Lines(trace) {
		command, arguments, _ := strings.Cut(strings.TrimLeft(line, "+ "), " ")
		switch command {
		case "aws", "curl", "jq":
			started[command]++
			requireNoSecret(t, w, arguments)
		}
	}
	require.Equal(t, map[string]int{"aws": 2, "curl": 1, "jq": 2}, started)
	require.True(t, strings.Contains(trace, w.token.Access.Reveal()), "the trace would show a token")
}
