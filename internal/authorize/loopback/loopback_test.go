package loopback

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

const state = "the-state-of-this-consent"

// listen returns a callback on a free port and its redirect URI.
func listen(t *testing.T, path string) (*Callback, string) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := free.Addr().(*net.TCPAddr).Port
	require.NoError(t, free.Close())
	uri := fmt.Sprintf("http://localhost:%d%s", port, path)
	address, ok := Address(uri)
	require.True(t, ok)
	c, err := Listen(t.Context(), address, uri, atlassian.NewSecret(state))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c, uri
}

// visit is a browser that follows no redirect.
func visit(t *testing.T, method, url string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(body)
}

func TestCallbackTakesTheAnswerOnce(t *testing.T) {
	for _, path := range []string{"", "/", "/callback"} {
		c, uri := listen(t, path)
		back := uri + "?state=" + state + "&code=a%2Fcode"
		resp, body := visit(t, "GET", back)
		require.Equal(t, 200, resp.StatusCode)
		require.Contains(t, body, "Go back to your terminal")
		require.NotContains(t, body, state)
		require.NotContains(t, body, "a/code")
		require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
		require.Equal(t, "no-referrer", resp.Header.Get("Referrer-Policy"))
		require.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'")
		require.Equal(t, back, (<-c.Answer()).Reveal())
		visit(t, "GET", back)
	}
}

func TestCallbackTakesARefusal(t *testing.T) {
	c, uri := listen(t, "/")
	visit(t, "GET", uri+"?error=access_denied&state="+state)
	require.Contains(t, (<-c.Answer()).Reveal(), "error=access_denied")
}

// A stranger, a page in the same browser or a mistaken visit changes nothing:
// the right answer is still taken afterwards.
func TestCallbackSendsStrangersAway(t *testing.T) {
	c, uri := listen(t, "/callback")
	for query, status := range map[string]int{
		"":                                  400,
		"?code=x":                           400,
		"?state=" + state:                   400,
		"?state=guess&code=x":               400,
		"?state=" + state + "x&code=x":      400,
		"?state=x&state=" + state + "&code": 400,
		"/other?state=" + state + "&code=x": 404,
		"?state=" + state + "&code=" + strings.Repeat("x", maxQuery): 400,
	} {
		resp, _ := visit(t, "GET", uri+query)
		require.Equal(t, status, resp.StatusCode, query)
	}
	_, body := visit(t, "GET", uri+"?state=another&code=x")
	require.Contains(t, body, "paste it there")
	require.NotContains(t, body, "replaceState", "the address may be of use in another terminal")
	resp, _ := visit(t, "POST", uri+"?state="+state+"&code=x")
	require.Equal(t, 405, resp.StatusCode)
	require.Empty(t, c.Answer())
	visit(t, "GET", uri+"?state="+state+"&code=right")
	require.Contains(t, (<-c.Answer()).Reveal(), "code=right")
}

// A program that holds either address of localhost would get the answer.
func TestATakenPortIsAnError(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		other, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = other.Close() })
		uri := fmt.Sprintf("http://localhost:%d", other.Addr().(*net.TCPAddr).Port)
		address, _ := Address(uri)
		_, err = Listen(t.Context(), address, uri, atlassian.NewSecret(state))
		require.ErrorIs(t, err, syscall.EADDRINUSE, host)
	}
}

func TestAddress(t *testing.T) {
	for uri, want := range map[string]string{
		"http://localhost":              "127.0.0.1:80",
		"http://LocalHost:9000/cb":      "127.0.0.1:9000",
		"http://127.0.0.2:9000":         "127.0.0.2:9000",
		"http://[::1]:9000/":            "[::1]:9000",
		"https://localhost:9000":        "",
		"https://x.lambda-url.on.aws/c": "",
		"http://example.com":            "",
		"::":                            "",
	} {
		got, ok := Address(uri)
		require.Equal(t, want, got, uri)
		require.Equal(t, want != "", ok)
	}
	require.NoError(t, CheckAddress("127.0.0.1:0"))
	require.NoError(t, CheckAddress("localhost:80"))
	for _, bad := range []string{"0.0.0.0:80", ":80", "[::]:80", "10.0.0.1:80", "127.0.0.1", "example.com:80"} {
		require.Error(t, CheckAddress(bad), bad)
	}
	_, err := Listen(t.Context(), "0.0.0.0:0", "http://localhost", atlassian.NewSecret(state))
	require.ErrorContains(t, err, "loopback")
	_, err = Listen(t.Context(), "127.0.0.1:0", "http://localhost", atlassian.Secret{})
	require.Error(t, err)
}

// The launcher is a real process. What it was started with leads to the
// authorization page exactly once, and shows no state.
func TestOpenBrowser(t *testing.T) {
	dir := t.TempDir()
	noted := filepath.Join(dir, "arguments")
	script := "#!/bin/sh\nprintf %s \"$*\" > " + noted + ".part && mv " + noted + ".part " + noted + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(script), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("DISPLAY", ":0")

	target := "https://auth.example/authorize?state=" + state
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, OpenBrowser(ctx, target))
	arguments, err := os.ReadFile(noted)
	require.NoError(t, err)
	require.NotContains(t, string(arguments), state)
	require.True(t, strings.HasPrefix(string(arguments), "http://127.0.0.1:"))

	resp, _ := visit(t, "GET", string(arguments))
	require.Equal(t, 302, resp.StatusCode)
	require.Equal(t, target, resp.Header.Get("Location"))
	require.Equal(t, "no-referrer", resp.Header.Get("Referrer-Policy"))
	resp, body := visit(t, "GET", string(arguments))
	require.Equal(t, 410, resp.StatusCode)
	require.NotContains(t, body, state)

	cancel()
	require.Eventually(t, func() bool {
		conn, err := net.DialTimeout("tcp", strings.Split(string(arguments), "/")[2], time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, 5*time.Second, 10*time.Millisecond)
}

func TestABrowserThatCannotOpen(t *testing.T) {
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	t.Setenv("WSL_DISTRO_NAME", "")
	require.ErrorIs(t, OpenBrowser(t.Context(), "https://auth.example"), ErrNoBrowser)
	t.Setenv("DISPLAY", ":0")
	t.Setenv("PATH", t.TempDir())
	require.Error(t, OpenBrowser(t.Context(), "https://auth.example"))

	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	require.True(t, hasDesktop("darwin", env()))
	require.False(t, hasDesktop("darwin", env("SSH_CONNECTION", "1")))
	require.True(t, hasDesktop("linux", env("WAYLAND_DISPLAY", "wayland-0")))
	require.True(t, hasDesktop("linux", env("WSL_DISTRO_NAME", "Debian")))
	require.False(t, hasDesktop("linux", env()))
}
