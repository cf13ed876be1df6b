package atlassian

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Response is an answer of api.atlassian.com.
type Response struct {
	// Status is the HTTP status.
	Status int
	// RetryAfter is how long Atlassian asked to wait, at most MaxRetryAfter; 0
	// when it did not say.
	RetryAfter time.Duration
	// RateLimitReason is the header RateLimit-Reason, such as
	// "jira-quota-global-based": which limit a 429 hit. Empty where there is none.
	RateLimitReason string
	// LoginReason is the header X-Seraph-LoginReason. Jira was seen to answer 200 as
	// to an anonymous visitor, with "AUTHENTICATED_FAILED", where it did not accept
	// the token. Empty where there is none; "OK" is another name for none.
	LoginReason string
	// Body is the answer's body, unpacked, at most 1 MiB of it. It may hold personal data
	// of the site's users: it is not for logs.
	Body []byte
	// Truncated is true when the body was larger than that.
	Truncated bool
}

// Get requests a path under APIURL, such as
// "/ex/jira/{cloudId}/rest/api/3/project/search?maxResults=1", with the access
// token. The path begins with one "/", and can lead to no other host and out of
// no directory: backslashes, empty and dot segments, escaped slashes, dots and
// percent signs, and fragments are refused.
//
// Every status but 2xx is an *Error, and the Response is returned beside it
// whenever an answer came. Permanent: the access token is refused.
// Configuration: the token is good and the request is not (permission, site,
// path). Transient: try later. A Get spends nothing and may be repeated.
func (c *Client) Get(ctx context.Context, access Secret, path string) (*Response, error) {
	r, err := c.read(ctx, opGet, access, path)
	if err != nil {
		return nil, err
	}
	if r.reach != answered {
		return nil, c.readFailure(opGet, r, r.err)
	}
	cause := r.err
	if cause == errTooLarge {
		cause = nil
	}
	return &Response{
		Status: r.status, RetryAfter: r.retryAfter(c), RateLimitReason: shortHeader(r.header, "RateLimit-Reason"),
		LoginReason: shortHeader(r.header, "X-Seraph-LoginReason"), Body: r.body, Truncated: r.err == errTooLarge,
	}, c.readFailure(opGet, r, cause)
}

// read makes one GET with an access token.
func (c *Client) read(ctx context.Context, o op, access Secret, path string) (reply, error) {
	base, err := baseURL("APIURL", c.APIURL, DefaultAPIURL)
	if err == nil {
		err = checkInput("access token", access.Reveal(), "refresh it")
	}
	if err == nil {
		err = checkPath(path)
	}
	if err != nil {
		return reply{}, invalid(o, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return reply{}, invalid(o, reason("the APIURL and the path make no valid request: correct them"))
	}
	req.Header.Set("Authorization", "Bearer "+access.Reveal())
	return c.do(req, new(progress)), nil
}

// readFailure judges a GET; cause is nil when its body is usable. The result is
// nil when it succeeded.
func (c *Client) readFailure(o op, r reply, cause error) error {
	e := evidence{op: o, reach: r.reach, status: r.status, usable: cause == nil}
	class, ok := classify(e)
	if ok {
		return nil
	}
	code := ""
	if r.reach == answered && r.err == nil && r.status/100 != 2 {
		// What is wrong is the status; that the body is no list says nothing.
		code, cause = errorCode(r.body), nil
	}
	return c.failure(o, class, r, code, cause)
}

// maxPath is the longest path that is requested, in bytes.
const maxPath = 8 << 10

// maxShortHeader bounds what is taken from a header that gives a reason, in bytes.
const maxShortHeader = 100

// checkPath accepts a path, with or without a query, that can only lead to a
// place under APIURL. The error does not quote it: it may be an address with a
// token that was given by mistake.
func checkPath(path string) error {
	const whatNext = `: give one such as "/ex/jira/{cloudId}/rest/api/3/project/search"`
	if len(path) > maxPath {
		return reason("the path is longer than 8 KiB" + whatNext)
	}
	if !strings.HasPrefix(path, "/") {
		return reason("the path does not begin with a slash" + whatNext)
	}
	if !pathCharacters(path) {
		return reason("the path holds a character that has to be escaped, such as a space, a backslash or #" + whatNext)
	}
	place, _, _ := strings.Cut(path, "?")
	if ambiguousEscape(place) {
		return reason("the path holds an escaped slash, dot, backslash, percent sign or control character" + whatNext)
	}
	for i, segment := range strings.Split(place[1:], "/") {
		name, _, _ := strings.Cut(segment, ";") // some servers drop ;parameters first
		if name == "." || name == ".." {
			return reason("the path holds a dot segment" + whatNext)
		}
		if segment == "" && i < strings.Count(place, "/")-1 {
			return reason("the path holds an empty segment (//)" + whatNext)
		}
	}
	if _, err := url.ParseRequestURI(path); err != nil {
		return reason("the path is not one of a URL" + whatNext)
	}
	return nil
}

// shortHeader is a header's value if it is a name, and else empty.
func shortHeader(h http.Header, name string) string {
	if v := h.Get(name); len(v) <= maxShortHeader && made(v, letters+digits+"_.:-") {
		return v
	}
	return ""
}
