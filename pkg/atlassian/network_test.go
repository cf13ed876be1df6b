package atlassian_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// rawServer reads the request of each connection, counts it, passes the connection
// to handle, and closes it afterwards.
func rawServer(t *testing.T, handle func(net.Conn)) (*atlassian.Client, *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var requests atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r, err := http.ReadRequest(bufio.NewReader(conn))
			if err == nil {
				_, _ = io.Copy(io.Discard, r.Body)
				requests.Add(1)
				handle(conn)
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	u := "http://" + l.Addr().String()
	return &atlassian.Client{AuthURL: u, APIURL: u}, &requests
}

// refreshOnce makes one refresh that must fail.
func refreshOnce(t *testing.T, ctx context.Context, c *atlassian.Client) *atlassian.Error {
	t.Helper()
	_, err := c.Refresh(ctx, app, atlassian.NewSecret(canary))
	require.Error(t, err)
	return failure(t, err)
}

func TestBreaksAfterTheRequestAreAmbiguous(t *testing.T) {
	const pair = `{"access_token":"a","refresh_token":"` + canary + `"}`
	for _, c := range []struct {
		name, answer string
		status       int
		is           error
	}{
		{"closed after reading", "", 0, io.EOF},
		{"closed in the status line", "HTTP/1.1 2", 0, nil},
		{"closed in the headers", "HTTP/1.1 200 OK\r\nContent-Type: appl", 0, io.ErrUnexpectedEOF},
		{"not HTTP", canary + "\r\n\r\n", 0, nil},
		{"malformed header", "HTTP/1.1 200 OK\r\n" + canary + "\r\n\r\n", 0, nil},
		{"malformed status", "HTTP/1.1 " + canary + "\r\n\r\n", 0, nil},
		{"closed in the body", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + pair[:50], 200, io.ErrUnexpectedEOF},
		{"closed in a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + pair[:20], 200, io.ErrUnexpectedEOF},
		{"malformed chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + canary + "\r\n", 200, nil},
		{"500 that broke off", "HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\n{", 500, io.ErrUnexpectedEOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, n := rawServer(t, func(conn net.Conn) { _, _ = io.WriteString(conn, c.answer) })
			e := refreshOnce(t, t.Context(), client)
			require.Equal(t, atlassian.Ambiguous, e.Class, "%v", e)
			require.True(t, e.Sent)
			require.Equal(t, c.status, e.Status)
			require.Empty(t, e.Code)
			if c.is != nil {
				require.ErrorIs(t, e, c.is)
			}
			require.EqualValues(t, 1, n.Load(), "requests")
		})
	}
}

func TestStatusDecidesIfTheBodyBroke(t *testing.T) {
	for status, want := range map[string]atlassian.Class{
		"429 Too Many Requests\r\nRetry-After: 7": atlassian.Transient,
		"401 Unauthorized":                        atlassian.Configuration,
		// A code in half a body does not count, but the request was refused.
		"403 Forbidden": atlassian.Malformed,
		"404 Not Found": atlassian.Malformed,
	} {
		t.Run(status[:3], func(t *testing.T) {
			client, n := rawServer(t, func(conn net.Conn) {
				_, _ = io.WriteString(conn, "HTTP/1.1 "+status+"\r\nContent-Length: 100\r\n\r\n{")
			})
			e := refreshOnce(t, t.Context(), client)
			require.Equal(t, want, e.Class)
			require.EqualValues(t, 1, n.Load())
			if want == atlassian.Transient {
				require.Equal(t, 7*time.Second, e.RetryAfter)
			}
		})
	}
}

func TestResetIsAmbiguous(t *testing.T) {
	client, n := rawServer(t, func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) })
	e := refreshOnce(t, t.Context(), client)
	require.Equal(t, atlassian.Ambiguous, e.Class)
	require.ErrorIs(t, e, syscall.ECONNRESET)
	require.EqualValues(t, 1, n.Load())
}

func TestSlowAnswers(t *testing.T) {
	for name, head := range map[string]string{
		"no answer":         "",
		"answer's body":     "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
		"answer's headers ": "HTTP/1.1 200 OK\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			read := make(chan struct{})
			client, n := rawServer(t, func(conn net.Conn) {
				_, _ = io.WriteString(conn, head)
				close(read)
				_, _ = conn.Read(make([]byte, 1)) // until the client leaves
			})
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			e := refreshOnce(t, ctx, client)
			<-read
			require.Equal(t, atlassian.Ambiguous, e.Class)
			require.True(t, e.Sent)
			require.ErrorIs(t, e, context.DeadlineExceeded)
			require.EqualValues(t, 1, n.Load())
		})
	}
	t.Run("the caller's Timeout", func(t *testing.T) {
		client, n := rawServer(t, func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) })
		client.HTTPClient = &http.Client{Timeout: 200 * time.Millisecond}
		e := refreshOnce(t, t.Context(), client)
		require.Equal(t, atlassian.Ambiguous, e.Class)
		require.ErrorIs(t, e, context.DeadlineExceeded)
		require.EqualValues(t, 1, n.Load())
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		client, _ := rawServer(t, func(conn net.Conn) { cancel(); _, _ = conn.Read(make([]byte, 1)) })
		e := refreshOnce(t, ctx, client)
		require.Equal(t, atlassian.Ambiguous, e.Class)
		require.ErrorIs(t, e, context.Canceled)
	})
}

func TestFailuresBeforeTheRequestAreTransient(t *testing.T) {
	requireUnsent := func(t *testing.T, e *atlassian.Error) {
		t.Helper()
		require.Equal(t, atlassian.Transient, e.Class, "%v", e)
		require.False(t, e.Sent)
		require.Zero(t, e.Status)
	}
	t.Run("refused port", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, l.Close())
		e := refreshOnce(t, t.Context(), &atlassian.Client{AuthURL: "http://" + l.Addr().String()})
		requireUnsent(t, e)
		require.ErrorIs(t, e, syscall.ECONNREFUSED)
		require.Contains(t, e.Error(), "refresh: transient (not sent): dial tcp 127.0.0.1:")
	})
	t.Run("unknown host", func(t *testing.T) {
		transport := atlassian.DefaultTransport()
		transport.Proxy = nil // a proxy would look the name up itself
		e := refreshOnce(t, t.Context(), &atlassian.Client{AuthURL: "https://nowhere.invalid", HTTPClient: &http.Client{Transport: transport}})
		requireUnsent(t, e)
		var dns *net.DNSError
		require.ErrorAs(t, e, &dns)
	})
	t.Run("TLS certificate", func(t *testing.T) {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request came") }))
		s.Config.ErrorLog = quiet()
		s.StartTLS()
		defer s.Close()
		e := refreshOnce(t, t.Context(), &atlassian.Client{AuthURL: s.URL})
		requireUnsent(t, e)
		require.Contains(t, e.Error(), "certificate")
	})
	t.Run("TLS to a server without it", func(t *testing.T) {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request came") }))
		s.Config.ErrorLog = quiet()
		s.Start()
		defer s.Close()
		u, err := url.Parse(s.URL)
		require.NoError(t, err)
		u.Scheme = "https"
		requireUnsent(t, refreshOnce(t, t.Context(), &atlassian.Client{AuthURL: u.String()}))
	})
	t.Run("closed in the handshake", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		go func() {
			if conn, err := l.Accept(); err == nil {
				_, _ = conn.Read(make([]byte, 100))
				_ = conn.Close()
			}
		}()
		requireUnsent(t, refreshOnce(t, t.Context(), &atlassian.Client{AuthURL: "https://" + l.Addr().String()}))
	})
	t.Run("silent in the handshake until the deadline", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0") // the system accepts, nobody answers
		require.NoError(t, err)
		defer l.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		e := refreshOnce(t, ctx, &atlassian.Client{AuthURL: "https://" + l.Addr().String()})
		requireUnsent(t, e)
		require.ErrorIs(t, e, context.DeadlineExceeded)
	})
	t.Run("cancelled beforehand", func(t *testing.T) {
		client, n := rawServer(t, func(net.Conn) {})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		e := refreshOnce(t, ctx, client)
		requireUnsent(t, e)
		require.ErrorIs(t, e, context.Canceled)
		require.Zero(t, n.Load())
	})
	t.Run("proxy address with a password", func(t *testing.T) {
		transport := atlassian.DefaultTransport()
		transport.Proxy = func(*http.Request) (*url.URL, error) {
			return nil, errors.New("invalid proxy address http://u:" + canary + "@proxy")
		}
		requireUnsent(t, refreshOnce(t, t.Context(), &atlassian.Client{HTTPClient: &http.Client{Transport: transport}}))
	})
	t.Run("dialer's time-out", func(t *testing.T) {
		transport := atlassian.DefaultTransport()
		transport.Proxy = nil
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
		}
		e := refreshOnce(t, t.Context(), &atlassian.Client{HTTPClient: &http.Client{Transport: transport}})
		requireUnsent(t, e)
		require.ErrorIs(t, e, context.DeadlineExceeded)
		require.Contains(t, e.Error(), "refresh: transient (not sent): dial tcp: timed out: check that")
	})
}
