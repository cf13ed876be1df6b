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

// How long DefaultTransport waits for a connection. Both time limits pass before
// anything was sent. They may be short: the token is not spent, and the next tick
// tries again.
const (
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 5 * time.Second
)

// DefaultTransport returns a new transport, of the kind that a Client without an
// HTTPClient uses. Use it as the base of your own.
//
//   - No connection is used twice. A connection that was kept while a Lambda
//     function was frozen or a laptop slept may be dead. A request that is written
//     to it gets no answer, which is an ambiguous failure. A new connection works,
//     or fails before anything was sent.
//   - HTTP/1.1 only: HTTP/2 has no advantage with one request per connection.
//   - 5 s for the connection and 5 s for its TLS handshake. The Client limits the
//     whole request.
//   - The proxy comes from the environment (HTTPS_PROXY, NO_PROXY). Its refusal is a
//     *[ProxyError].
//   - It trusts the certificate authorities of the system, or of SSL_CERT_FILE. Set
//     TLSClientConfig for others.
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
		DisableCompression:     true, // a body that broke off stays readable up to the break
		MaxResponseHeaderBytes: 1 << 20,
		Protocols:              protocols,
	}
}

// proxyAnswer turns a proxy's refusal into an error with a type of its own. The
// error of net/http has only the proxy's text.
func proxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return &ProxyError{Status: answer.StatusCode}
	}
	return nil
}

// sharedTransport serves all Clients without a transport. It keeps no connection.
var sharedTransport = sync.OnceValue(DefaultTransport)

// progress records how far a request gets.
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

// reach is how far a request got that failed without an answer. "unsent" needs
// proof. net/http reports when it asks for a connection and when it has one, proxy
// and TLS included, before it writes a byte. Another kind of transport may not
// report, so a missing report proves nothing.
func (p *progress) reach(rt http.RoundTripper) reach {
	_, reports := rt.(*http.Transport)
	if p.connected.Load() || p.read.Load() || !reports && !p.dialing.Load() {
		return sent
	}
	return unsent
}

// onceBody is a request body that can be sent only once. net/http repeats some
// requests on another connection by itself. It cannot repeat this one, since it can
// neither rewind the body (Request.GetBody stays nil) nor read it again.
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
