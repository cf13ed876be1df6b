package atlassian_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

var access = atlassian.NewSecret("access-" + canary)

func TestAccessibleResources(t *testing.T) {
	const list = `[
		{"id":"1","url":"https://a.atlassian.net","name":"a","scopes":["read:jira-work"],"avatarUrl":"https://x/a.png","new":{}},
		{"id":"2","url":"https://b.atlassian.net","name":"b","scopes":null},
		{"id":"1","url":"https://a.atlassian.net","name":"a","scopes":["read:page:confluence","read:jira-work"],"avatarUrl":"https://x/c.png"}]`
	client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/oauth/token/accessible-resources", r.URL.Path)
		require.Equal(t, "Bearer "+access.Reveal(), r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, list)
	})
	got, err := client.AccessibleResources(t.Context(), access)
	require.NoError(t, err)
	require.Len(t, got, 3)
	require.Equal(t, atlassian.Resource{ID: "1", URL: "https://a.atlassian.net", Name: "a",
		Scopes: []string{"read:jira-work"}, AvatarURL: "https://x/a.png"}, got[0])

	require.Equal(t, []atlassian.Site{
		{ID: "1", URL: "https://a.atlassian.net", Name: "a", Scopes: []string{"read:jira-work", "read:page:confluence"}, AvatarURL: "https://x/a.png"},
		{ID: "2", URL: "https://b.atlassian.net", Name: "b"},
	}, atlassian.Sites(got))
	require.Equal(t, []string{"read:page:confluence", "read:jira-work"}, got[2].Scopes, "the entries are unchanged")
	require.Empty(t, atlassian.Sites([]atlassian.Resource{{Name: "no id"}}))
	require.NotNil(t, atlassian.Sites(nil))
}

func TestAccessibleResourcesAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   atlassian.Class
	}{
		{"token refused", 401, `{"code":401,"message":"Unauthorized"}`, atlassian.Permanent},
		{"scope missing", 401, `{"code":401,"message":"Unauthorized; scope does not match"}`, atlassian.Permanent},
		{"403 page", 403, `<html>` + canary, atlassian.Configuration},
		{"rate limit", 429, ``, atlassian.Transient},
		{"500", 500, `[]`, atlassian.Transient},
		{"200 page", 200, `<html>` + canary, atlassian.Transient},
		{"200 null", 200, `null`, atlassian.Transient},
		{"200 object", 200, `{"id":"` + canary + `"}`, atlassian.Transient},
		{"200 truncated", 200, `[{"id":"` + canary, atlassian.Transient},
		{"200 list of strings", 200, `["` + canary + `"]`, atlassian.Transient},
		{"200 larger than 1 MiB", 200, `[` + strings.Repeat(" ", 1<<20) + `]`, atlassian.Transient},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, n := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			got, err := client.AccessibleResources(t.Context(), access)
			e := failure(t, err)
			require.Nil(t, got)
			require.Equal(t, "accessible resources", e.Op)
			require.Equal(t, c.want, e.Class, "%v", e)
			require.Equal(t, c.status, e.Status)
			require.EqualValues(t, 1, n.Load())
		})
	}
	client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "[]") })
	got, err := client.AccessibleResources(t.Context(), access)
	require.NoError(t, err)
	require.Equal(t, []atlassian.Resource{}, got)
}

func TestGet(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 1<<20+1)
	client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
			_, _ = io.WriteString(w, r.URL.RawQuery)
		case "/full":
			_, _ = w.Write(big[1:])
		case "/big":
			_, _ = w.Write(big)
		case "/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
		case "/limit":
			w.Header().Set("Retry-After", "30")
			w.Header().Set("RateLimit-Reason", "jira-quota-global-based")
			w.WriteHeader(429)
			_, _ = io.WriteString(w, canary)
		case "/anonymous":
			w.Header().Set("x-seraph-loginreason", "AUTHENTICATED_FAILED")
			_, _ = io.WriteString(w, "{}")
		case "/denied":
			w.Header().Set("RateLimit-Reason", canary+" with prose")
			w.WriteHeader(403)
			_, _ = io.WriteString(w, `{"error":"forbidden"}`)
		}
	})
	get := func(path string) (*atlassian.Response, error) { return client.Get(t.Context(), access, path) }

	r, err := get("/ok?maxResults=1&query=a%20b%2f..")
	require.NoError(t, err)
	require.Equal(t, &atlassian.Response{Status: 200, Body: []byte("maxResults=1&query=a%20b%2f..")}, r)

	r, err = get("/full")
	require.NoError(t, err)
	require.False(t, r.Truncated)
	r, err = get("/big")
	require.NoError(t, err)
	require.True(t, r.Truncated)
	require.Len(t, r.Body, 1<<20)

	r, err = get("/cut")
	e := failure(t, err)
	require.Equal(t, atlassian.Transient, e.Class)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, "half", string(r.Body))

	r, err = get("/limit")
	e = failure(t, err)
	require.Equal(t, "get: transient (HTTP 429, retry after 30s)", e.Error())
	require.Equal(t, 30*time.Second, r.RetryAfter)
	require.Equal(t, "jira-quota-global-based", r.RateLimitReason)

	r, err = get("/anonymous")
	require.NoError(t, err)
	require.Equal(t, "AUTHENTICATED_FAILED", r.LoginReason)

	r, err = get("/denied")
	e = failure(t, err)
	require.Equal(t, "get: configuration (HTTP 403 forbidden)", e.Error())
	require.Empty(t, r.RateLimitReason)

	client, n := rawServer(t, func(net.Conn) {})
	r, err = get("/lost")
	require.Nil(t, r)
	require.Equal(t, atlassian.Transient, failure(t, err).Class)
	require.True(t, failure(t, err).Sent)
	require.EqualValues(t, 1, n.Load())
}

func TestGetRefusesPaths(t *testing.T) {
	client, n := serve(t, func(http.ResponseWriter, *http.Request) {})
	for _, path := range []string{
		"", "me", "//evil.example.com/x", "/\\evil.example.com", "\\\\evil.example.com", "https://evil.example.com/x", "@evil.example.com/",
		"/a//b", "/a//", "/.", "/..", "/a/../b", "/a/./b", "/a/..", "/..;/x", "/a/..;x=1/b", "/%2e%2e/x", "/a%2F..%2Fb", "/a%5cb",
		"/a%252e", "/a%00", "/a%0d%0a", "/a\nHost: evil", "/a b", "/a#b", "/a?x=a b", "/é", "/a%zz", "/a%", "/" + strings.Repeat("x", 8<<10),
		"/a?\x00", " /a", "/?#", "http:/a",
	} {
		t.Run(fmt.Sprintf("%.40q", path), func(t *testing.T) {
			_, err := client.Get(t.Context(), access, path)
			require.Error(t, err)
			e := failure(t, err)
			require.Equal(t, atlassian.Configuration, e.Class)
			require.False(t, e.Sent)
			require.ErrorContains(t, e, "the path ")
		})
	}
	_, err := client.Get(t.Context(), atlassian.NewSecret(canary+"\r\nX: y"), "/me")
	require.ErrorContains(t, err, "the access token contains")
	failure(t, err)
	client.APIURL = "https://api.example.com#"
	_, err = client.Get(t.Context(), access, "/me")
	require.ErrorContains(t, err, "the APIURL must be")
	require.Zero(t, n.Load())
}

func TestGetAcceptsTheConnectorsPaths(t *testing.T) {
	var got string
	client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { got = r.RequestURI })
	const base = "/ex/jira/1324a887-45db-1bf4-1e99-ef0ff456d421/rest/api/3/"
	for _, path := range []string{"/oauth/token/accessible-resources", "/", "/me", "/a/", "/...", "/a..b/.well-known",
		base + "users", base + "group/bulk", base + "issue/TK-1/changelog?startAt=0&maxResults=50", base + "issue/TK-1/comment",
		base + "issue/TK-1/worklog", base + "project/search?query=%C3%A9&expand=a,b&x=//../"} {
		_, err := client.Get(t.Context(), access, path)
		require.NoError(t, err)
		require.Equal(t, path, got)
	}
}
