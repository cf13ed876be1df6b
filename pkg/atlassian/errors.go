package atlassian

import (
	"strconv"
	"strings"
	"time"
)

// Class says what a failed request means for the token that was presented.
type Class int

const (
	// Ambiguous: the request may have been carried out; a refresh token that
	// was presented may be spent. The zero Class, because it is the one that
	// must be assumed when nothing is known.
	Ambiguous Class = iota
	// Permanent: Atlassian refused the token that was presented. A refresh
	// token is expired, spent or revoked; an access token is that, or its
	// scopes do not fit.
	Permanent
	// Configuration: client id or secret are wrong, the app may not use the grant
	// or a scope, the account is inactive, or the request cannot be sent as it was
	// given. The token is untouched.
	Configuration
	// Transient: the request did not reach the grant (rate limit, DNS, connection
	// refused), or it only reads and nothing can have been spent. The token is
	// not spent; try again later.
	Transient
	// RestartConsent: the authorization code is bad, used or expired.
	RestartConsent
	// Malformed: the server, or one before it, says that it could not read or
	// place the request (400 invalid_request, 404, 405, 415, a firewall's page).
	// The token was not judged and is not spent. Atlassian answers so to a token
	// that is none, and other servers do for a moment where nothing is wrong: try
	// again after a growing wait, and never take it for a refusal.
	Malformed
)

// String returns the class's name as it stands in records, logs and metrics:
// "ambiguous", "permanent", "configuration", "transient", "restart_consent" or
// "malformed".
// A number that is no class is "ambiguous" too, the class to assume.
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

// Error is the failure of one request to Atlassian. It never holds a part of
// the request or of the answer's body, save the OAuth error code.
type Error struct {
	// Op is the operation: "exchange", "refresh", "accessible resources" or "get".
	Op    string
	Class Class
	// Status is the HTTP status, 0 when no answer came.
	Status int
	// Code is the answer's OAuth error code such as "invalid_grant", where it
	// is one of the registered form ([a-z_], at most 40 characters); else empty.
	Code string
	// RetryAfter is how long Atlassian asked to wait, at most MaxRetryAfter; 0
	// when it did not say.
	RetryAfter time.Duration
	// Sent reports whether the request may have left this machine.
	Sent bool
	// Err is the underlying network or decoding error, free of secrets; may be nil.
	Err error
}

// Error names the operation, the class and what came back, for example
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

// Unwrap returns Err, so that errors.Is(err, context.DeadlineExceeded) and the
// like work.
func (e *Error) Unwrap() error { return e.Err }

// reason is a failure that this package describes in words of its own. It is a
// constant text and so can hold nothing of a request or an answer.
type reason string

// Error returns the text.
func (r reason) Error() string { return string(r) }
