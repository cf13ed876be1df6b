package atlassian

import "net/http"

// op is an operation, by the name that Error.Op has.
type op string

const (
	opExchange  op = "exchange"
	opRefresh   op = "refresh"
	opResources op = "accessible resources"
	opGet       op = "get"
)

// spends reports whether the operation presents something that works only once.
func (o op) spends() bool { return o == opExchange || o == opRefresh }

// reach is how far a request got.
type reach int

const (
	// sent: a connection stood, so the request may have been written, and no
	// answer's status came back. The zero reach, as it is the one to assume.
	sent reach = iota
	// unsent: it is proven that no part of the request left this machine.
	unsent
	// answered: a status line and headers came back.
	answered
)

// evidence is all that a failure is judged by. An answer's prose
// (error_description, message) is no part of it, since it changes at will.
type evidence struct {
	op    op
	reach reach
	// status is the answer's; 0 unless answered.
	status int
	// code is the OAuth error code of a body that arrived whole; else "".
	code string
	// usable: the body holds what the operation asks for, such as a token pair.
	usable bool
}

// classify judges one request; ok means that it succeeded. It is the only place
// where failures get their Class.
func classify(e evidence) (class Class, ok bool) {
	switch {
	case e.reach == unsent:
		return Transient, false
	case e.reach == answered && e.status/100 == 2 && e.usable:
		return 0, true
	case !e.op.spends():
		return classifyRead(e), false
	case e.reach != answered:
		return Ambiguous, false
	case e.status/100 != 4:
		// A redirect, a 200 without a token, and every 5xx, which may come after the
		// commit and from any server in between: the token is neither proven dead
		// nor proven untouched.
		return Ambiguous, false
	}
	class = classifyRefusal(e.status, e.code)
	if e.op == opExchange && (class == Permanent || e.status == http.StatusBadRequest && e.code == "invalid_request") {
		// Atlassian's answer to a bad code is 400 invalid_request. Nothing is lost
		// by a new consent, and nothing gained by presenting the code again.
		return RestartConsent, false
	}
	return class, false
}

// Statuses of load balancers that RFC 9110 does not know: the client went away
// before the answer was there.
const (
	statusClientGone       = 460 // AWS
	statusClientClosedSoon = 499 // nginx
)

// classifyRefusal judges a 4xx of the token endpoint: the request was answered,
// and not carried out. The status decides where it says who refused, and the
// OAuth error code elsewhere. Statuses that nobody registered count as 400, as
// RFC 9110 section 15 demands.
func classifyRefusal(status int, code string) Class {
	switch status {
	case http.StatusUnauthorized:
		// The app is checked before the grant, whatever the body says and even
		// if it broke off. A 401 seen as a refusal, or as a lost answer that is
		// given up after the leeway, would cost a living family for a mistyped
		// client secret.
		return Configuration
	case http.StatusTooManyRequests, http.StatusTooEarly, http.StatusMisdirectedRequest, http.StatusProxyAuthRequired:
		// The limiter stands before the grant; a 425 (RFC 8470 section 5.2) and a
		// 421 (RFC 9110 section 15.5.20) say that the server did not begin; a 407
		// is the proxy's, which did not forward. The headers suffice.
		return Transient
	case http.StatusRequestTimeout, statusClientGone, statusClientClosedSoon:
		// A time ran out. What was done with the request until then, or behind
		// the server that says so, is not said.
		return Ambiguous
	case http.StatusBadRequest, http.StatusForbidden:
		if class, known := classOfCode(status, code); known {
			return class
		}
	}
	if code == "server_error" || code == "temporarily_unavailable" {
		// RFC 6749 section 4.1.2.1: stand-ins for 500 and 503, so they count as those.
		return Ambiguous
	}
	// The request could not be read, or not at this place: 400 invalid_request,
	// 404, 405, 413, 415 and their like, and the pages of firewalls. Whether the
	// token is good was not looked at.
	return Malformed
}

// classOfCode judges the OAuth error codes of a 400 (RFC 6749 section 5.2) or 403.
func classOfCode(status int, code string) (class Class, known bool) {
	switch code {
	case "invalid_grant":
		return Permanent, true
	case "unauthorized_client":
		// With 400 as the RFC has it: the app may not use this grant type. With 403
		// it is Atlassian's refusal of a refresh token, as seen in practice.
		if status == http.StatusForbidden {
			return Permanent, true
		}
		return Configuration, true
	case "invalid_client", "unsupported_grant_type", "invalid_scope", "access_denied": // the last: inactive user
		return Configuration, true
	}
	return Ambiguous, false
}

// classifyRead judges requests with an access token, which spend nothing:
// whatever may pass by itself is transient, sent or not.
func classifyRead(e evidence) Class {
	switch {
	case e.reach != answered, e.status/100 == 2, e.status >= 500:
		return Transient
	case e.status == http.StatusTooManyRequests, e.status == http.StatusRequestTimeout, e.status == http.StatusTooEarly:
		return Transient
	case e.status == http.StatusUnauthorized:
		return Permanent
	}
	// The token was good and the request was not: wrong site or path, missing
	// permission, a redirect, which is never followed.
	return Configuration
}
