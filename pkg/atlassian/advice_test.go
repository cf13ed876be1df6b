package atlassian_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// through is a client that sends its requests through a proxy.
func through(t *testing.T, proxy string) *atlassian.Client {
	t.Helper()
	u, err := url.Parse(proxy)
	require.NoError(t, err)
	transport := atlassian.DefaultTransport()
	transport.Proxy = http.ProxyURL(u)
	return &atlassian.Client{AuthURL: "https://auth.atlassian.invalid", HTTPClient: &http.Client{Transport: transport}}
}

// A failure of the network says what to set. Nothing was sent in any of them. The
// error never contains the proxy's text or password.
func TestNetworkFailuresSayWhatToDo(t *testing.T) {
	answers := func(status int) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			require.Equal(t, http.MethodConnect, r.Method)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, canary)
		}))
		t.Cleanup(s.Close)
		return "http://user:" + canary + "@" + s.Listener.Addr().String()
	}
	closed := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, l.Close())
		return "http://user:" + canary + "@" + l.Addr().String()
	}
	inspected := httptest.NewUnstartedServer(http.NotFoundHandler())
	inspected.Config.ErrorLog = quiet()
	inspected.StartTLS()
	t.Cleanup(inspected.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	direct := atlassian.DefaultTransport()
	direct.Proxy = nil
	slow := direct.Clone()
	slow.DialContext = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
	}
	to := func(address string, transport *http.Transport) *atlassian.Client {
		return &atlassian.Client{AuthURL: address, HTTPClient: &http.Client{Transport: transport}}
	}
	for _, c := range []struct {
		name   string
		client *atlassian.Client
		says   []string
	}{
		{"a proxy that wants a password", through(t, answers(407)), []string{"HTTP 407", "USER:PASSWORD@HOST"}},
		{"a proxy that forbids the host", through(t, answers(403)), []string{"the proxy refused the connection (HTTP 403 Forbidden)", "NO_PROXY"}},
		{"a proxy that does not listen", through(t, closed()), []string{"connection refused", "correct HTTPS_PROXY"}},
		{"a proxy of an unknown name", through(t, "http://nowhere.invalid:3128"), []string{"proxyconnect", "correct HTTPS_PROXY"}},
		{"TLS inspection", to(inspected.URL, direct), []string{"certificate signed by unknown authority", "SSL_CERT_FILE"}},
		{"a certificate of another host", to("https://localhost:"+port(t, inspected.URL), trusting(direct, inspected)), []string{"certificate", "the clock of this machine and the address"}},
		{"no TLS at all", to("https://"+plain.Listener.Addr().String(), direct), []string{"the server did not answer with TLS"}},
		{"no name server", to("https://nowhere.invalid", direct), []string{"nowhere.invalid", "name server", "HTTPS_PROXY"}},
		{"a host that never answers", to("https://nowhere.invalid", slow), []string{"timed out", "reaches the internet", "HTTPS_PROXY"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			e := refreshOnce(t, t.Context(), c.client)
			require.Less(t, time.Since(began), 10*time.Second)
			require.Equal(t, atlassian.Transient, e.Class)
			require.False(t, e.Sent)
			for _, text := range c.says {
				require.ErrorContains(t, e, text)
			}
		})
	}
	e := refreshOnce(t, t.Context(), through(t, answers(407)))
	var proxy *atlassian.ProxyError
	require.ErrorAs(t, e, &proxy)
	require.Equal(t, 407, proxy.Status)
}

func port(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u.Port()
}

// trusting is a transport that trusts the server's certificate.
func trusting(base *http.Transport, s *httptest.Server) *http.Transport {
	transport := base.Clone()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return transport
}

// A request without a deadline ends after DefaultTimeout. The caller's time-out and
// deadline are kept.
func TestDefaultTimeout(t *testing.T) {
	for _, c := range []struct {
		name              string
		deadline, timeout time.Duration
		want              time.Duration
	}{
		{"nothing given", 0, 0, atlassian.DefaultTimeout},
		{"a deadline", time.Minute, 0, time.Minute},
		{"a time-out", 0, time.Minute, time.Minute},
		{"both", time.Minute, time.Second, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hangs := roundTripper(func(r *http.Request) (*http.Response, error) {
					<-r.Context().Done()
					return nil, r.Context().Err()
				})
				client := &atlassian.Client{HTTPClient: &http.Client{Transport: hangs, Timeout: c.timeout}}
				ctx := t.Context()
				if c.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
					defer cancel()
				}
				began := time.Now()
				e := refreshOnce(t, ctx, client)
				require.Equal(t, c.want, time.Since(began))
				require.ErrorIs(t, e, context.DeadlineExceeded)
				require.Equal(t, atlassian.Ambiguous, e.Class)
			})
		})
	}
}
