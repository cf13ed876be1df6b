package atlassian

import "net/http"

// op is the name of an operation, as in Error.Op.
type op string

const (
	opExchange  op = "exchange"
	opRefresh   op = "refresh"
	opResources op = "accessible resources"
	opGet       op = "get"
)

// spends reports whether the operation presents a code or token that works once.
func (o op) spends() bool { return o == opExchange || o == opRefresh }

// reach is how far a request got.
type reach int

const (
	// sent: there was a connection, so the request may have been written, but no
	// status came back. It is the zero reach because it must be assumed in doubt.
	sent reach = iota
	// unsent: it is proven that no part of the request left this machine.
	unsent
	// answered: a status line and headers came back.
	answered
)

// evidence is all that a failure is judged by. It has no texts of the answer
// (error_description, message), since Atlassian may change them at any time.
type evidence struct {
	op    op
	reach reach
	// status is the answer's HTTP status; 0 unless answered.
	status int
	// code is the OAuth error code of a body that arrived complete; else "".
	code string
	// usable: the body contains what the operation asks for, such as a token pair.
	usable bool
}

// classify judges one request; ok means that it succeeded. Only this function
// decides the Class of a failure.
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
		// A redirect, a 200 without a token, or a 5xx. A 5xx may come after the
		// commit, and from any server in between. Nothing is proven: the token may
		// be spent or not.
		return Ambiguous, false
	}
	class = classifyRefusal(e.status, e.code)
	if e.op == opExchange && (class == Permanent || e.status == http.StatusBadRequest && e.code == "invalid_request") {
		// Atlassian answers a bad code with 400 invalid_request. A new consent loses
		// nothing. Presenting the code again would not help.
		return RestartConsent, false
	}
	return class, false
}

// Statuses that load balancers use and RFC 9110 does not define: the client closed
// the connection before the answer was ready.
const (
	statusClientGone       = 460 // AWS
	statusClientClosedSoon = 499 // nginx
)

// classifyRefusal judges a 4xx of the token endpoint: the request was answered but
// not carried out. The status decides if it says who refused. Otherwise the OAuth
// error code decides. An unregistered status counts as 400 (RFC 9110 section 15).
func classifyRefusal(status int, code string) Class {
	switch status {
	case http.StatusUnauthorized:
		// The app is checked before the grant, so the body does not matter, not
		// even a broken one. A 401 must not count as a refusal of the token or as a
		// lost answer: a mistyped client secret would then cost a living family.
		return Configuration
	case http.StatusTooManyRequests, http.StatusTooEarly, http.StatusMisdirectedRequest, http.StatusProxyAuthRequired:
		// 429: the rate limiter comes before the grant. 425 (RFC 8470 section 5.2)
		// and 421 (RFC 9110 section 15.5.20): the server did not begin. 407: the
		// proxy did not forward the request. The body is not needed.
		return Transient
	case http.StatusRequestTimeout, statusClientGone, statusClientClosedSoon:
		// A time limit passed. The status does not say how far the request got, nor
		// what other servers did with it.
		return Ambiguous
	case http.StatusBadRequest, http.StatusForbidden:
		if class, known := classOfCode(status, code); known {
			return class
		}
	}
	if code == "server_error" || code == "temporarily_unavailable" {
		// RFC 6749 section 4.1.2.1: they replace 500 and 503, so they count as those.
		return Ambiguous
	}
	// The request could not be read, or not at this address: 400 invalid_request,
	// 404, 405, 413, 415 and similar, and the pages of firewalls. The token was not
	// checked.
	return Malformed
}

// classOfCode judges the OAuth error codes of a 400 (RFC 6749 section 5.2) or 403.
func classOfCode(status int, code string) (class Class, known bool) {
	switch code {
	case "invalid_grant":
		return Permanent, true
	case "unauthorized_client":
		// With 400, as in the RFC: the app may not use this grant type. With 403, as
		// seen in practice: Atlassian refuses the refresh token.
		if status == http.StatusForbidden {
			return Permanent, true
		}
		return Configuration, true
	case "invalid_client", "unsupported_grant_type", "invalid_scope", "access_denied": // the last: inactive user
		return Configuration, true
	}
	return Ambiguous, false
}

// classifyRead judges requests with an access token, which spend nothing. A failure
// that may pass by itself is transient, even if the request was sent.
func classifyRead(e evidence) Class {
	switch {
	case e.reach != answered, e.status/100 == 2, e.status >= 500:
		return Transient
	case e.status == http.StatusTooManyRequests, e.status == http.StatusRequestTimeout, e.status == http.StatusTooEarly:
		return Transient
	case e.status == http.StatusUnauthorized:
		return Permanent
	}
	// The token was accepted and the request was not: wrong site or path, missing
	// permission, or a redirect, which is never followed.
	return Configuration
}
