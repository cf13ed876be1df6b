package atlassiantest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// answerJSON sends v as JSON that may not be cached.
func answerJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("atlassiantest: cannot encode an answer: " + err.Error())
	}
	answerBody(w, status, "application/json", body)
}

func answerBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	body = encode(w, body)
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// oauthError is the token endpoint's error body.
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// apiError is the API gateway's error body.
type apiError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func answerAPIError(w http.ResponseWriter, status int, message string) {
	answerJSON(w, status, apiError{status, message})
}

// withFaults applies the waiting faults of an endpoint that only reads. A read commits
// nothing, so a fault does the same on both sides of the commit.
func (h *front) withFaults(at Endpoint, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		fault := h.take(at, "")
		h.wait(fault, fault != nil)
		w = encoded(w, fault)
		if fault.replacesAnswer(Before) || fault.replacesAnswer(After) {
			sendFault(w, fault, []byte(`[{"id":"11223344-a1b2-3b33-c444-def123456789","name":"site","scopes":[]}]`))
			return
		}
		next(w, r)
	}
}

func (h *front) take(at Endpoint, grantType string) *Fault {
	h.e.mu.Lock()
	defer h.e.mu.Unlock()
	return h.e.take(at, grantType)
}

// wait waits for the fault's delay if here is true. A client that leaves does not
// shorten the delay; the same happens at Atlassian. The end of the server does.
func (h *front) wait(fault *Fault, here bool) {
	if fault == nil || fault.Delay <= 0 || !here {
		return
	}
	timer := time.NewTimer(fault.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-h.done:
		panic(http.ErrAbortHandler)
	}
}

// sendFault sends what the fault replaces body by.
func sendFault(w http.ResponseWriter, fault *Fault, body []byte) {
	switch fault.Kind {
	case KindDrop:
		panic(http.ErrAbortHandler)
	case KindCut:
		body = encode(w, body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case KindHTML:
		answerBody(w, http.StatusOK, "text/html; charset=utf-8",
			[]byte("<!doctype html><html><head><title>Atlassian</title></head><body><h1>We will be back soon</h1></body></html>"))
	case KindTruncated:
		answerBody(w, http.StatusOK, "application/json", body[:len(body)/2])
	case KindEmpty:
		answerBody(w, http.StatusOK, "application/json", []byte("[]"))
	case KindStatus:
		sendStatus(w, fault)
	}
}

// sendStatus answers with the fault's status, headers and body.
func sendStatus(w http.ResponseWriter, fault *Fault) {
	if fault.Status == http.StatusTooManyRequests && fault.Endpoint != EndpointToken {
		w.Header().Set("X-RateLimit-Limit", "65000")
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("RateLimit-Reason", "jira-quota-global-based")
	}
	if fault.RetryAfter != "" {
		w.Header().Set("Retry-After", fault.RetryAfter)
	}
	for name, value := range fault.Header {
		w.Header().Set(name, value)
	}
	switch {
	case fault.Body != "":
		answerBody(w, fault.Status, "application/json", []byte(fault.Body))
	case fault.Code != "":
		answerJSON(w, fault.Status, oauthError{fault.Code, http.StatusText(fault.Status)})
	default:
		answerAPIError(w, fault.Status, http.StatusText(fault.Status))
	}
}
