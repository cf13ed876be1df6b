package library

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

const (
	root     = "../.."
	module   = "github.com/tokenkeeper/tokenkeeper"
	redirect = "http://localhost:9000/callback"
)

// file is a file of the document: its name in code, and the block below that.
var file = regexp.MustCompile("(?ms)^`([a-z_/]+\\.go)`:\n\n```go\n(.*?)^```$")

// build lays out the program of the document in a folder outside of the repository,
// beside the one that is killed, and builds both.
func build(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	text, err := os.ReadFile(filepath.Join(root, "docs/library.md"))
	require.NoError(t, err)
	files := file.FindAllStringSubmatch(string(text), -1)
	require.Len(t, files, 3)
	require.Equal(t, len(files), strings.Count(string(text), "```go\n"), "a block that no test runs")
	for _, f := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, f[1])), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, f[1]), []byte(f[2]), 0o600))
	}
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata")))
	path, err := filepath.Abs(root)
	require.NoError(t, err)
	run(t, dir, "go", "mod", "edit", "-replace", module+"="+path)
	require.Empty(t, run(t, dir, "gofmt", "-l", "."), "the document's code is not formatted")
	run(t, dir, "go", "vet", "./...")
	run(t, dir, "go", "build", "-o", "bin/", ".", "./killed")
	return dir
}

func run(t *testing.T, dir string, command ...string) string {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s:\n%s", strings.Join(command, " "), out)
	return string(out)
}

// world is an Atlassian whose clock the test moves, and a database of the program.
type world struct {
	t        *testing.T
	bin, dir string
	clock    *atlassiantest.Clock
	ahead    time.Duration
	emu      *atlassiantest.Emulator
	env      []string
	// shown is all that the processes printed.
	shown bytes.Buffer
}

// newWorld is one in which a person has just consented.
func newWorld(t *testing.T, program string, policy atlassiantest.Policy) *world {
	t.Helper()
	w := &world{t: t, bin: filepath.Join(program, "bin"), dir: t.TempDir(), clock: atlassiantest.NewClock(time.Now())}
	w.emu = atlassiantest.New(atlassiantest.Config{Clock: w.clock, Policy: &policy})
	fix, err := w.emu.AddFixture(redirect)
	require.NoError(t, err)
	server := atlassiantest.NewServer(w.emu)
	t.Cleanup(server.Close)
	w.env = append(os.Environ(), "ATLASSIAN_AUTH_URL="+server.URL, "ATLASSIAN_API_URL="+server.URL, "REDIRECT_URI="+redirect,
		"CLIENT_ID="+fix.App.ClientID, "CLIENT_SECRET="+fix.App.ClientSecret.Reveal())
	code, err := w.emu.Consent(atlassiantest.ConsentRequest{RedirectURI: redirect})
	require.NoError(t, err)
	consent := w.command("keep", "consent")
	consent.Stdin = strings.NewReader(code.Reveal() + "\n")
	out, err := consent.CombinedOutput()
	require.NoError(t, err, "%s", out)
	_, _ = w.shown.Write(out)
	return w
}

func (w *world) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(w.bin, name), args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	return cmd
}

// advance moves Atlassian's clock and that of the processes to come.
func (w *world) advance(d time.Duration) {
	w.clock.Advance(d)
	w.ahead += d
}

// tick is one process that makes one tick. It is killed where kill says so, and then
// prints nothing.
func (w *world) tick(kill string) (printed string, killed bool) {
	w.t.Helper()
	cmd := w.command("killed")
	cmd.Stderr = &w.shown
	cmd.Env = append(cmd.Env, "KILL="+kill, "OFFSET="+w.ahead.String())
	out, err := cmd.Output()
	_, _ = w.shown.Write(out)
	if err == nil {
		return string(out), false
	}
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	require.True(w.t, ok && status.Signaled() && status.Signal() == syscall.SIGKILL, "%v\n%s", err, w.shown.String())
	return string(out), true
}

// requireKept: the next processes find what the killed one left behind, and go on.
// None of the tokens was lost, and none was shown.
func (w *world) requireKept() {
	w.t.Helper()
	w.advance(3 * time.Minute) // a process that was killed is waited for, for two minutes
	w.tick("")
	w.advance(40 * time.Minute)
	printed, _ := w.tick("")
	require.Contains(w.t, printed, "rotated\n", w.shown.String())
	require.Contains(w.t, printed, "access token: <nil>\n")
	families := w.emu.Families()
	require.Len(w.t, families, 1)
	require.Nil(w.t, families[0].Death)
	require.NotContains(w.t, w.shown.String(), "eyJ", "a token is shown")
}

// TestLibrary builds the program once, and tries it.
func TestLibrary(t *testing.T) {
	dir := build(t)
	t.Run("the store passes the conformance suite", func(t *testing.T) {
		require.Contains(t, run(t, dir, "go", "test", "-v", "-count=1", "./sqlstore"), "--- PASS: TestStore/ledger/many_writers")
	})
	t.Run("the program rotates and stops", func(t *testing.T) { keeps(t, dir) })
	t.Run("a process is killed", func(t *testing.T) { kills(t, dir) })
	t.Run("several processes tick at once", func(t *testing.T) { together(t, dir) })
}

// keeps runs the document's program on the machine's clock, with access tokens that
// are due at once.
func keeps(t *testing.T, dir string) {
	policy := atlassiantest.DefaultPolicy()
	policy.AccessTokenLifetime = 20 * time.Minute
	w := newWorld(t, dir, policy)
	var printed bytes.Buffer
	cmd := w.command("keep")
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill() }()
	part := make([]byte, 4096)
	for !strings.Contains(printed.String(), "action=rotated") {
		n, err := stderr.Read(part)
		require.NoError(t, err, printed.String())
		_, _ = printed.Write(part[:n])
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	_, err = printed.ReadFrom(stderr)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait(), printed.String())
	require.NotContains(t, printed.String(), "eyJ", "a token is shown")
}

// kills kills a process at every call of a rotation, each time in a new world.
func kills(t *testing.T, dir string) {
	deaths := 0
	for _, when := range []string{"before", "after"} {
		for n := 0; ; n++ {
			w := newWorld(t, dir, atlassiantest.DefaultPolicy())
			w.advance(40 * time.Minute)
			at := fmt.Sprint(when, " ", n)
			printed, killed := w.tick(at)
			if !killed {
				require.Contains(t, printed, "rotated\n")
				require.GreaterOrEqual(t, n, 6, "reading, intending, presenting, settling and two copies are six calls")
				break
			}
			t.Run(at, func(*testing.T) { w.requireKept() })
			deaths++
		}
	}
	t.Logf("%d processes were killed, and no token was lost", deaths)
}

// together lets six processes tick at once, when a rotation is due: one of them
// rotates, and the others see that it does or that it has.
func together(t *testing.T, dir string) {
	const processes = 6
	w := newWorld(t, dir, atlassiantest.DefaultPolicy())
	w.advance(40 * time.Minute)
	printed := make(chan string, processes)
	for range processes {
		cmd := w.command("killed")
		cmd.Env = append(cmd.Env, "OFFSET="+w.ahead.String())
		go func() {
			out, err := cmd.CombinedOutput()
			printed <- fmt.Sprint(string(out), err)
		}()
	}
	rotations := 0
	for range processes {
		text := <-printed
		rotations += strings.Count(text, "\nrotated\n")
		require.Regexp(t, `\n(rotated|idle|contended)\n`, text)
		require.Contains(t, text, "access token: <nil>\n<nil>")
	}
	require.Equal(t, 1, rotations)
	w.requireKept()
}
