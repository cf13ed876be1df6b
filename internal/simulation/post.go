package simulation

import (
	"context"
	"errors"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/rotation"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// endpoint is the token endpoint as one actor reaches it: the emulator's core,
// without HTTP between.
type endpoint struct {
	w *world
	a *actor
}

var _ rotation.TokenEndpoint = endpoint{}

func ambiguous(err error) *atlassian.Error {
	return &atlassian.Error{Op: "refresh", Class: atlassian.Ambiguous, Sent: true, Err: err}
}

// Refresh presents a refresh token. Its errors are what package atlassian makes
// of the same answers over HTTP; see classify there.
func (e endpoint) Refresh(_ context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
	w := e.w
	h, _ := w.begin(e.a, opPost, "")
	if h.post == 0 {
		switch {
		case w.down&atlassianUnreachable != 0:
			h.post = Unreached
		case w.down&atlassianFailsBefore != 0:
			h.post = ErrorBefore
		case w.down&atlassianFailsAfter != 0:
			h.post = ErrorAfter
		}
	}
	w.oracle.presents(e.a, refresh)
	w.advance(postLatency)
	w.killIfLate(e.a)

	var fault *atlassiantest.Fault
	switch h.post {
	case Unreached:
		return atlassian.Token{}, w.end(e.a, h, &atlassian.Error{Op: "refresh", Class: atlassian.Transient, Err: errNoAnswer})
	case Throttle:
		err := &atlassian.Error{Op: "refresh", Class: atlassian.Transient, Status: 429, Sent: true}
		if h.n&1 != 0 {
			err.RetryAfter = time.Minute
		}
		return atlassian.Token{}, w.end(e.a, h, err)
	case ErrorBefore:
		fault = &faultBefore
	case ErrorAfter:
		fault = &faultAfter
	case OmitBefore:
		fault = &faultOmitBefore
	case OmitAfter:
		fault = &faultOmitAfter
	}
	tokens, err := w.em.RefreshWith(atlassiantest.RefreshRequest{
		ClientID: app.ClientID, ClientSecret: app.ClientSecret, RefreshToken: refresh, Presenter: e.a.name}, fault)
	reached := h.post != ErrorBefore
	w.oracle.answered(e.a, refresh, tokens, err, reached)
	if err != nil {
		return atlassian.Token{}, w.end(e.a, h, classified(err))
	}
	if !tokens.Refresh.IsZero() {
		e.a.received = tokens.Refresh
	}
	if w.dieAfterPost {
		w.dieAfterPost = false
		panic(killedProcess{})
	}
	t := atlassian.Token{Access: tokens.Access, Refresh: tokens.Refresh, ExpiresIn: tokens.ExpiresIn, Scopes: tokens.Scopes}
	return t, w.end(e.a, h, nil)
}

var (
	faultBefore     = atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.Before, Kind: atlassiantest.KindDrop}
	faultAfter      = atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After, Kind: atlassiantest.KindDrop}
	faultOmitBefore = atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.Before, Kind: atlassiantest.KindOmitRefresh}
	faultOmitAfter  = atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After, Kind: atlassiantest.KindOmitRefresh}
)

// classified is the error that an answer of the emulator becomes.
func classified(err error) *atlassian.Error {
	var refusal *atlassiantest.Refusal
	if !errors.As(err, &refusal) {
		return ambiguous(errNoAnswer)
	}
	e := &atlassian.Error{Op: "refresh", Status: refusal.Status, Code: refusal.Code, Sent: true}
	switch {
	case refusal.Status == 401, refusal.Code == "invalid_client", refusal.Code == "access_denied":
		e.Class = atlassian.Configuration
	case refusal.Code == "invalid_grant", refusal.Code == "unauthorized_client":
		e.Class = atlassian.Permanent
	case refusal.Status == 400:
		e.Class = atlassian.Malformed
	}
	return e
}
