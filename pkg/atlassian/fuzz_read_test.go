package atlassian_test

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// answering is a client that gets the same answer to every request.
func answering(status int, header http.Header, body []byte) *atlassian.Client {
	return &atlassian.Client{HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader(body))}, nil
	})}}
}

// FuzzAccessibleResources checks that no answer makes the client panic or appears in
// an error, and that the sites of a success have different ids.
func FuzzAccessibleResources(f *testing.F) {
	for _, body := range []string{`[]`, `[{"id":"a","scopes":["x"]},{"id":"a","scopes":["y"]}]`, `{"code":401,"message":"`, `[{"id":"`, `null`, `[null]`, `[[`, "<html>", `[{"id":5}]`} {
		for _, status := range []int{200, 401, 403, 429, 503} {
			f.Add(status, []byte(body), []byte(`"}]`))
		}
	}
	f.Fuzz(func(t *testing.T, status int, head, tail []byte) {
		body := bytes.Join([][]byte{head, tail}, []byte(canary))
		resources, err := answering(status, http.Header{}, body).AccessibleResources(t.Context(), access)
		if err != nil {
			failure(t, err)
			require.Empty(t, resources)
			return
		}
		require.Equal(t, 2, status/100)
		seen := map[string]bool{}
		for _, s := range atlassian.Sites(resources) {
			require.NotEmpty(t, s.ID)
			require.NotContains(t, seen, s.ID)
			seen[s.ID] = true
		}
	})
}

// FuzzRetryAfter checks that a wait is between 0 and MaxRetryAfter, and that a plain
// number counts. If the answer has a Date, this machine's clock must not matter.
func FuzzRetryAfter(f *testing.F) {
	for _, v := range []string{"", "0", "120", "-1", "1e9", "999999999999999999999", " 7 ", "Tue, 24 Nov 2026 04:02:00 GMT", "tomorrow", "١٢"} {
		f.Add(v, "Tue, 24 Nov 2026 04:00:00 GMT")
		f.Add(v, "")
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		client := answering(http.StatusTooManyRequests, http.Header{"Retry-After": {value}, "Date": {date}}, []byte("{}"))
		_, err := client.Refresh(t.Context(), app, atlassian.NewSecret("token"))
		wait := failure(t, err).RetryAfter
		require.GreaterOrEqual(t, wait, time.Duration(0))
		require.LessOrEqual(t, wait, atlassian.MaxRetryAfter)
		if n, err := strconv.ParseUint(value, 10, 16); err == nil && n <= 3600 {
			require.Equal(t, time.Duration(n)*time.Second, wait)
		}
		until, err := http.ParseTime(strings.TrimSpace(value))
		if from, wrong := http.ParseTime(date); err == nil && wrong == nil {
			require.Equal(t, min(max(until.Sub(from), 0), atlassian.MaxRetryAfter), wait)
		}
	})
}

// FuzzClaims checks that Claims accepts any text, and that its times can be encoded.
func FuzzClaims(f *testing.F) {
	for _, token := range []string{"", "..", "a.b.c", "e30.e30.x", "e30.eyJpYXQiOjEsImV4cCI6M30.x", "e30.eyJleHAiOjFlMzAwfQ.x", "e30.bnVsbA.x"} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		claims, ok := atlassian.Claims(atlassian.NewSecret(token))
		if !ok {
			require.Zero(t, claims)
			return
		}
		for _, at := range []time.Time{claims.IssuedAt, claims.ExpiresAt} {
			_, err := at.MarshalJSON()
			require.NoError(t, err)
		}
	})
}
