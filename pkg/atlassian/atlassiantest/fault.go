package atlassiantest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Endpoint is where a Fault strikes.
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

// When says on which side of the server's commit a Fault strikes.
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
	// KindDelay waits for Fault.Delay of real time and then answers truly. The
	// server carries on although the client may have left.
	KindDelay Kind = "delay"
	// KindStatus answers Fault.Status with a body of the API gateway's form, or
	// with Fault.Code or Fault.Body, and with Fault.RetryAfter and Fault.Header.
	KindStatus Kind = "status"
	// KindEncoded answers truly, in Fault.Encoding, which nobody asked for.
	KindEncoded Kind = "encoded"
	// KindEmpty answers an empty list, as accessible-resources was seen to do for
	// a moment after a consent. EndpointResources only.
	KindEmpty Kind = "empty"
	// KindHTML answers 200 with a page.
	KindHTML Kind = "html"
	// KindTruncated answers 200 with JSON that ends in the middle; the HTTP message
	// itself is complete.
	KindTruncated Kind = "truncated"
	// KindOmitRefresh leaves refresh_token out of a success. Before: the server did
	// not rotate and the old token stays good. After: it rotated, and the
	// successor is lost.
	KindOmitRefresh Kind = "omit_refresh"
	// KindExpiresIn replaces expires_in of a success by Fault.ExpiresIn.
	KindExpiresIn Kind = "expires_in"
)

// Fault is something to go wrong. Of the waiting faults that match a request
// the oldest is applied, one per request.
type Fault struct {
	Endpoint Endpoint `json:"endpoint"`
	When     When     `json:"when"`
	Kind     Kind     `json:"kind"`
	// Status is the HTTP status for KindStatus.
	Status int `json:"status,omitempty"`
	// Code is the OAuth error code of the body, such as "invalid_request".
	// KindStatus only.
	Code string `json:"code,omitempty"`
	// Body is the whole body, and goes before Code. KindStatus only.
	Body string `json:"body,omitempty"`
	// Header is sent as well. KindStatus only.
	Header map[string]string `json:"header,omitempty"`
	// RetryAfter is sent as it is: seconds, an HTTP date, or neither. KindStatus only.
	RetryAfter string `json:"retry_after,omitempty"`
	// Encoding of the body that is sent: gzip, deflate, deflate-raw (which calls
	// itself deflate), or gzip-unnamed (without a Content-Encoding). Any kind that
	// sends a body, over HTTP.
	Encoding string `json:"encoding,omitempty"`
	// Delay is waited in real time before anything else happens on the chosen
	// side of the commit; any kind may have one. Ignored without HTTP.
	Delay time.Duration `json:"delay,omitempty"`
	// ExpiresIn is JSON text such as `-5`, `"3600"` or `1e30`; empty leaves
	// expires_in out. KindExpiresIn only, and only over HTTP.
	ExpiresIn json.RawMessage `json:"expires_in,omitempty"`
	// GrantType limits a token fault to one grant type; empty is any.
	GrantType string `json:"grant_type,omitempty"`
	// Times is how many requests it strikes; 0 is until ClearFaults.
	Times int `json:"times,omitempty"`
}

// Validate reports what is wrong with the fault.
func (f Fault) Validate() error {
	switch {
	case !slices.Contains([]Endpoint{EndpointToken, EndpointResources, EndpointAPI}, f.Endpoint):
		return fmt.Errorf("fault: endpoint %q, expected token, resources or api", f.Endpoint)
	case f.When != Before && f.When != After:
		return fmt.Errorf("fault: when %q, expected before or after", f.When)
	case !slices.Contains(kinds, f.Kind):
		return fmt.Errorf("fault: kind %q, expected one of %s", f.Kind, kindNames("|"))
	case f.Kind == KindDelay && f.Delay <= 0, f.Delay < 0:
		return fmt.Errorf("fault: delay %v, expected more than 0", f.Delay)
	case (f.Kind == KindOmitRefresh || f.Kind == KindExpiresIn) && f.Endpoint != EndpointToken:
		return fmt.Errorf("fault: kind %q strikes the token endpoint only", f.Kind)
	case f.Kind == KindEmpty && f.Endpoint != EndpointResources:
		return fmt.Errorf("fault: kind %q strikes accessible-resources only", f.Kind)
	case f.GrantType != "" && f.GrantType != grantCode && f.GrantType != grantRefresh:
		return fmt.Errorf("fault: grant_type %q, expected %s or %s", f.GrantType, grantCode, grantRefresh)
	case f.Times < 0:
		return fmt.Errorf("fault: times %d, expected 0 or more", f.Times)
	}
	return f.validateAnswer()
}

// validateAnswer checks what the fault sends.
func (f Fault) validateAnswer() error {
	switch {
	case f.Kind == KindStatus && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("fault: status %d, expected 200 to 599", f.Status)
	case f.Kind != KindStatus && (f.Code != "" || f.Body != "" || f.RetryAfter != "" || len(f.Header) > 0):
		return fmt.Errorf("fault: code, body, header and retry_after belong to the kind status, not to %q", f.Kind)
	case f.Kind == KindEncoded && f.Encoding == "":
		return fmt.Errorf("fault: kind %q without an encoding", f.Kind)
	case f.Encoding != "" && !slices.Contains(encodings, f.Encoding):
		return fmt.Errorf("fault: encoding %q, expected one of %s", f.Encoding, strings.Join(encodings, ", "))
	case len(f.ExpiresIn) > 0 && !json.Valid(f.ExpiresIn):
		return fmt.Errorf("fault: expires_in is not JSON")
	}
	return nil
}

var kinds = []Kind{KindDrop, KindCut, KindDelay, KindStatus, KindHTML, KindTruncated, KindEncoded, KindEmpty, KindOmitRefresh, KindExpiresIn}

// kindNames lists the kinds of fault.
func kindNames(sep string) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, sep)
}

// replacesAnswer reports whether the client gets something else than the
// true answer, struck on the given side. A nil fault never does.
func (f *Fault) replacesAnswer(side When) bool {
	if f == nil || f.When != side {
		return false
	}
	switch f.Kind {
	case KindDrop, KindCut, KindStatus, KindHTML, KindTruncated, KindEmpty:
		return true
	}
	return false
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

// Inject lets f wait behind the faults that wait already.
func (e *Emulator) Inject(f Fault) error {
	if err := f.Validate(); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.faults.waiting = append(e.faults.waiting, f)
	return nil
}

// ClearFaults removes all waiting faults.
func (e *Emulator) ClearFaults() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.faults.waiting = nil
}

// Faults returns the waiting faults, oldest first. Times counts what is left.
func (e *Emulator) Faults() []Fault {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.faults.waiting)
}

type faultQueue struct{ waiting []Fault }

// take returns a copy of the oldest fault for a request and counts it down, or nil.
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
