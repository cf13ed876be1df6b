package atlassiantest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// served is a world with a server, and a client that follows no redirects.
type served struct {
	*world
	url    string
	client *http.Client
}

func serve(t testing.TB, w *world) *served {
	t.Helper()
	s := atlassiantest.NewServer(w.e)
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(func() { transport.CloseIdleConnections(); s.Close() })
	return &served{w, s.URL, &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (s *served) do(r *http.Request) (reply, error) {
	res, err := s.client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(body)}, err
}

func (s *served) must(t testing.TB, r *http.Request) reply {
	t.Helper()
	got, err := s.do(r)
	require.NoError(t, err)
	return got
}

func newRequest(t testing.TB, method, url, contentType, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

func (s *served) get(t testing.TB, path string, token atlassian.Secret) reply {
	t.Helper()
	r := newRequest(t, "GET", s.url+path, "", "")
	if !token.IsZero() {
		r.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	return s.must(t, r)
}

func encode(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

// tokenRequest is a JSON refresh with the credentials in the body.
func (s *served) tokenRequest(t testing.TB, old atlassiantest.Tokens) *http.Request {
	t.Helper()
	return newRequest(t, "POST", s.url+"/oauth/token", "application/json", encode(t, map[string]string{
		"grant_type": "refresh_token", "client_id": s.fix.App.ClientID,
		"client_secret": s.fix.App.ClientSecret.Reveal(), "refresh_token": old.Refresh.Reveal(),
	}))
}

// wireTokens is a success of the token endpoint as a client reads it.
type wireTokens struct {
	Access    string          `json:"access_token"`
	Refresh   string          `json:"refresh_token"`
	ExpiresIn json.RawMessage `json:"expires_in"`
	Type      string          `json:"token_type"`
	Scope     string          `json:"scope"`
}

func readTokens(t testing.TB, r reply) wireTokens {
	t.Helper()
	require.Equal(t, 200, r.status)
	var got wireTokens
	require.NoError(t, json.Unmarshal([]byte(r.body), &got))
	return got
}

func TestTokenEndpointEncodings(t *testing.T) {
	s := serve(t, newWorld(t, atlassiantest.Config{}))
	id, secret := s.fix.App.ClientID, s.fix.App.ClientSecret.Reveal()
	current := s.authorize(t)
	step := func(r *http.Request) {
		answer := s.must(t, r)
		got := readTokens(t, answer)
		require.Equal(t, "no-store", answer.header.Get("Cache-Control"))
		require.Equal(t, "3600", string(got.ExpiresIn))
		require.Equal(t, "Bearer", got.Type)
		require.ElementsMatch(t, atlassiantest.ConnectorScopes(), strings.Fields(got.Scope))
		current = atlassiantest.Tokens{Refresh: atlassian.NewSecret(got.Refresh), Access: atlassian.NewSecret(got.Access)}
	}
	step(s.tokenRequest(t, current))

	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {current.Refresh.Reveal()}, "client_id": {id}, "client_secret": {secret}}
	step(newRequest(t, "POST", s.url+"/oauth/token", "application/x-www-form-urlencoded", form.Encode()))

	form = url.Values{"grant_type": {"refresh_token"}, "refresh_token": {current.Refresh.Reveal()}}
	r := newRequest(t, "POST", s.url+"/oauth/token", "application/x-www-form-urlencoded; charset=utf-8", form.Encode())
	r.SetBasicAuth(id, secret)
	step(r)

	r = newRequest(t, "POST", s.url+"/oauth/token", "application/json",
		encode(t, map[string]string{"grant_type": "refresh_token", "refresh_token": current.Refresh.Reveal()}))
	r.SetBasicAuth(id, secret)
	step(r)

	code := s.code(t)
	step(newRequest(t, "POST", s.url+"/oauth/token", "application/json", encode(t, map[string]string{
		"grant_type": "authorization_code", "client_id": id, "client_secret": secret,
		"code": code.Reveal(), "redirect_uri": "http://localhost",
	})))
}

// Basic credentials with reserved characters work raw and form-encoded.
func TestBasicWithReservedCharacters(t *testing.T) {
	s := serve(t, cheapWorld(t, nil))
	app, err := s.e.AddApp(atlassiantest.App{
		ClientSecret: atlassian.NewSecret("a+b%41/c="), RedirectURIs: []string{"http://localhost"}, Scopes: atlassiantest.ConnectorScopes(),
	})
	require.NoError(t, err)
	tokens, err := s.e.Authorize(atlassiantest.ConsentRequest{ClientID: app.ClientID})
	require.NoError(t, err)
	for _, secret := range []string{"a+b%41/c=", url.QueryEscape("a+b%41/c=")} {
		r := newRequest(t, "POST", s.url+"/oauth/token", "application/json",
			encode(t, map[string]string{"grant_type": "refresh_token", "refresh_token": tokens.Refresh.Reveal()}))
		r.SetBasicAuth(app.ClientID, secret)
		readTokens(t, s.must(t, r))
	}
}

func TestTokenEndpointRefusals(t *testing.T) {
	s := serve(t, cheapWorld(t, nil))
	id, secret := s.fix.App.ClientID, s.fix.App.ClientSecret.Reveal()
	const media = "application/json"
	for _, c := range []struct {
		name, media, body string
		status            int
		answer            string
	}{
		{"wrong secret", media, `{"grant_type":"refresh_token","client_id":"` + id + `","client_secret":"no","refresh_token":"x"}`, 401, `{"error":"access_denied","error_description":"Unauthorized"}`},
		{"no client", media, `{"grant_type":"refresh_token"}`, 401, `{"error":"access_denied","error_description":"Unauthorized"}`},
		{"no refresh token", media, `{"grant_type":"refresh_token","client_id":"` + id + `","client_secret":"` + secret + `"}`, 400, `{"error":"invalid_request","error_description":"Missing required parameter: refresh_token"}`},
		{"malformed refresh token", media, `{"grant_type":"refresh_token","client_id":"` + id + `","client_secret":"` + secret + `","refresh_token":"x"}`, 400, `{"error":"invalid_request","error_description":"Invalid refresh_token"}`},
		{"unknown refresh token", media, `{"grant_type":"refresh_token","client_id":"` + id + `","client_secret":"` + secret + `","refresh_token":"a.b.c"}`, 403, `{"error":"unauthorized_client","error_description":"refresh_token is invalid"}`},
		{"unknown code", media, `{"grant_type":"authorization_code","client_id":"` + id + `","client_secret":"` + secret + `","code":"x"}`, 400, `{"error":"invalid_request","error_description":"authorization_code is invalid"}`},
		{"unsupported grant type", media, `{"grant_type":"password","client_id":"` + id + `","client_secret":"` + secret + `"}`, 403, `{"error":"unsupported_grant_type","error_description":"Unsupported grant type"}`},
		{"unsupported grant type and no client", media, `{"grant_type":"password"}`, 401, `{"error":"access_denied","error_description":"Unauthorized"}`},
		{"no grant type", media, `{"client_id":"` + id + `","client_secret":"` + secret + `"}`, 400, `{"error":"invalid_request","error_description":"Missing required parameter: grant_type"}`},
		{"broken JSON", media, `{"grant_type":`, 400, `{"error":"invalid_request","error_description":"the body is not a JSON object of strings"}`},
		{"broken form", "application/x-www-form-urlencoded", `%zz`, 400, `{"error":"invalid_request","error_description":"the body is not a form"}`},
		{"other media type", "text/plain", `x`, 400, `{"error":"invalid_request","error_description":"Content-Type must be application/json or application/x-www-form-urlencoded"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := s.must(t, newRequest(t, "POST", s.url+"/oauth/token", c.media, c.body))
			require.Equal(t, c.status, got.status)
			require.JSONEq(t, c.answer, got.body)
		})
	}
	require.Equal(t, http.StatusMethodNotAllowed, s.get(t, "/oauth/token", atlassian.Secret{}).status)
}

func TestPresenterOverHTTP(t *testing.T) {
	s := serve(t, cheapWorld(t, func(p *atlassiantest.Policy) { p.ReuseInterval = 0 }))
	tokens := s.authorize(t)
	r := s.tokenRequest(t, tokens)
	r.Header.Set("User-Agent", "first/1")
	readTokens(t, s.must(t, r))
	r = s.tokenRequest(t, tokens)
	r.Header.Set("User-Agent", "second/1")
	r.Header.Set("X-Presenter", "the culprit"+strings.Repeat("!", 1000))
	require.Equal(t, 403, s.must(t, r).status)
	culprit := s.death(t, tokens).Presenter
	require.True(t, strings.HasPrefix(culprit, "the culprit"))
	require.Len(t, culprit, 100)
	events := s.e.Events()
	require.Equal(t, "first/1", events[1].Presenter)
	require.Equal(t, atlassiantest.CauseReplayedAfterReuseInterval, events[2].Killed)
}

func TestDateHeaderIsTheEmulatedTime(t *testing.T) {
	s := serve(t, cheapWorld(t, nil))
	require.Equal(t, start.Format(http.TimeFormat), s.get(t, "/me", atlassian.Secret{}).header.Get("Date"))
}
