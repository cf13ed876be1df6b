package tokensource

import (
	"io"
	"net/http"

	"golang.org/x/oauth2"
)

// maxDrained is how much of a refused answer is read, in bytes, so that its
// connection can be used again.
const maxDrained = 64 << 10

// Client returns an HTTP client that sends the token with every request, as
// [Transport] describes. It has no time-out: set one, or give requests a context.
func (s *Source) Client() *http.Client { return &http.Client{Transport: &Transport{Source: s}} }

// Transport is an [http.RoundTripper] that adds the token of a Source to requests.
//
// After a 401 it reads the token again. If the token is a new one, it sends the
// request once more. It does not repeat a request whose body cannot be read again
// (GetBody is nil); the next request has the new token.
//
// A redirect to another host is followed without the token, which must not be sent
// there.
type Transport struct {
	Source *Source
	// Base sends the requests; nil is [http.DefaultTransport].
	Base http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if leavesOrigin(r) {
		return t.base().RoundTrip(r)
	}
	token, err := t.Source.TokenContext(r.Context())
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper must always close it
		}
		return nil, err
	}
	response, err := t.base().RoundTrip(authorized(r, token))
	if err != nil || response.StatusCode != http.StatusUnauthorized {
		return response, err
	}
	t.Source.Invalidate(token)
	again, ok := t.repeated(r, token)
	if !ok {
		return response, nil
	}
	_, _ = io.CopyN(io.Discard, response.Body, maxDrained)
	_ = response.Body.Close()
	return t.base().RoundTrip(again)
}

// repeated is the request with another token than the refused one, if there is one.
func (t *Transport) repeated(r *http.Request, refused *oauth2.Token) (*http.Request, bool) {
	bodyless := r.Body == nil || r.Body == http.NoBody
	if !bodyless && r.GetBody == nil {
		return nil, false
	}
	token, err := t.Source.TokenContext(r.Context())
	if err != nil || token.AccessToken == refused.AccessToken {
		return nil, false // the server's answer says more than this error
	}
	again := authorized(r, token)
	if !bodyless {
		if again.Body, err = r.GetBody(); err != nil {
			return nil, false
		}
	}
	return again, true
}

// authorized is a copy of the request with a token. A RoundTripper may not change
// the request itself.
func authorized(r *http.Request, token *oauth2.Token) *http.Request {
	r = r.Clone(r.Context())
	token.SetAuthHeader(r)
	return r
}

// leavesOrigin reports whether r follows a redirect to another scheme or host than
// that of the program's request.
func leavesOrigin(r *http.Request) bool {
	first := r
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	return first.URL.Scheme != r.URL.Scheme || first.URL.Host != r.URL.Host
}

func (t *Transport) base() http.RoundTripper {
	if t.Base != nil {
		return t.Base
	}
	return http.DefaultTransport
}
