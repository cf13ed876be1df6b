package atlassiantest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Endpoint is where a Fault applies.
type Endpoint string

// The endpoints that faults can be set on.
const (
	// EndpointToken is POST /oauth/token.
	EndpointToken Endpoint = "token"
	// EndpointResources is GET /oauth/token/accessible-resources.
	EndpointResources Endpoint = "resources"
	// EndpointAPI is /me and everything under /ex/.
	EndpointAPI Endpoint = "api"
)

var endpoints = []Endpoint{EndpointToken, EndpointResources, EndpointAPI}

// When says on which side of the server's commit a Fault applies.
type When string

// The two sides of the commit.
const (
	// Before: the server has done nothing.
	Before When = "before"
	// After: the server has done its work, and only the answer is affected.
	After When = "after"
)

// Kind is what a Fault does.
type Kind string

// The kinds of fault.
const (
	// KindDrop closes the connection without an answer.
	KindDrop Kind = "drop"
	// KindCut sends status, headers and half of the body, then closes the connection.
	KindCut Kind = "cut"
	// KindDelay waits for Fault.Delay of real time and then sends the true answer.
	// The server carries on even if the client has left.
	KindDelay Kind = "delay"
	// KindStatus answers Fault.Status with Fault.RetryAfter and Fault.Header. The
	// body is Fault.Body, or has Fault.Code, or else has the API gateway's form.
	KindStatus Kind = "status"
	// KindEncoded sends the true answer in Fault.Encoding, which the client did not
	// ask for.
	KindEncoded Kind = "encoded"
	// KindEmpty answers an empty list, as accessible-resources was seen to do for
	// a moment after a consent. EndpointResources only.
	KindEmpty Kind = "empty"
	// KindHTML answers 200 with a page.
	KindHTML Kind = "html"
	// KindTruncated answers 200 with JSON that ends in the middle. The HTTP message
	// itself is complete.
	KindTruncated Kind = "truncated"
	// KindOmitRefresh leaves refresh_token out of a success. Before: the server did
	// not rotate, and the old token stays usable. After: it rotated, and the
	// successor is lost. EndpointToken only.
	KindOmitRefresh Kind = "omit_refresh"
	// KindOmitAccess leaves access_token out of a success, whose refresh token is good. The
	// server rotates whatever When is. EndpointToken only.
	KindOmitAccess Kind = "omit_access"
	// KindExpiresIn replaces expires_in of a success by Fault.ExpiresIn.
	// EndpointToken only.
	KindExpiresIn Kind = "expires_in"
)

// kinds lists the kinds of fault. It says whether a kind replaces the answer, and
// names its only endpoint if it has one.
var kinds = []struct {
	kind     Kind
	replaces bool
	only     Endpoint
}{
	{KindDrop, true, ""},
	{KindCut, true, ""},
	{KindDelay, false, ""},
	{KindStatus, true, ""},
	{KindHTML, true, ""},
	{KindTruncated, true, ""},
	{KindEncoded, false, ""},
	{KindEmpty, true, EndpointResources},
	{KindOmitRefresh, false, EndpointToken},
	{KindOmitAccess, false, EndpointToken},
	{KindExpiresIn, false, EndpointToken},
}

// Fault is a failure of the server or the network. A request gets at most one:
// the oldest waiting fault that matches it.
type Fault struct {
	Endpoint Endpoint `json:"endpoint"`
	When     When     `json:"when"`
	Kind     Kind     `json:"kind"`
	// Status is the HTTP status for KindStatus.
	Status int `json:"status,omitempty"`
	// Code is the OAuth error code of the body, such as "invalid_request".
	// KindStatus only.
	Code string `json:"code,omitempty"`
	// Body is the whole body and takes precedence over Code. KindStatus only.
	Body string `json:"body,omitempty"`
	// Header is added to the answer. KindStatus only.
	Header map[string]string `json:"header,omitempty"`
	// RetryAfter is sent unchanged: seconds, an HTTP date, or neither. KindStatus only.
	RetryAfter string `json:"retry_after,omitempty"`
	// Encoding is the body's: gzip, deflate, deflate-raw (sent under the name
	// deflate), or gzip-unnamed (without a Content-Encoding). Every kind that sends
	// a body may have one. Ignored without HTTP.
	Encoding string `json:"encoding,omitempty"`
	// Delay is waited in real time on the chosen side of the commit, before
	// anything else happens there. Every kind may have one. Ignored without HTTP.
	Delay time.Duration `json:"delay,omitempty"`
	// ExpiresIn is JSON text such as `-5`, `"3600"` or `1e30`. If empty, the answer
	// has no expires_in. KindExpiresIn only. Ignored without HTTP.
	ExpiresIn json.RawMessage `json:"expires_in,omitempty"`
	// GrantType limits a token fault to one grant type; empty is any.
	GrantType string `json:"grant_type,omitempty"`
	// Times is how many requests it applies to; 0 is until ClearFaults.
	Times int `json:"times,omitempty"`
}

// Validate returns an error that names the first invalid field and what was
// expected, or nil.
func (f Fault) Validate() error {
	at := f.kindIndex()
	switch {
	case !slices.Contains(endpoints, f.Endpoint):
		return fmt.Errorf("fault: endpoint %q, expected token, resources or api", f.Endpoint)
	case f.When != Before && f.When != After:
		return fmt.Errorf("fault: when %q, expected before or after", f.When)
	case at < 0:
		return fmt.Errorf("fault: kind %q, expected one of %s", f.Kind, kindNames("|"))
	case kinds[at].only != "" && kinds[at].only != f.Endpoint:
		return fmt.Errorf("fault: kind %q is for the endpoint %q only, not %q", f.Kind, kinds[at].only, f.Endpoint)
	case f.GrantType != "" && f.GrantType != grantCode && f.GrantType != grantRefresh:
		return fmt.Errorf("fault: grant_type %q, expected %s or %s", f.GrantType, grantCode, grantRefresh)
	case f.Times < 0:
		return fmt.Errorf("fault: times %d, expected 0 or more", f.Times)
	}
	if err := f.validateStatus(); err != nil {
		return err
	}
	return f.validateAnswer()
}

// validateStatus checks the fields that KindStatus needs and no other kind may have.
func (f Fault) validateStatus() error {
	if f.Kind == KindStatus {
		if f.Status < 200 || f.Status > 599 {
			return fmt.Errorf("fault: status %d, expected 200 to 599", f.Status)
		}
		return nil
	}
	if f.Code != "" || f.Body != "" || f.RetryAfter != "" || len(f.Header) > 0 {
		return fmt.Errorf("fault: code, body, header and retry_after belong to the kind status, not to %q", f.Kind)
	}
	return nil
}

// validateAnswer checks when and how the answer is sent.
func (f Fault) validateAnswer() error {
	switch {
	case f.Kind == KindDelay && f.Delay == 0, f.Delay < 0:
		return fmt.Errorf("fault: delay %v, expected more than 0", f.Delay)
	case f.Kind == KindEncoded && f.Encoding == "":
		return fmt.Errorf("fault: kind %q without an encoding, expected one of %s", f.Kind, strings.Join(encodings, ", "))
	case f.Encoding != "" && !slices.Contains(encodings, f.Encoding):
		return fmt.Errorf("fault: encoding %q, expected one of %s", f.Encoding, strings.Join(encodings, ", "))
	case len(f.ExpiresIn) > 0 && !json.Valid(f.ExpiresIn):
		return fmt.Errorf("fault: expires_in is not JSON, expected a number or a string")
	}
	return nil
}

// kindIndex is the kind's index in kinds, -1 for an unknown kind.
func (f Fault) kindIndex() int {
	for i := range kinds {
		if kinds[i].kind == f.Kind {
			return i
		}
	}
	return -1
}

// kindNames lists the kinds of fault.
func kindNames(sep string) string {
	names := make([]string, len(kinds))
	for i := range kinds {
		names[i] = string(kinds[i].kind)
	}
	return strings.Join(names, sep)
}

// replacesAnswer reports whether the fault replaces the true answer on the given
// side of the commit. A nil fault does not.
func (f *Fault) replacesAnswer(side When) bool {
	if f == nil || f.When != side {
		return false
	}
	at := f.kindIndex()
	return at >= 0 && kinds[at].replaces
}

// label describes the fault in events and errors.
func (f *Fault) label() string {
	if f == nil {
		return ""
	}
	switch {
	case f.Kind == KindStatus && f.Code != "":
		return fmt.Sprintf("%s %d %s %s", f.Kind, f.Status, f.Code, f.When)
	case f.Kind == KindStatus:
		return fmt.Sprintf("%s %d %s", f.Kind, f.Status, f.When)
	}
	return string(f.Kind) + " " + string(f.When)
}

// faultQueue holds the faults that wait for a request, oldest first.
type faultQueue struct {
	*core
	waiting []Fault
}

// Inject adds f behind the faults that already wait. The error is Validate's.
func (q *faultQueue) Inject(f Fault) error {
	if err := f.Validate(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, f)
	return nil
}

// ClearFaults removes all waiting faults.
func (q *faultQueue) ClearFaults() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = nil
}

// Faults returns the waiting faults, oldest first. Times is how many requests
// remain.
func (q *faultQueue) Faults() []Fault {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.waiting)
}

// take counts down the oldest fault that matches a request and returns a copy of
// it, or nil. It needs the lock.
func (q *faultQueue) take(at Endpoint, grantType string) *Fault {
	for i := range q.waiting {
		f := &q.waiting[i]
		if f.Endpoint != at || f.GrantType != "" && f.GrantType != grantType {
			continue
		}
		taken := *f
		if f.Times == 1 {
			q.waiting = slices.Delete(q.waiting, i, i+1)
		} else if f.Times > 1 {
			f.Times--
		}
		return &taken
	}
	return nil
}
