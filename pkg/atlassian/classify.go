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
//
// The codes are those of RFC 6749 section 5.2 as Atlassian uses them. Where the
// two differ (403 unauthorized_client is Atlassian's refusal of a refresh
// token), what Atlassian was seen to answer decides.
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
	case e.status == http.StatusTooManyRequests:
		// The limiter stands before the grant: the headers suffice.
		return Transient, false
	case e.status == http.StatusUnauthorized:
		// The app is checked before the grant, whatever the body says and even
		// if it broke off. A 401 seen as a refusal, or as a lost answer that is
		// given up after the leeway, would cost a living family for a mistyped
		// client secret.
		return Configuration, false
	case refusedApp(e.status, e.code):
		return Configuration, false
	case refusedGrant(e.status, e.code):
		if e.op == opExchange {
			return RestartConsent, false
		}
		return Permanent, false
	}
	// 5xx, a redirect, a 200 without a token, a 403 page of some proxy, and every
	// 4xx not known: the token is neither proven dead nor proven untouched.
	return Ambiguous, false
}

// refusedApp: the client or its account was refused, not the grant.
func refusedApp(status int, code string) bool {
	switch status {
	case http.StatusBadRequest:
		return code == "invalid_client"
	case http.StatusForbidden:
		return code == "invalid_client" || code == "access_denied" // the latter: inactive user
	}
	return false
}

// refusedGrant: the refresh token or the authorization code was refused.
func refusedGrant(status int, code string) bool {
	switch status {
	case http.StatusBadRequest:
		return code == "invalid_grant" || code == "invalid_request"
	case http.StatusForbidden:
		return code == "invalid_grant" || code == "unauthorized_client"
	}
	return false
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
