package atlassian

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// How long DefaultTransport waits for a connection. Both fail before anything
// was sent, so they may be short: the token is safe and the next tick tries again.
const (
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 5 * time.Second
)

// DefaultTransport returns a new transport of the kind that a Client without an
// HTTPClient uses; take it as the base of your own. Its traits:
//
//   - No connection is used twice. One that was kept over the freeze of a Lambda
//     or a laptop's sleep may be dead, and a request written into it has no
//     answer: an ambiguous failure where a new connection would have failed
//     cleanly, before anything was sent, or worked.
//   - HTTP/1.1 only: HTTP/2 has no use for a connection with one request.
//   - 5 s for the connection and 5 s for its TLS handshake. The time for the whole
//     request is the Client's.
//   - A proxy is taken from the environment (HTTPS_PROXY, NO_PROXY), and its refusal
//     is a *[ProxyError]. Certificates of authorities are those of the system, or of
//     SSL_CERT_FILE; set TLSClientConfig for others.
func DefaultTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: proxyAnswer,
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    handshakeTimeout,
		DisableKeepAlives:      true,
		DisableCompression:     true, // a body cut short stays readable up to the cut
		MaxResponseHeaderBytes: 1 << 20,
		Protocols:              protocols,
	}
}

// proxyAnswer turns a proxy's refusal into an error that can be told from others:
// net/http's own is the proxy's words alone.
func proxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return &ProxyError{Status: answer.StatusCode}
	}
	return nil
}

// sharedTransport serves all Clients without a transport; it keeps no connection.
var sharedTransport = sync.OnceValue(DefaultTransport)

// progress watches how far a request gets.
type progress struct {
	dialing, connected, read atomic.Bool
}

// watch returns a context that reports to p.
func (p *progress) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { p.dialing.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { p.connected.Store(true) },
	})
}

// reach says how far a request that failed without an answer got. "unsent"
// takes proof: net/http asks for a connection, and reports when it has it,
// proxy and TLS included, before it writes a byte. A transport of another make
// may not report, so its silence proves nothing.
func (p *progress) reach(rt http.RoundTripper) reach {
	_, reports := rt.(*http.Transport)
	if p.connected.Load() || p.read.Load() || !reports && !p.dialing.Load() {
		return sent
	}
	return unsent
}

// onceBody is a request body that exists once. net/http repeats some requests
// on another connection by itself; it cannot repeat a body that it can neither
// rewind (Request.GetBody stays nil) nor read again.
type onceBody struct {
	r *strings.Reader
	p *progress
}

// Read notes that the request is being written.
func (b *onceBody) Read(buf []byte) (int, error) {
	b.p.read.Store(true)
	return b.r.Read(buf)
}

// Close implements io.Closer.
func (b *onceBody) Close() error { return nil }

var _ io.ReadCloser = (*onceBody)(nil)
