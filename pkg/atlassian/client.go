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

// DefaultTimeout ends a request if neither its context nor the HTTPClient has a
// time limit. Its answer is lost then, but enough of the reuse interval is left to
// present the token again.
const DefaultTimeout = 30 * time.Second

// Client makes requests to Atlassian. The zero Client is ready to use. A Client
// may be used concurrently; do not change a field after its first use.
//
// Every method makes one attempt and fails with an *Error. The deadline is the
// context's. A request without a deadline ends after DefaultTimeout.
type Client struct {
	// AuthURL and APIURL replace DefaultAuthURL and DefaultAPIURL: an http or
	// https address, optionally with a path. http sends tokens unencrypted.
	AuthURL, APIURL string
	// HTTPClient says how requests are sent; nil means a DefaultTransport. Two of its
	// fields are used:
	//
	//   - Transport: its RoundTrip is called once for each request. It sees tokens
	//     in requests and answers, and must not repeat a request. nil means a
	//     DefaultTransport.
	//   - Timeout: from the connection to the end of the body. 0 means
	//     DefaultTimeout if the context has no deadline.
	//
	// CheckRedirect and Jar are ignored. A redirect is a failure and never followed,
	// since it would carry a token elsewhere. No cookie is kept or sent.
	HTTPClient *http.Client
	// Now is the clock for Retry-After dates in answers without a Date; nil means
	// time.Now.
	Now func() time.Time
	// UserAgent names the program to Atlassian; empty means "tokenkeeper".
	UserAgent string
}

// reply is what is known after one request.
type reply struct {
	reach  reach
	status int
	header http.Header
	// body is the part of the body that arrived, unpacked, at most maxBody.
	body []byte
	// err says why there is no answer, or why its body is incomplete. It may be
	// printed. It is nil exactly if the complete body arrived.
	err error
}

// retryAfter is how long the answer asked to wait.
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

// do makes a request, once. It does not use http.Client, which would follow
// redirects and quote a bad Location header in its errors.
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
		return reply{reach: sent, err: reason("the HTTP transport returned neither an answer nor an error")}
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

// bound adds the Client's time limit to a context; see DefaultTimeout.
func (c *Client) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.HTTPClient != nil && c.HTTPClient.Timeout > 0 {
		return context.WithTimeout(ctx, c.HTTPClient.Timeout)
	}
	if _, bounded := ctx.Deadline(); bounded {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, DefaultTimeout)
}

// setHeaders sets the headers of all requests.
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

// invalid describes a request that cannot be sent because its input is invalid.
func invalid(o op, err error) *Error {
	return &Error{Op: string(o), Class: Configuration, Err: err}
}
