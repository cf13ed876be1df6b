// Package functionurl stands in for a Lambda function URL in tests: an HTTPS
// server that turns requests into the events that Lambda makes of them (payload
// format 2.0), and what the function answers (RESPONSE_STREAM) back into HTTP.
//
// Like Lambda it takes the domain name from where it was reached and never from
// a Host header, passes headers in lower case, and cookies in a field of their own.
// Whether Lambda leaves them among the headers too is not documented: here it does
// not.
package functionurl

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"github.com/tokenkeeper/tokenkeeper/test/lambdaruntime"
)

// timeout of one invocation: the function's own.
const timeout = 2 * time.Minute

// Front is a function's URL.
type Front struct {
	// URL is https://127.0.0.1:PORT, without a slash at its end. Its certificate
	// is not to be trusted.
	URL    string
	server *httptest.Server

	mu       sync.Mutex
	function *lambdaruntime.Runtime
	answers  []string
}

// New starts a front without a function: every answer is 502 until Serve.
func New() *Front {
	f := &Front{}
	f.server = httptest.NewTLSServer(f)
	f.URL = f.server.URL
	return f
}

// Serve puts a function behind the front.
func (f *Front) Serve(function *lambdaruntime.Runtime) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.function = function
}

// Client returns a client that trusts the front's certificate.
func (f *Front) Client() *http.Client { return f.server.Client() }

// Bodies are the bodies of all answers so far.
func (f *Front) Bodies() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.answers...)
}

// Close ends the server.
func (f *Front) Close() { f.server.Close() }

// ServeHTTP implements http.Handler.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	function := f.function
	f.mu.Unlock()
	event, err := f.event(r)
	if err != nil || function == nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	// The function finishes even if the browser goes away, as at Lambda.
	result, err := function.Invoke(context.WithoutCancel(r.Context()), event, timeout)
	prelude, body, ok := bytes.Cut(result.Payload, make([]byte, 8))
	var head struct {
		StatusCode int               `json:"statusCode"`
		Headers    map[string]string `json:"headers"`
		Cookies    []string          `json:"cookies"`
	}
	if err != nil || result.Error != nil || !ok || json.Unmarshal(prelude, &head) != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	f.mu.Lock()
	f.answers = append(f.answers, string(body))
	f.mu.Unlock()
	for name, value := range head.Headers {
		w.Header().Set(name, value)
	}
	for _, c := range head.Cookies {
		w.Header().Add("Set-Cookie", c)
	}
	w.WriteHeader(head.StatusCode)
	_, _ = w.Write(body)
}

// event makes Lambda's event of a request.
func (f *Front) event(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	e := events.LambdaFunctionURLRequest{Version: "2.0", RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery,
		Headers: map[string]string{"host": r.Host}, Body: string(body)}
	for name, values := range r.Header {
		if name == "Cookie" {
			continue
		}
		e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	for _, c := range r.Cookies() {
		e.Cookies = append(e.Cookies, c.Name+"="+c.Value)
	}
	if !utf8.Valid(body) || len(body) > 0 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	e.RequestContext = events.LambdaFunctionURLRequestContext{AccountID: "anonymous", DomainName: strings.TrimPrefix(f.URL, "https://")}
	e.RequestContext.HTTP = events.LambdaFunctionURLRequestContextHTTPDescription{
		Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: "127.0.0.1", UserAgent: r.UserAgent()}
	return json.Marshal(e)
}
