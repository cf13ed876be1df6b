package pages_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/consent/pages"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// site is the pages over TLS, on the real service, a store in memory and the emulator.
type site struct {
	*testing.T
	url     string
	service *consent.Service
	em      *atlassiantest.Emulator
	mem     *memstore.Store
	logs    bytes.Buffer
	client  *http.Client
	handler http.Handler
}

const conn = "A_"

func newSite(t *testing.T) *site {
	s := &site{T: t}
	front := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }))
	t.Cleanup(front.Close)
	s.url = front.URL
	s.em = atlassiantest.New(atlassiantest.Config{Clock: atlassiantest.NewRunningClock()})
	fix, err := s.em.AddFixture(front.URL + "/callback")
	require.NoError(t, err)
	server := atlassiantest.NewServer(s.em)
	t.Cleanup(server.Close)
	s.mem = memstore.New(time.Now)
	client := &atlassian.Client{AuthURL: server.URL, APIURL: server.URL}
	log := slog.New(slog.NewJSONHandler(&s.logs, nil))
	s.service = consent.New(consent.Config{Store: s.mem, Atlassian: client, AuthURL: server.URL, Now: time.Now, Hosted: true, Log: log,
		Connections: []family.Connection{{Name: conn, Policy: family.DefaultPolicy()}},
		Keeper:      keeper.New(keeper.Config{Store: s.mem, Now: time.Now, Process: "p", Sleep: func(context.Context, time.Duration) {}})})
	s.handler = pages.New(s.service, pages.Host{Organization: "Northwind <Ltd>", Contact: "jira@northwind.example"}, log, time.Now)
	for name, value := range map[string]string{"CLIENT_ID": fix.App.ClientID, "CLIENT_SECRET": fix.App.ClientSecret.Reveal()} {
		_, err = s.mem.Write(t.Context(), conn+name, atlassian.NewSecret(value), store.Encrypted)
		require.NoError(t, err)
	}
	s.client = front.Client()
	s.client.Jar, err = cookiejar.New(nil)
	require.NoError(t, err)
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return s
}

func (s *site) begin() consent.Begun {
	s.Helper()
	begun, err := s.service.Begin(s.Context(), consent.BeginRequest{RedirectURI: s.url + "/callback"})
	require.NoError(s, err)
	return begun
}

// do sends a request; the path may be a whole address.
func (s *site) do(method, path, body string, change ...func(*http.Request)) (*http.Response, string) {
	s.Helper()
	if !strings.HasPrefix(path, "http") {
		path = s.url + path
	}
	r, err := http.NewRequest(method, path, strings.NewReader(body))
	require.NoError(s, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range change {
		c(r)
	}
	resp, err := s.client.Do(r)
	require.NoError(s, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s, err)
	return resp, string(text)
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// TestEveryAnswerIsHeaded: every request gets the headers, also if it fails.
func TestEveryAnswerIsHeaded(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 200}, {"GET", "/start", 410}, {"GET", "/start?link=x", 303}, {"GET", "/go", 410}, {"GET", "/callback", 400},
		{"GET", "/callback?state=x&code=y", 410}, {"GET", "/callback?error=access_denied&state=x", 410}, {"GET", "/callback?state=a&state=b", 400},
		{"GET", "/favicon.ico", 404}, {"GET", "/callback/", 404}, {"GET", "/a/../callback", 404}, {"GET", "//evil.example.com", 404},
		{"POST", "/start", 404}, {"POST", "/callback", 400}, {"HEAD", "/callback?state=x&code=y", 405}, {"PUT", "/callback", 405}, {"OPTIONS", "/", 405},
		{"GET", "/start?link=" + strings.Repeat("a", 20_000), 414},
	} {
		resp, text := s.do(c.method, c.path, "")
		name := c.method + " " + c.path[:min(40, len(c.path))]
		require.Equal(t, c.status, resp.StatusCode, name)
		policy := resp.Header.Get("Content-Security-Policy")
		require.Regexp(t, `^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$`, policy, name)
		require.Equal(t, "no-store", resp.Header.Get("Cache-Control"), name)
		require.Equal(t, "no-referrer", resp.Header.Get("Referrer-Policy"), name)
		require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"), name)
		if c.status != 303 && c.method != "HEAD" {
			require.Contains(t, text, "<h1>", name)
			require.NotContains(t, text, "<script", name)
		}
		if c.status == 303 {
			require.Equal(t, "/start", resp.Header.Get("Location"))
			require.Empty(t, text)
		}
	}
}

// TestCookies: kept to this host, out of reach of scripts, and short-lived.
func TestCookies(t *testing.T) {
	s := newSite(t)
	begun := s.begin()
	resp, _ := s.do("GET", begun.StartURL, "")
	link := resp.Cookies()[0]
	require.Equal(t, "__Host-tokenkeeper-link", link.Name)
	resp, page := s.do("GET", "/start", "")
	require.Equal(t, 200, resp.StatusCode)
	require.NotContains(t, page, link.Value)
	resp, _ = s.do("GET", "/go?connection="+conn, "")
	require.Equal(t, begun.AuthorizeURL, resp.Header.Get("Location"))
	browser := resp.Cookies()[0]
	require.Equal(t, "__Host-tokenkeeper", browser.Name)
	require.Len(t, browser.Value, 43)
	for _, c := range []*http.Cookie{link, browser} {
		require.True(t, c.Secure && c.HttpOnly)
		require.Equal(t, http.SameSiteLaxMode, c.SameSite)
		require.Equal(t, "/", c.Path)
		require.Empty(t, c.Domain)
		require.LessOrEqual(t, c.MaxAge, 4200)
	}
}

// lostAnswer ties a consent to a browser, and loses the answer the first time.
type lostAnswer struct {
	pages.Service
	lost bool
}

func (l *lostAnswer) Open(ctx context.Context, link, cookie atlassian.Secret) (consent.Opened, error) {
	opened, err := l.Service.Open(ctx, link, cookie)
	if err == nil && !l.lost {
		l.lost = true
		return consent.Opened{Browser: opened.Browser}, &consent.Error{Type: consent.StoreFailed, Message: "try again"}
	}
	return opened, err
}

// TestTheAnswerToALinkIsLost: the browser gets its cookie with the error, and goes on.
func TestTheAnswerToALinkIsLost(t *testing.T) {
	s := newSite(t)
	s.handler = pages.New(&lostAnswer{Service: s.service}, pages.Host{}, slog.New(slog.DiscardHandler), time.Now)
	begun := s.begin()
	s.do("GET", begun.StartURL, "")
	resp, _ := s.do("GET", "/go?connection="+conn, "")
	require.Equal(t, 503, resp.StatusCode)
	resp, _ = s.do("GET", "/go?connection="+conn, "")
	require.Equal(t, begun.AuthorizeURL, resp.Header.Get("Location"))
}

// TestNoOpenRedirect: nothing of a request says where a browser is sent to.
func TestNoOpenRedirect(t *testing.T) {
	s := newSite(t)
	begun := s.begin()
	s.do("GET", begun.StartURL+"&redirect_uri=https://evil.example.com&next=//evil.example.com", "")
	for _, path := range []string{"/go?connection=" + conn, "/go?connection=" + conn + "&redirect_uri=https://evil.example.com", "/go?connection=//evil.example.com"} {
		resp, _ := s.do("GET", path, "", func(r *http.Request) {
			r.Header.Set("X-Forwarded-Host", "evil.example.com")
			r.Header.Set("Referer", "https://evil.example.com")
		})
		require.Contains(t, []string{begun.AuthorizeURL, "/start"}, resp.Header.Get("Location"), path)
	}
}

// TestHostHeader: a callback counts for the place it was sent to, and a Host
// header that names another leads nowhere.
func TestHostHeader(t *testing.T) {
	s := newSite(t)
	begun := s.begin()
	s.do("GET", begun.StartURL, "")
	resp, _ := s.do("GET", "/go?connection="+conn, "")
	cookie := resp.Cookies()[0]
	state, err := url.Parse(begun.AuthorizeURL)
	require.NoError(t, err)
	callback := "/callback?code=eyJ.a.b&state=" + state.Query().Get("state")
	resp, text := s.do("GET", callback, "", func(r *http.Request) { r.Host = "evil.example.com"; r.AddCookie(cookie) })
	require.Equal(t, 400, resp.StatusCode)
	require.NotContains(t, text, "evil.example.com")
	resp, _ = s.do("GET", callback, "")
	require.Equal(t, 400, resp.StatusCode, "the made-up code is refused by Atlassian, and the consent is over")
	resp, _ = s.do("GET", callback, "")
	require.Equal(t, 410, resp.StatusCode)
}

// TestOtherSitesCannotSendForms, nor have links followed ahead of time.
func TestOtherSitesCannotSendForms(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct{ method, path, name, value string }{
		{"POST", "/callback", "Sec-Fetch-Site", "cross-site"},
		{"POST", "/callback", "Sec-Fetch-Site", "same-site"},
		{"POST", "/callback", "Origin", "https://evil.example.com"},
		{"POST", "/callback", "Origin", "null"},
		{"GET", "/go?connection=" + conn, "Sec-Fetch-Site", "cross-site"},
		{"GET", "/callback?state=x&code=y", "Sec-Purpose", "prefetch;prerender"},
	} {
		resp, text := s.do(c.method, c.path, "connection=A_&confirm=yes&site=x"[:len(c.method)/4*32], header(c.name, c.value))
		require.Equal(t, 403, resp.StatusCode, c)
		require.Contains(t, text, "did not come from our own page")
	}
	resp, _ := s.do("POST", "/callback", "confirm=yes&site="+strings.Repeat("a", 10_000), header("Sec-Fetch-Site", "same-origin"))
	require.Equal(t, 413, resp.StatusCode)
}

// TestNothingIsReflected: what a request says is in no page, header or log.
func TestNothingIsReflected(t *testing.T) {
	s := newSite(t)
	begun := s.begin()
	s.do("GET", begun.StartURL, "")
	s.do("GET", "/go?connection="+conn, "")
	const canary = `canary"><script>alert(1)</script>`
	q := url.QueryEscape(canary + "\r\nSet-Cookie: canary=1")
	for _, path := range []string{"/start?link=" + q, "/go?connection=" + q, "/callback?state=" + q + "&code=" + q, "/callback?error=" + q + "&state=" + q, "/" + q} {
		resp, text := s.do("GET", path, "")
		require.NotContains(t, text, "canary", path)
		for name, values := range resp.Header {
			require.NotContains(t, name+strings.Join(values, "\n"), "anary", path)
		}
	}
	require.NotContains(t, s.logs.String(), "canary")
	state, err := url.Parse(begun.AuthorizeURL)
	require.NoError(t, err)
	link, err := url.Parse(begun.StartURL)
	require.NoError(t, err)
	require.Contains(t, s.logs.String(), "/callback")
	for _, secret := range []string{state.Query().Get("state"), link.Query().Get("link")} {
		require.NotContains(t, s.logs.String(), secret)
	}
}
