package atlassian

import (
	"strconv"
	"strings"
	"time"
)

// Class says what a failed request means for the token that was presented.
type Class int

const (
	// Ambiguous: the request may have been carried out, so the presented refresh
	// token may be spent. It is the zero Class because it must be assumed if nothing
	// is known.
	Ambiguous Class = iota
	// Permanent: Atlassian refused the presented token. A refresh token is expired,
	// spent or revoked. An access token is expired or revoked, or its scopes do not
	// suffice.
	Permanent
	// Configuration: the client id or secret is wrong, the app may not use the grant
	// or a scope, the account is inactive, or the input is invalid. The token is not
	// spent.
	Configuration
	// Transient: the request did not reach the grant (rate limit, DNS, connection
	// refused), or it only reads. The token is not spent; try again later.
	Transient
	// RestartConsent: the authorization code is invalid, used or expired.
	RestartConsent
	// Malformed: the server, or one before it, could not read the request or has no
	// such path (400 invalid_request, 404, 405, 415, a firewall's page). The token
	// was not checked and is not spent. Atlassian answers so to a text that is not a
	// token. Other servers sometimes answer so although the request is right, and
	// proxies instead of an answer. Try again within the reuse interval, then with
	// growing waits, and never take it for a refusal.
	Malformed
)

// String returns the class's name in records, logs and metrics: "ambiguous",
// "permanent", "configuration", "transient", "restart_consent" or "malformed".
// An unknown number is "ambiguous".
func (c Class) String() string {
	switch c {
	case Permanent:
		return "permanent"
	case Configuration:
		return "configuration"
	case Transient:
		return "transient"
	case RestartConsent:
		return "restart_consent"
	case Malformed:
		return "malformed"
	default:
		return "ambiguous"
	}
}

// Error is the failure of one request to Atlassian. It contains no part of the
// request, and of the answer's body only the OAuth error code.
type Error struct {
	// Op is the operation: "exchange", "refresh", "accessible resources" or "get".
	Op    string
	Class Class
	// Status is the HTTP status, 0 if no answer came.
	Status int
	// Code is the answer's OAuth error code, such as "invalid_grant". It is empty
	// unless it has the form of registered codes ([a-z_], at most 40 characters).
	Code string
	// RetryAfter is how long Atlassian asked to wait, at most MaxRetryAfter; 0 if
	// it did not say.
	RetryAfter time.Duration
	// Sent reports whether the request may have left this machine.
	Sent bool
	// Err is the underlying network or decoding error, without secrets; may be nil.
	Err error
}

// Error names the operation, the class and the answer, for example
// "refresh: permanent (HTTP 403 invalid_grant)" or
// "refresh: transient (not sent): dial tcp 127.0.0.1:9: connect: connection refused".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	b.WriteString(e.Class.String() + " (")
	switch {
	case e.Status != 0:
		b.WriteString("HTTP " + strconv.Itoa(e.Status))
	case e.Sent:
		b.WriteString("sent, no answer")
	default:
		b.WriteString("not sent")
	}
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	if e.RetryAfter > 0 {
		b.WriteString(", retry after " + e.RetryAfter.String())
	}
	b.WriteString(")")
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns Err, for example for errors.Is(err, context.DeadlineExceeded).
func (e *Error) Unwrap() error { return e.Err }

// reason is a failure that this package describes in its own words. It is a
// constant text, so it cannot contain a part of a request or an answer.
type reason string

// Error returns the text.
func (r reason) Error() string { return string(r) }
