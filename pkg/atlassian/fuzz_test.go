package atlassian_test

import (
	"bytes"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// FuzzTokenAnswer checks that no answer makes the client panic, and that no part of its
// body appears in an error. A success must have usable tokens: both, or a successor alone.
func FuzzTokenAnswer(f *testing.F) {
	for _, body := range []string{
		`{"access_token":"a","refresh_token":"r","expires_in":3600,"scope":"x y"}`,
		`{"error":"invalid_grant","error_description":"`, `{"error":"`, `{"access_token":"`, `{"access_token":5,"`, `<html>`, "", "null", `[`,
		`{"access_token":"e30.eyJpYXQiOjEsImV4cCI6M30.x","expires_in":"1e9"}`, "\ufeff{", `{"access_token":"\ud800"}`, `{"refresh_token":"`,
	} {
		for _, status := range []int{200, 400, 401, 403, 429, 500} {
			f.Add(status, []byte(body), []byte(`"}`), "120", false)
		}
	}
	f.Fuzz(func(t *testing.T, status int, head, tail []byte, retryAfter string, broken bool) {
		body := bytes.Join([][]byte{head, tail}, []byte(canary))
		client := &atlassian.Client{HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			_, _ = io.Copy(io.Discard, r.Body)
			var rest io.Reader = bytes.NewReader(body)
			if broken {
				rest = io.MultiReader(rest, brokenReader{})
			}
			return &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {retryAfter}}, Body: io.NopCloser(rest)}, nil
		})}}
		token, err := client.Refresh(t.Context(), app, atlassian.NewSecret("presented-"+canary))
		if err != nil {
			e := failure(t, err)
			require.True(t, e.Sent)
			require.GreaterOrEqual(t, e.RetryAfter, time.Duration(0))
			require.LessOrEqual(t, e.RetryAfter, atlassian.MaxRetryAfter)
			if e.Class == atlassian.Permanent {
				require.Contains(t, []int{400, 403}, status)
				require.NotEmpty(t, e.Code)
				require.False(t, broken)
			}
			return
		}
		require.Equal(t, 2, status/100)
		if token.Access.IsZero() {
			require.False(t, token.Refresh.IsZero())
			require.Equal(t, atlassian.Token{Refresh: token.Refresh, Scopes: token.Scopes}, token)
		} else {
			require.True(t, token.ExpiresIn == 0 && token.ExpiresInAssumed || token.ExpiresIn >= time.Second)
		}
		require.LessOrEqual(t, token.ExpiresIn, 24*time.Hour)
		// An accepted token can be presented, unless it begins or ends with a space.
		for _, s := range []atlassian.Secret{token.Access, token.Refresh} {
			require.NotContains(t, s.Reveal(), "\n")
			require.NotContains(t, s.Reveal(), "\ufffd")
		}
	})
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// FuzzGetPath checks that an accepted path leads to the API's host and out of no
// directory.
func FuzzGetPath(f *testing.F) {
	for _, p := range []string{"/me", "//evil", "/\\evil", "https://evil/", "/a/../b", "/%2e%2e/", "/a?b=c", "/..;/", "@evil", "/a#b", ":80/"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		client := &atlassian.Client{APIURL: "https://api.example.com/base", HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			require.Equal(t, "api.example.com", r.URL.Host)
			require.Equal(t, "https", r.URL.Scheme)
			require.Nil(t, r.URL.User)
			uri := r.URL.RequestURI()
			require.Equal(t, "/base"+p, uri)
			raw, _, _ := strings.Cut(uri, "?")
			require.Equal(t, path.Clean(raw), strings.TrimSuffix(raw, "/"))
			decoded, err := url.PathUnescape(raw)
			require.NoError(t, err)
			require.Equal(t, path.Clean(decoded), strings.TrimSuffix(decoded, "/"))
			require.NotContains(t, decoded, "\\")
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}, nil
		})}}
		if _, err := client.Get(t.Context(), access, p); err != nil {
			require.Equal(t, atlassian.Configuration, failure(t, err).Class)
		}
	})
}

// FuzzAuthorizeURL checks that a returned address has exactly the requested values,
// and that its redirect goes to https or to this machine.
func FuzzAuthorizeURL(f *testing.F) {
	f.Add("id", "read:me", "http://localhost", "state")
	f.Add("a&b=c", "x", "https://example.com/cb?x=1", "s+t")
	f.Add("id", "x", "http://localhost@evil", "#")
	f.Add("id", "x", "https://h\\@evil", "&state=2")
	f.Fuzz(func(t *testing.T, id, scope, redirect, state string) {
		got, err := atlassian.AuthorizeURL("", atlassian.AuthorizeRequest{ClientID: id,
			Scopes: []string{"offline_access", scope}, RedirectURI: redirect, State: atlassian.NewSecret(state)})
		if err != nil {
			require.Empty(t, got)
			return
		}
		u, err := url.Parse(got)
		require.NoError(t, err)
		require.Equal(t, "auth.atlassian.com", u.Host)
		query, err := url.ParseQuery(u.RawQuery)
		require.NoError(t, err)
		require.Len(t, query, 7)
		require.Equal(t, []string{id}, query["client_id"])
		require.Equal(t, []string{"offline_access " + scope}, query["scope"])
		require.Equal(t, []string{redirect}, query["redirect_uri"])
		require.Equal(t, []string{state}, query["state"])
		back, err := url.Parse(redirect)
		require.NoError(t, err)
		if back.Scheme != "https" {
			address, err := netip.ParseAddr(back.Hostname())
			require.True(t, strings.EqualFold(back.Hostname(), "localhost") || err == nil && address.IsLoopback())
		}
	})
}
