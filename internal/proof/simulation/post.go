package simulation

import (
	"context"
	"errors"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// endpoint is the token endpoint as one actor reaches it: the emulator's core,
// without HTTP between.
type endpoint struct {
	w *world
	a *actor
}

var _ keeper.TokenEndpoint = endpoint{}

func ambiguous(err error) *atlassian.Error {
	return &atlassian.Error{Op: "refresh", Class: atlassian.Ambiguous, Sent: true, Err: err}
}

// Refresh presents a refresh token. Its errors are what package atlassian makes
// of the same answers over HTTP; see classify there.
func (e endpoint) Refresh(_ context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
	w := e.w
	h, _ := e.a.begin(opPost, "")
	if h.post == 0 {
		h.post = w.failing()
	}
	if e.a.role == consumes { // psoxy keeps the old token then, and nothing tells of it
		h.n = 0
		if h.post == OmitAfter {
			h.post = OmitBefore
		}
	}
	w.oracle.presents(e.a, refresh)
	w.advance(postLatency)
	e.a.killIfLate()
	fault, unanswered := h.fault(w.settings)
	if h.post == Throttle && e.a.role == ticks {
		w.oracle.restrained = w.now.Add(retryAfter[h.n&3])
	}
	if unanswered != nil {
		return atlassian.Token{}, e.a.end(h, unanswered)
	}
	tokens, err := w.em.RefreshWith(atlassiantest.RefreshRequest{
		ClientID: app.ClientID, ClientSecret: app.ClientSecret, RefreshToken: refresh, Presenter: e.a.name}, fault)
	if h.post != ErrorBefore {
		w.oracle.answered(e.a, refresh, tokens, err)
	}
	if err != nil {
		return atlassian.Token{}, e.a.end(h, classified(err))
	}
	if !tokens.Refresh.IsZero() {
		e.a.received = tokens.Refresh
	}
	if w.dieAfterPost {
		w.dieAfterPost = false
		panic(killedProcess{})
	}
	t := atlassian.Token{Access: tokens.Access, Refresh: tokens.Refresh, ExpiresIn: tokens.ExpiresIn, Scopes: tokens.Scopes}
	return t, e.a.end(h, nil)
}

// retryAfter are the waits that a 429 may ask for.
var retryAfter = [...]time.Duration{0, time.Minute, 10 * time.Minute, atlassian.MaxRetryAfter}

// fault gives what the emulator does to a request that was struck, or the error
// of one that the emulator never sees.
func (h strike) fault(s Settings) (*atlassiantest.Fault, error) {
	e := &atlassian.Error{Op: "refresh", Sent: true}
	switch h.post {
	case Unreached:
		return nil, &atlassian.Error{Op: "refresh", Class: atlassian.Transient, Err: errNoAnswer}
	case Throttle:
		e.Class, e.Status, e.RetryAfter = atlassian.Transient, 429, retryAfter[h.n&3]
	case FalseRefusal:
		if h.n&1 == 1 {
			return &faultRefused, nil
		}
		e.Class, e.Status, e.Code = atlassian.Permanent, 403, "unauthorized_client"
		if s.LegacyRefusal {
			e.Code = "invalid_grant"
		}
	case Unreadable:
		e.Class, e.Status, e.Code = atlassian.Malformed, 400, "invalid_request"
	case ErrorBefore:
		return &faultBefore, nil
	case ErrorAfter:
		return &faultAfter, nil
	case OmitBefore:
		return &faultOmitBefore, nil
	case OmitAfter:
		if h.n&1 == 1 {
			return &faultOmitAccess, nil
		}
		return &faultOmitAfter, nil
	default:
		return nil, nil
	}
	return nil, e
}

var (
	faultBefore     = atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.Before, Kind: atlassiantest.KindDrop}
	faultAfter      = atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After, Kind: atlassiantest.KindDrop}
	faultOmitBefore = atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.Before, Kind: atlassiantest.KindOmitRefresh}
	faultOmitAfter  = atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After, Kind: atlassiantest.KindOmitRefresh}
	faultOmitAccess = atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After, Kind: atlassiantest.KindOmitAccess}
	faultRefused    = atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After, Kind: atlassiantest.KindStatus, Status: 403, Code: "unauthorized_client"}
)

// classified is the error that an answer of the emulator becomes.
func classified(err error) *atlassian.Error {
	var refusal *atlassiantest.RefusalError
	var injected *atlassiantest.InjectedError
	if errors.As(err, &injected) && injected.Fault.Status != 0 {
		refusal = &atlassiantest.RefusalError{Status: injected.Fault.Status, Code: injected.Fault.Code}
	} else if !errors.As(err, &refusal) {
		return ambiguous(errNoAnswer)
	}
	e := &atlassian.Error{Op: "refresh", Status: refusal.Status, Code: refusal.Code, Sent: true}
	switch {
	case refusal.Status == 401, refusal.Code == "invalid_client", refusal.Code == "access_denied":
		e.Class = atlassian.Configuration
	case refusal.Code == "invalid_grant", refusal.Code == "unauthorized_client":
		e.Class = atlassian.Permanent
	case refusal.Code == "invalid_request":
		e.Class = atlassian.Malformed
	}
	return e
}
