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
	// RetryAfter is how long Atlassian asked to wait, at most MaxRetryAfter; 0 if
	// it did not say.
	RetryAfter time.Duration
	// RateLimitReason is the header RateLimit-Reason, or empty. It says which limit a
	// 429 hit, such as "jira-quota-global-based".
	RateLimitReason string
	// LoginReason is the header X-Seraph-LoginReason, or empty. When Jira did not
	// accept the token, it was seen to answer 200 as to an anonymous visitor, with
	// the reason "AUTHENTICATED_FAILED". Empty and "OK" mean that nothing is wrong.
	LoginReason string
	// Body is at most 1 MiB of the answer's body, unpacked. It may contain personal
	// data of the site's users: do not log it.
	Body []byte
	// Truncated reports whether the body was larger than 1 MiB.
	Truncated bool
}

// Get requests a path under APIURL, such as
// "/ex/jira/{cloudId}/rest/api/3/project/search?maxResults=1", with the access
// token. The path must begin with one "/" and must not lead to another host or out
// of a directory. Get refuses backslashes, empty and dot segments, fragments, and
// escaped slashes, dots and percent signs.
//
// Every status but 2xx is an *Error. The Response is returned with it if an answer
// came. Permanent: the access token is refused. Configuration: the token was
// accepted and the request was not (permission, site, path). Transient: try later.
// A Get spends nothing and may be repeated.
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
		return reply{}, invalid(o, reason("the APIURL and the path do not form a valid address: correct them"))
	}
	req.Header.Set("Authorization", "Bearer "+access.Reveal())
	return c.do(req, new(progress)), nil
}

// readFailure judges a GET. cause is nil if its body is usable. The result is nil
// if it succeeded.
func (c *Client) readFailure(o op, r reply, cause error) error {
	e := evidence{op: o, reach: r.reach, status: r.status, usable: cause == nil}
	class, ok := classify(e)
	if ok {
		return nil
	}
	code := ""
	if r.reach == answered && r.err == nil && r.status/100 != 2 {
		// The status is the failure. An unusable body adds nothing to it.
		code, cause = errorCode(r.body), nil
	}
	return c.failure(o, class, r, code, cause)
}

// maxPath is the longest path that is requested, in bytes.
const maxPath = 8 << 10

// maxShortHeader is the longest value that is taken from a header that gives a
// reason, in bytes.
const maxShortHeader = 100

// checkPath accepts a path, with or without a query, that can only lead to a
// resource under APIURL. The error does not quote the path, since a caller may have
// given an address with a token by mistake.
func checkPath(path string) error {
	const whatNext = `: give one such as "/ex/jira/{cloudId}/rest/api/3/project/search"`
	if len(path) > maxPath {
		return reason("the path is longer than 8 KiB" + whatNext)
	}
	if !strings.HasPrefix(path, "/") {
		return reason("the path does not begin with a slash" + whatNext)
	}
	if !pathCharacters(path) {
		return reason("the path contains a character that must be escaped, such as a space, a backslash or #" + whatNext)
	}
	place, _, _ := strings.Cut(path, "?")
	if ambiguousEscape(place) {
		return reason("the path contains an escaped slash, dot, backslash, percent sign or control character" + whatNext)
	}
	for i, segment := range strings.Split(place[1:], "/") {
		name, _, _ := strings.Cut(segment, ";") // some servers remove ;parameters first
		if name == "." || name == ".." {
			return reason("the path contains a dot segment" + whatNext)
		}
		if segment == "" && i < strings.Count(place, "/")-1 {
			return reason("the path contains an empty segment (//)" + whatNext)
		}
	}
	if _, err := url.ParseRequestURI(path); err != nil {
		return reason("the path is not a valid URL path" + whatNext)
	}
	return nil
}

// shortHeader is a header's value if it looks like a name, and else empty.
func shortHeader(h http.Header, name string) string {
	if v := h.Get(name); len(v) <= maxShortHeader && made(v, letters+digits+"_.:-") {
		return v
	}
	return ""
}
