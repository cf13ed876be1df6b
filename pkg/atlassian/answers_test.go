package atlassian_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

var app = atlassian.App{ClientID: "client-1", ClientSecret: atlassian.NewSecret("ATOA-" + canary)}

const redirect = "http://localhost"

// canary is a secret value. If it appears anywhere, that is a leak.
const canary = "C4nary-eyJhbGciOiJSUzI1NiJ9.Zm9v.YmFy-0123456789"

// requireNoLeak fails if a text contains a part of the canary, plain or in
// hexadecimal.
func requireNoLeak(t testing.TB, text string) {
	t.Helper()
	for _, form := range []string{"C4nary", "eyJhbGci", "0123456789"} {
		if strings.Contains(text, form) || strings.Contains(text, fmt.Sprintf("%x", form)) {
			t.Fatal("a secret was printed (the text is withheld)")
		}
	}
}

// serve answers every request with h and counts the requests.
func serve(t testing.TB, h http.HandlerFunc) (*atlassian.Client, *atomic.Int32) {
	t.Helper()
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return &atlassian.Client{AuthURL: s.URL, APIURL: s.URL}, &n
}

// failure returns err as *Error and checks that no error in its chain leaks.
func failure(t testing.TB, err error) *atlassian.Error {
	t.Helper()
	var e *atlassian.Error
	require.ErrorAs(t, err, &e)
	for link := err; link != nil; {
		requireNoLeak(t, fmt.Sprintf("%v %+v %#v %q", link, link, link, link.Error()))
		u, ok := link.(interface{ Unwrap() error })
		if !ok {
			break
		}
		link = u.Unwrap()
	}
	return e
}

func TestAnswersOfTheTokenEndpoint(t *testing.T) {
	const (
		perm = atlassian.Permanent
		conf = atlassian.Configuration
		amb  = atlassian.Ambiguous
		tran = atlassian.Transient
		rest = atlassian.RestartConsent
		malf = atlassian.Malformed
	)
	const prose = `"error_description":"` + canary + `"`
	page := "<html><body>" + canary + "</body></html>"
	for _, c := range []struct {
		name              string
		status            int
		body              string
		refresh, exchange atlassian.Class
		code              string
	}{
		{"refusal in practice", 403, `{"error":"unauthorized_client",` + prose + `}`, perm, rest, "unauthorized_client"},
		{"refusal as documented", 403, `{"error":"invalid_grant",` + prose + `}`, perm, rest, "invalid_grant"},
		{"refusal by the RFC", 400, `{"error":"invalid_grant"}`, perm, rest, "invalid_grant"},
		{"unreadable request or bad code", 400, `{"error":"invalid_request",` + prose + `}`, malf, rest, "invalid_request"},
		{"wrong client", 401, `{"error":"access_denied",` + prose + `}`, conf, conf, "access_denied"},
		{"wrong client, gateway's body", 401, `{"code":401,"message":"` + canary + `"}`, conf, conf, ""},
		{"inactive user", 403, `{"error":"access_denied"}`, conf, conf, "access_denied"},
		{"app without the grant", 400, `{"error":"unauthorized_client",` + prose + `}`, conf, conf, "unauthorized_client"},
		{"scope taken from the app", 400, `{"error":"invalid_scope"}`, conf, conf, "invalid_scope"},
		{"grant type switched off", 400, `{"error":"unsupported_grant_type"}`, conf, conf, "unsupported_grant_type"},
		{"unreadable request, 403", 403, `{"error":"invalid_request",` + prose + `}`, malf, malf, "invalid_request"},
		{"400 page", 400, page, malf, malf, ""},
		{"400 with the code of a server error", 400, `{"error":"server_error"}`, amb, amb, "server_error"},
		{"408", 408, "", amb, amb, ""},
		{"rate limit", 429, `{"error":"rate_limited"}`, tran, tran, "rate_limited"},
		{"rate limit, page", 429, page, tran, tran, ""},
		{"500", 500, `{"error":"server_error"}`, amb, amb, "server_error"},
		{"502 page", 502, page, amb, amb, ""},
		{"503 that looks like a refusal", 503, `{"error":"invalid_grant"}`, amb, amb, "invalid_grant"},
		{"504", 504, "", amb, amb, ""},
		{"firewall's 403", 403, page, malf, malf, ""},
		{"empty 403", 403, "", malf, malf, ""},
		{"403 of an API gateway", 403, `{"message":"Forbidden"}`, malf, malf, ""},
		{"403, code of a wrong type", 403, `{"error":{"code":"invalid_grant"}}`, malf, malf, ""},
		{"403, code of a wrong form", 403, `{"error":"` + canary + `"}`, malf, malf, ""},
		{"403, code and a page", 403, `{"error":"invalid_grant"}` + page, malf, malf, ""},
		{"403, array", 403, `["invalid_grant"]`, malf, malf, ""},
		{"404 page", 404, page, malf, malf, ""},
		{"410", 410, `{"error":"gone"}`, malf, malf, "gone"},
		{"200 page", 200, page, amb, amb, ""},
		{"200 empty", 200, "", amb, amb, ""},
		{"200 null", 200, "null", amb, amb, ""},
		{"200 with an error", 200, `{"error":"invalid_grant"}`, amb, amb, ""},
		{"200 truncated", 200, `{"access_token":"a","refresh_token":"` + canary, amb, amb, ""},
		{"200 blank access token", 200, `{"access_token":"  "}`, amb, amb, ""},
		{"200 access token null", 200, `{"access_token":null}`, amb, amb, ""},
		{"200 member of another case", 200, `{"ACCESS_TOKEN":"` + canary + `"}`, amb, amb, ""},
		{"200 refresh token a number", 200, `{"access_token":"a","refresh_token":7}`, amb, amb, ""},
		{"200 refresh token an object", 200, `{"access_token":"a","refresh_token":{"t":"` + canary + `"}}`, amb, amb, ""},
		{"200 refresh token damaged", 200, "{\"access_token\":\"a\",\"refresh_token\":\"" + canary + "\xff\"}", amb, amb, ""},
		{"200 refresh token half a rune", 200, `{"access_token":"a","refresh_token":"\ud800` + canary + `"}`, amb, amb, ""},
		{"200 refresh token redacted", 200, `{"access_token":"a","refresh_token":"[REDACTED]"}`, amb, amb, ""},
		{"200 refresh token masked", 200, `{"access_token":"a","refresh_token":"eyJh****"}`, amb, amb, ""},
		{"200 refresh token quoted", 200, `{"access_token":"a","refresh_token":"\"` + canary + `\""}`, amb, amb, ""},
		{"200 refresh token a word", 200, `{"access_token":"a","refresh_token":"undefined"}`, amb, amb, ""},
		{"200 refresh token blank", 200, `{"access_token":"a","refresh_token":" "}`, amb, amb, ""},
		{"200 larger than 1 MiB", 200, `{"x":"` + strings.Repeat("x", 1<<20) + `","access_token":"a"}`, amb, amb, ""},
		{"403 larger than 1 MiB", 403, `{"error":"invalid_grant","x":"` + strings.Repeat("x", 1<<20) + `"}`, malf, malf, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, n := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			for call, want := range map[string]atlassian.Class{"refresh": c.refresh, "exchange": c.exchange} {
				n.Store(0)
				var err error
				if call == "refresh" {
					_, err = client.Refresh(t.Context(), app, atlassian.NewSecret(canary))
				} else {
					_, err = client.Exchange(t.Context(), app, atlassian.NewSecret(canary), redirect)
				}
				e := failure(t, err)
				require.Equal(t, call, e.Op)
				require.Equal(t, want, e.Class, "%s is %v", call, e)
				require.Equal(t, c.status, e.Status)
				require.Equal(t, c.code, e.Code)
				require.True(t, e.Sent)
				require.EqualValues(t, 1, n.Load(), "requests")
			}
		})
	}
}

func TestRefreshTokenMayBeMissing(t *testing.T) {
	for _, member := range []string{``, `,"refresh_token":null`, `,"refresh_token":""`, `,"refresh_token":" old\n"`} {
		t.Run("answer with "+member, func(t *testing.T) {
			client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, `{"access_token":"a","expires_in":3600`+member+`}`)
			})
			token, err := client.Refresh(t.Context(), app, atlassian.NewSecret("old"))
			require.NoError(t, err)
			require.True(t, token.Refresh.IsZero())
			require.Nil(t, token.Scopes)
		})
	}
}

// A successor is kept although the access token beside it is missing or damaged. A consent
// cannot use it: its scopes could not be checked.
func TestAccessTokenMayBeMissing(t *testing.T) {
	for _, member := range []string{``, `"access_token":"",`, `"access_token":null,`, `"access_token":5,`, `"access_token":"Bearer a",`, `"access_token":"****",`} {
		t.Run("answer with "+member, func(t *testing.T) {
			client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, `{`+member+`"refresh_token":"new","expires_in":3600}`)
			})
			token, err := client.Refresh(t.Context(), app, atlassian.NewSecret("old"))
			require.NoError(t, err)
			require.True(t, token.Access.IsZero())
			require.Equal(t, "new", token.Refresh.Reveal())
			require.Zero(t, token.ExpiresIn)

			_, err = client.Exchange(t.Context(), app, atlassian.NewSecret("code"), redirect)
			require.Equal(t, atlassian.Ambiguous, failure(t, err).Class)
			require.ErrorContains(t, err, "no usable access_token")

			_, err = client.Refresh(t.Context(), app, atlassian.NewSecret("new"))
			require.Equal(t, atlassian.Ambiguous, failure(t, err).Class, "nor a successor")
		})
	}
}

// Of members that stand there twice, one that is empty counts for nothing.
func TestMembersTwice(t *testing.T) {
	for _, members := range []string{`"refresh_token":"r","refresh_token":null`, `"refresh_token":"","refresh_token":"r"`, `"refresh_token":"old","refresh_token":"r"`} {
		client, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"access_token":"a","expires_in":3600,`+members+`,"access_token":""}`)
		})
		token, err := client.Refresh(t.Context(), app, atlassian.NewSecret("presented"))
		require.NoError(t, err, members)
		require.Equal(t, []string{"a", "r"}, []string{token.Access.Reveal(), token.Refresh.Reveal()})
	}
}

// A complete pair is kept even if the connection broke after it.
func TestWholePairOnABrokenConnection(t *testing.T) {
	client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"access_token":"a","refresh_token":"r","expires_in":3600}`)
	})
	token, err := client.Refresh(t.Context(), app, atlassian.NewSecret("old"))
	require.NoError(t, err)
	require.Equal(t, "r", token.Refresh.Reveal())
}

func TestTokensOfAnySizePass(t *testing.T) {
	for _, size := range []int{1, 1500, 4097, 8193, 100_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			var got map[string]string
			client := &atlassian.Client{}
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_ = json.NewDecoder(r.Body).Decode(&got)
				_ = json.NewEncoder(w).Encode(map[string]any{"access_token": strings.Repeat("A", size),
					"refresh_token": strings.Repeat("R", size), "expires_in": 3600, "scope": "offline_access  read:me"})
			}))
			client.AuthURL = s.URL + "/"
			token, err := client.Refresh(t.Context(), app, atlassian.NewSecret(strings.Repeat("O", size)))
			s.Close()
			require.NoError(t, err)
			require.True(t, token.Access.Reveal() == strings.Repeat("A", size))
			require.True(t, token.Refresh.Reveal() == strings.Repeat("R", size))
			require.True(t, got["refresh_token"] == strings.Repeat("O", size))
			require.Equal(t, []string{"offline_access", "read:me"}, token.Scopes)
		})
	}
}

func TestRequestsAreAsDocumented(t *testing.T) {
	type request struct {
		method, path, query, contentType, accept, agent string
		length                                          int64
		body                                            map[string]string
	}
	var got request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = request{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Content-Type"), r.Header.Get("Accept"), r.UserAgent(), r.ContentLength, nil}
		_ = json.NewDecoder(r.Body).Decode(&got.body)
		_, _ = io.WriteString(w, `{"access_token":"a"}`)
	}))
	defer s.Close()
	client := &atlassian.Client{AuthURL: s.URL}
	odd := `c<>&"\ode`
	_, err := client.Exchange(t.Context(), app, atlassian.NewSecret(odd), redirect)
	require.NoError(t, err)
	require.Positive(t, got.length, "no chunked body, since some firewalls refuse it")
	got.length = 0
	require.Equal(t, request{"POST", "/oauth/token", "", "application/json", "application/json", "tokenkeeper", 0, map[string]string{
		"grant_type": "authorization_code", "client_id": app.ClientID, "client_secret": app.ClientSecret.Reveal(),
		"code": odd, "redirect_uri": redirect}}, got)

	client.UserAgent = "mine"
	_, err = client.Refresh(t.Context(), app, atlassian.NewSecret("old"))
	require.NoError(t, err)
	require.Equal(t, "mine", got.agent)
	require.Equal(t, map[string]string{"grant_type": "refresh_token", "client_id": app.ClientID,
		"client_secret": app.ClientSecret.Reveal(), "refresh_token": "old"}, got.body)
}

func TestInputThatCannotBeSent(t *testing.T) {
	client, n := serve(t, func(http.ResponseWriter, *http.Request) {})
	good := atlassian.NewSecret("good")
	refresh := func(c *atlassian.Client, a atlassian.App, token string) error {
		_, err := c.Refresh(context.Background(), a, atlassian.NewSecret(token))
		return err
	}
	exchange := func(code, uri string) error {
		_, err := client.Exchange(context.Background(), app, atlassian.NewSecret(code), uri)
		return err
	}
	for name, c := range map[string]struct {
		err  error
		says string
	}{
		"empty token":         {refresh(client, app, ""), "the refresh token is empty"},
		"newline in token":    {refresh(client, app, canary+"\n"), "the refresh token contains a line break"},
		"space before token":  {refresh(client, app, " "+canary), "the refresh token has a space"},
		"token not in ASCII":  {refresh(client, app, canary+"é"), "the refresh token contains"},
		"no client id":        {refresh(client, atlassian.App{ClientSecret: good}, canary), "the client id is empty"},
		"no client secret":    {refresh(client, atlassian.App{ClientID: "id"}, canary), "the client secret is empty"},
		"newline in secret":   {refresh(client, atlassian.App{ClientID: "id", ClientSecret: atlassian.NewSecret(canary + "\n")}, "t"), "the client secret contains"},
		"no code":             {exchange("", redirect), "the authorization code is empty"},
		"plain http redirect": {exchange(canary, "http://example.com"), "the redirect URI"},
		"AuthURL no address":  {refresh(&atlassian.Client{AuthURL: canary}, app, "t"), "the AuthURL must be"},
		"AuthURL with user":   {refresh(&atlassian.Client{AuthURL: "https://u:" + canary + "@example.com"}, app, "t"), "the AuthURL must be"},
		"AuthURL with query":  {refresh(&atlassian.Client{AuthURL: "https://example.com?x=" + canary}, app, "t"), "the AuthURL must be"},
		"AuthURL of a file":   {refresh(&atlassian.Client{AuthURL: "file:///x"}, app, "t"), "the AuthURL must be"},
	} {
		t.Run(name, func(t *testing.T) {
			e := failure(t, c.err)
			require.Equal(t, atlassian.Configuration, e.Class)
			require.False(t, e.Sent)
			require.ErrorContains(t, e, c.says)
		})
	}
	require.Zero(t, n.Load())
}
