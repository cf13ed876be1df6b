package atlassian

import (
	"context"
	"net/http"
	"time"
)

// Atlassian's own addresses.
const (
	// DefaultAuthURL serves /authorize and /oauth/token.
	DefaultAuthURL = "https://auth.atlassian.com"
	// DefaultAPIURL serves accessible-resources and the products' APIs.
	DefaultAPIURL = "https://api.atlassian.com"
)

// DefaultTimeout ends a request that neither its context nor the HTTPClient
// bounds. An answer that is still missing then is lost, but the time until the
// reuse interval ends is not.
const DefaultTimeout = 30 * time.Second

// Client makes requests to Atlassian. The zero Client is ready to use, and a
// Client may be used concurrently; change no field after its first use.
//
// Every method makes one attempt and fails with an *Error. The deadline is the
// context's; a request without one ends after DefaultTimeout.
type Client struct {
	// AuthURL and APIURL replace DefaultAuthURL and DefaultAPIURL: an http or
	// https address, with a path at most. Over http, tokens travel in the clear.
	AuthURL, APIURL string
	// HTTPClient says how requests travel; nil is for a DefaultTransport. Of its
	// fields these hold:
	//
	//   - Transport, whose RoundTrip is called once for each request. It sees tokens
	//     in requests and answers, and must not repeat a request. nil is for a
	//     DefaultTransport.
	//   - Timeout, from the connection to the end of the body; 0 is for
	//     DefaultTimeout where the context has no deadline.
	//
	// CheckRedirect and Jar do not: a redirect is never followed, as it would carry a
	// token elsewhere, but is a failure; and no cookie is kept or sent.
	HTTPClient *http.Client
	// Now is the clock for Retry-After dates in answers that have no Date;
	// nil is time.Now.
	Now func() time.Time
	// UserAgent names the program to Atlassian; empty is "tokenkeeper".
	UserAgent string
}

// reply is what is known after one request.
type reply struct {
	reach  reach
	status int
	header http.Header
	// body is what arrived of the body, unpacked, at most maxBody.
	body []byte
	// err says why there is no answer, or why its body is not whole; it may be
	// printed. nil exactly when the whole body arrived.
	err error
}

// retryAfter is what the answer asked for.
func (r reply) retryAfter(c *Client) time.Duration {
	if r.header == nil {
		return 0
	}
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	return retryAfter(r.header, now())
}

// do makes a request, once. It calls the transport without http.Client, which
// would follow redirects, and quote a bad Location header in its errors.
func (c *Client) do(req *http.Request, p *progress) reply {
	var rt http.RoundTripper = sharedTransport()
	if c.HTTPClient != nil && c.HTTPClient.Transport != nil {
		rt = c.HTTPClient.Transport
	}
	ctx, cancel := c.bound(req.Context())
	defer cancel()
	if err := ctx.Err(); err != nil {
		return reply{reach: unsent, err: err}
	}
	c.setHeaders(req.Header)

	resp, err := rt.RoundTrip(req.WithContext(p.watch(ctx)))
	if err == nil && resp == nil {
		return reply{reach: sent, err: reason("the HTTP transport gave neither an answer nor an error")}
	}
	if err != nil {
		return reply{reach: p.reach(rt), err: presentable(ctx, err)}
	}
	defer resp.Body.Close()
	r := reply{reach: answered, status: resp.StatusCode, header: resp.Header}
	r.body, err = readBody(resp.Body, maxBody)
	if err != nil && err != errTooLarge {
		r.err = presentable(ctx, err)
	} else {
		r.err = err
	}
	unpacked, err := unpack(r.header, r.body)
	if r.body = unpacked; r.err == nil {
		r.err = err
	}
	return r
}

// bound gives a context the Client's time-out; see DefaultTimeout.
func (c *Client) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.HTTPClient != nil && c.HTTPClient.Timeout > 0 {
		return context.WithTimeout(ctx, c.HTTPClient.Timeout)
	}
	if _, bounded := ctx.Deadline(); bounded {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, DefaultTimeout)
}

// setHeaders sets what all requests have.
func (c *Client) setHeaders(h http.Header) {
	agent := c.UserAgent
	if agent == "" {
		agent = "tokenkeeper"
	}
	h.Set("User-Agent", agent)
	h.Set("Accept", "application/json")
	h.Set("Accept-Encoding", "identity")
}

// failure describes a request that did not succeed.
func (c *Client) failure(o op, class Class, r reply, code string, err error) *Error {
	return &Error{
		Op: string(o), Class: class, Status: r.status, Code: code,
		RetryAfter: r.retryAfter(c), Sent: r.reach != unsent, Err: err,
	}
}

// invalid describes a request that cannot be sent as it was given.
func invalid(o op, err error) *Error {
	return &Error{Op: string(o), Class: Configuration, Err: err}
}
