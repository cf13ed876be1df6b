package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// person sits at a terminal in which the program runs.
type person struct {
	t    *testing.T
	cmd  *exec.Cmd
	desk *os.File

	mu     sync.Mutex
	screen bytes.Buffer
	// read is how much of the screen was read so far.
	read int
	gone chan struct{}
}

// sitDown starts the program in a terminal.
func sitDown(t *testing.T, env []string, args ...string) *person {
	t.Helper()
	p := &person{t: t, cmd: exec.Command("tokenkeeper", args...), gone: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), append(env, "DISPLAY=", "WAYLAND_DISPLAY=", "WSL_DISTRO_NAME=")...)
	var err error
	p.desk, err = pty.StartWithSize(p.cmd, &pty.Winsize{Rows: 40, Cols: 100})
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.desk.Close()
	})
	go func() {
		defer close(p.gone)
		buffer := make([]byte, 4096)
		for {
			n, err := p.desk.Read(buffer)
			p.mu.Lock()
			p.screen.Write(buffer[:n])
			p.mu.Unlock()
			if err != nil {
				return // the program has ended
			}
		}
	}()
	return p
}

func (p *person) seen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.String()
}

// sees waits for a text that was not read before.
func (p *person) sees(text string) {
	p.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		screen := p.seen()
		if at := strings.Index(screen[p.read:], text); at >= 0 {
			p.read += at + len(text)
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%q did not appear; the screen shows:\n%s", text, screen)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (p *person) types(keys string) {
	p.t.Helper()
	_, err := p.desk.WriteString(keys)
	require.NoError(p.t, err)
}

// entersApp answers the two questions of the first consent.
func (p *person) entersApp(s *stage) {
	p.t.Helper()
	p.sees("Client id: ")
	p.types(s.fix.App.ClientID + "\r")
	p.sees("Client secret (is not shown): ")
	p.types(s.fix.App.ClientSecret.Reveal() + "\r")
}

// leaves waits for the program's end and returns its exit code.
func (p *person) leaves() int {
	p.t.Helper()
	select {
	case <-p.gone:
	case <-time.After(30 * time.Second):
		p.t.Fatalf("the program does not end; the screen shows:\n%s", p.seen())
	}
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	require.NoError(p.t, err)
	return 0
}

var authorizeForm = regexp.MustCompile(`https?://\S+/authorize\?\S+`)

// consents does in a browser on another machine what the screen asks for, and
// returns the address that the browser ends up at.
func (p *person) consents(site string) string {
	p.t.Helper()
	ended := filepath.Join(p.t.TempDir(), "ended")
	_ = browse(authorizeForm.FindString(p.seen()), "accept", site, ended) // nothing listens there
	address, err := os.ReadFile(ended)
	require.NoError(p.t, err)
	require.Contains(p.t, string(address), "code=")
	return string(address)
}

// stage is an Atlassian and the environment that leads to it.
type stage struct {
	*atlassiantest.Emulator
	fix atlassiantest.Fixture
	env []string
}

func newStage(t *testing.T, redirectURIs ...string) *stage {
	t.Helper()
	e := atlassiantest.New(atlassiantest.Config{})
	fix, err := e.AddFixture(redirectURIs...)
	require.NoError(t, err)
	server := atlassiantest.NewServer(e)
	t.Cleanup(server.Close)
	return &stage{e, fix, []string{"ATLASSIAN_AUTH_URL=" + server.URL, "ATLASSIAN_API_URL=" + server.URL}}
}

// The seed's way, in a remote shell: the address is shown, the one that the
// browser ends up at is pasted. Neither secret nor code is ever on the screen.
func TestAPersonConsentsByPasting(t *testing.T) {
	s := newStage(t)
	dir := filepath.Join(privateDir(t), "tokens")
	p := sitDown(t, s.env, "authorize", "--store", "file:"+dir, "--paste")
	p.entersApp(s)
	p.sees("Open this address")
	p.sees("Address (is not shown): ")

	for _, mistake := range []struct{ pasted, help string }{
		{"the site", "That is no address"},
		{"http://localhost/", "holds no answer"},
		{"http://localhost/?code=x&state=another", "belongs to another consent"},
		{authorizeForm.FindString(p.seen()), "That is the address to open"},
	} {
		p.types(mistake.pasted + "\r")
		p.sees(mistake.help)
		p.sees("Address (is not shown): ")
	}
	address := p.consents("")
	p.types(address + "\r")
	p.sees("The consent is complete")
	p.sees(s.fix.Site.URL)
	p.sees("Every path answers")
	p.sees(`jira_cloud_id = "` + s.fix.Site.CloudID + `"`)
	require.Zero(t, p.leaves())

	require.Contains(t, p.seen(), s.fix.App.ClientID)
	require.NotContains(t, p.seen(), s.fix.App.ClientSecret.Reveal())
	code := regexp.MustCompile(`code=([^&]+)`).FindStringSubmatch(address)[1]
	require.NotContains(t, p.seen(), code)
	require.NotContains(t, p.seen(), code[len(code)-40:])
	live := s.LiveTokens()
	require.NotEmpty(t, live)
}

// The browser is on this machine. Its answer ends the wait for a pasted address.
// What was typed until then is dropped, and the next question begins with an empty
// line.
func TestTheBrowserAnswersByItself(t *testing.T) {
	redirect := "http://localhost:" + strconv.Itoa(freePort(t)) + "/callback"
	s := newStage(t, redirect)
	other, err := s.AddSite(atlassiantest.Site{Name: "other"}, s.fix.Account.ID)
	require.NoError(t, err)
	_, err = s.Authorize(atlassiantest.ConsentRequest{CloudID: other.CloudID})
	require.NoError(t, err)
	dir := filepath.Join(privateDir(t), "tokens")
	p := sitDown(t, s.env, "authorize", "--store", "file:"+dir, "--redirect-uri", redirect)
	p.entersApp(s)
	p.sees("The answer comes here by itself.")
	p.sees("Address (is not shown): ")
	p.types("half an addr")
	require.NoError(t, browse(authorizeForm.FindString(p.seen()), "accept", s.fix.Site.CloudID, ""))
	p.sees("Which site? [1-2] ")
	p.types("1\r")
	p.sees("The consent is complete")
	p.sees("Every path answers")
	require.Zero(t, p.leaves())
}

// Ctrl-C at any question ends with 130, and the store is as it was.
func TestCtrlCChangesNothing(t *testing.T) {
	s := newStage(t)
	for name, until := range map[string]func(p *person){
		"at the client id": func(p *person) { p.sees("Client id: ") },
		"at the client secret": func(p *person) {
			p.sees("Client id: ")
			p.types("id\r")
			p.sees("Client secret (is not shown): ")
			p.types("half a sec")
		},
		"at the address": func(p *person) {
			p.entersApp(s)
			p.sees("Address (is not shown): ")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := privateDir(t)
			p := sitDown(t, s.env, "authorize", "--store", "file:"+dir, "--paste")
			until(p)
			p.types("\x03")
			p.sees("interrupted; nothing that is in use was changed")
			require.Equal(t, exitInterrupted, p.leaves())
			for _, parameter := range []string{"CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN", "ACCESS_TOKEN", "TOKEN_FAMILY", "CLOUD_ID", "OAUTH_REFRESH_TOKEN_lock"} {
				require.NoFileExists(t, filepath.Join(dir, "PSOXY_JIRA_CLOUD_"+parameter+".json"))
			}
		})
	}
}

// SIGTERM while it waits is the same.
func TestSIGTERMChangesNothing(t *testing.T) {
	s := newStage(t)
	p := sitDown(t, s.env, "authorize", "--store", "file:"+privateDir(t), "--paste")
	p.sees("Client id: ")
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Equal(t, exitInterrupted, p.leaves())
}

// Several sites at the first consent, and another site later: the person decides.
func TestAPersonDecides(t *testing.T) {
	s := newStage(t)
	other, err := s.AddSite(atlassiantest.Site{Name: "other"}, s.fix.Account.ID)
	require.NoError(t, err)
	_, err = s.Authorize(atlassiantest.ConsentRequest{CloudID: other.CloudID})
	require.NoError(t, err)
	dir := filepath.Join(privateDir(t), "tokens")
	authorize := func(more ...string) *person {
		return sitDown(t, s.env, append([]string{"authorize", "--store", "file:" + dir, "--paste", "--no-verify"}, more...)...)
	}

	p := authorize()
	p.entersApp(s)
	p.sees("Address (is not shown): ")
	p.types(p.consents(s.fix.Site.CloudID) + "\r")
	p.sees("Which site? [1-2] ")
	p.types("3\r")
	p.sees("That is not one of them.")
	p.sees("Which site? [1-2] ")
	number := "2"
	if strings.Contains(p.seen(), "1  "+s.fix.Site.URL) {
		number = "1"
	}
	p.types(number + "\r")
	p.sees("The consent is complete")
	p.sees(s.fix.Site.URL)
	require.Zero(t, p.leaves())

	for _, answer := range []string{"n", "y"} {
		p = authorize("--site", other.URL)
		p.sees("Address (is not shown): ")
		p.types(p.consents(other.CloudID) + "\r")
		p.sees("Use it all the same? [y/N] ")
		p.types(answer + "\r")
		if answer == "n" {
			p.sees("not confirmed: what was in use stays in use")
			require.Equal(t, exitFailed, p.leaves())
			continue
		}
		p.sees("The consent is complete")
		p.sees(other.URL)
		require.Zero(t, p.leaves())
	}
}

// Atlassian fails after the exchange: the tokens wait, and trying again goes on
// with them.
func TestAPersonTriesAgain(t *testing.T) {
	s := newStage(t)
	dir := filepath.Join(privateDir(t), "tokens")
	p := sitDown(t, s.env, "authorize", "--store", "file:"+dir, "--paste", "--no-verify")
	p.entersApp(s)
	p.sees("Address (is not shown): ")
	require.NoError(t, s.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointResources, When: atlassiantest.Before, Kind: atlassiantest.KindStatus, Status: 503, Times: 1}))
	p.types(p.consents("") + "\r")
	p.sees("Atlassian does not say which sites")
	p.sees("Try again? [y/N] ")
	p.types("y\r")
	p.sees("The consent is complete")
	require.Zero(t, p.leaves())
}

// freePort is a port that was free a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().(*net.TCPAddr).Port
}
