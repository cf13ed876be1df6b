// Package functionurl emulates a Lambda function URL in tests. It is an HTTPS server
// that turns requests into Lambda's events (payload format 2.0), and the function's
// answers (RESPONSE_STREAM) into HTTP.
//
// Like Lambda it takes the domain name from its own address and not from the Host
// header. It passes header names in lower case, and cookies in a field of their own.
// Lambda does not document whether the headers contain the cookies too; here they do
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

// timeout is the time limit of one invocation, as of the deployed function.
const timeout = 2 * time.Minute

// Front is a function's URL.
type Front struct {
	// URL is https://127.0.0.1:PORT, without a slash at its end. Only Client trusts its
	// certificate.
	URL    string
	server *httptest.Server

	mu       sync.Mutex
	function *lambdaruntime.Runtime
	answers  []string
}

// New starts a front without a function. It answers 502 until Serve is called.
func New() *Front {
	f := &Front{}
	f.server = httptest.NewTLSServer(f)
	f.URL = f.server.URL
	return f
}

// Serve sets the function that answers.
func (f *Front) Serve(function *lambdaruntime.Runtime) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.function = function
}

// Client returns a client that trusts the front's certificate.
func (f *Front) Client() *http.Client { return f.server.Client() }

// Bodies returns the bodies of all answers so far.
func (f *Front) Bodies() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.answers...)
}

// Close stops the server.
func (f *Front) Close() { f.server.Close() }

// ServeHTTP answers a request by an invocation of the function. It answers 502 if the
// function fails.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	function := f.function
	f.mu.Unlock()
	event, err := f.event(r)
	if err != nil || function == nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	// As with Lambda, the function finishes even if the browser leaves.
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

// event turns a request into Lambda's event.
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
