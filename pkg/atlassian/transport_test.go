package atlassian_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// quiet stops test servers from logging failed handshakes.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// roundTripper is another kind of transport, which does not report how far it got.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRedirectsAreNotFollowed(t *testing.T) {
	var followed atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { followed.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{other.URL + "/x", "/oauth/token", "://" + canary + "%zz", ""} {
			t.Run(fmt.Sprintf("%d to %q", status, strings.ReplaceAll(location, canary, "")), func(t *testing.T) {
				client, n := serve(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Location", location)
					w.WriteHeader(status)
				})
				for _, hc := range []*http.Client{nil, http.DefaultClient, {CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}} {
					n.Store(0)
					client.HTTPClient = hc
					e := refreshOnce(t, t.Context(), client)
					require.Equal(t, atlassian.Ambiguous, e.Class)
					require.Equal(t, status, e.Status)
					_, err := client.AccessibleResources(t.Context(), atlassian.NewSecret(canary))
					require.Equal(t, atlassian.Configuration, failure(t, err).Class)
					require.EqualValues(t, 2, n.Load())
				}
			})
		}
	}
	require.Zero(t, followed.Load())
}

// A caller's transport may keep connections. If the server has closed one meanwhile,
// net/http repeats a request that it considers repeatable. It must not do so here.
func TestOneRequestOverKeptConnections(t *testing.T) {
	var posts atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, "[]")
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		posts.Add(1)
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}))
	s.Config.ErrorLog = quiet()
	s.Start()
	defer s.Close()
	client := &atlassian.Client{AuthURL: s.URL, APIURL: s.URL, HTTPClient: &http.Client{Transport: &http.Transport{}}}
	for range 20 {
		posts.Store(0)
		_, err := client.AccessibleResources(t.Context(), atlassian.NewSecret(canary))
		require.NoError(t, err)
		e := refreshOnce(t, t.Context(), client)
		require.Equal(t, atlassian.Ambiguous, e.Class)
		require.True(t, e.Sent)
		require.EqualValues(t, 1, posts.Load())
	}
}

func TestDefaultTransportUsesNoConnectionTwice(t *testing.T) {
	addresses := map[string]bool{}
	client, n := serve(t, func(w http.ResponseWriter, r *http.Request) {
		addresses[r.RemoteAddr] = true
		_, _ = io.WriteString(w, `{"access_token":"a"}`)
	})
	for range 3 {
		_, err := client.Get(t.Context(), access, "/me")
		require.NoError(t, err)
		_, err = client.Refresh(t.Context(), app, atlassian.NewSecret("t"))
		require.NoError(t, err)
	}
	require.EqualValues(t, 6, n.Load())
	require.Len(t, addresses, 6)
	require.NotSame(t, atlassian.DefaultTransport(), atlassian.DefaultTransport())
}

// If a transport does not report how far it got, its failure proves nothing.
func TestOtherTransports(t *testing.T) {
	for name, c := range map[string]struct {
		transport roundTripper
		class     atlassian.Class
	}{
		"silent":                   {func(*http.Request) (*http.Response, error) { return nil, errors.New(canary) }, atlassian.Ambiguous},
		"neither answer nor error": {func(*http.Request) (*http.Response, error) { return nil, nil }, atlassian.Ambiguous},
		"quotes the request": {func(r *http.Request) (*http.Response, error) {
			body, _ := io.ReadAll(r.Body)
			return nil, &url.Error{Op: "Post", URL: "https://u:" + canary + "@h/?q=" + canary, Err: errors.New(string(body))}
		}, atlassian.Ambiguous},
		"sends by itself, then cannot connect": {func(r *http.Request) (*http.Response, error) {
			body, _ := io.ReadAll(r.Body) // it may have been sent somewhere
			again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://127.0.0.1:1", strings.NewReader(string(body)))
			if err != nil {
				return nil, err
			}
			return atlassian.DefaultTransport().RoundTrip(again)
		}, atlassian.Ambiguous},
		"fails at its deadline": {func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded }, atlassian.Ambiguous},
		"wraps net/http": {func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.URL.Host = "127.0.0.1:1" // nothing listens there
			r.URL.Scheme = "http"
			return atlassian.DefaultTransport().RoundTrip(r)
		}, atlassian.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			client := &atlassian.Client{HTTPClient: &http.Client{Transport: c.transport}}
			e := refreshOnce(t, t.Context(), client)
			require.Equal(t, c.class, e.Class, "%v", e)
			require.Equal(t, c.class == atlassian.Ambiguous, e.Sent)
		})
	}
}

// A transport cannot repeat the request.
func TestTheBodyCannotBeRepeated(t *testing.T) {
	client := &atlassian.Client{HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		require.Nil(t, r.GetBody)
		require.True(t, r.Close)
		first, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Len(t, first, int(r.ContentLength))
		second, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Empty(t, second)
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"access_token":"a"}`))}, nil
	})}}
	_, err := client.Refresh(t.Context(), app, atlassian.NewSecret("t"))
	require.NoError(t, err)
}

// A caller's HTTP/2 transport works, and its failures are classified the same.
func TestHTTP2(t *testing.T) {
	var n atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, 2, r.ProtoMajor)
		if _, _ = io.Copy(io.Discard, r.Body); n.Add(1) == 1 {
			_, _ = io.WriteString(w, `{"access_token":"a"}`)
			return
		}
		panic(http.ErrAbortHandler)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	defer s.Close()
	client := &atlassian.Client{AuthURL: s.URL, HTTPClient: s.Client()}
	_, err := client.Refresh(t.Context(), app, atlassian.NewSecret("t"))
	require.NoError(t, err)
	e := refreshOnce(t, t.Context(), client)
	require.Equal(t, atlassian.Ambiguous, e.Class)
	require.True(t, e.Sent)
	require.EqualValues(t, 2, n.Load())
}
