package atlassiantest

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// ExchangeRequest is a request with grant_type authorization_code.
type ExchangeRequest struct {
	ClientID     string
	ClientSecret atlassian.Secret
	Code         atlassian.Secret
	RedirectURI  string
	CodeVerifier atlassian.Secret
	// Presenter names the caller in events.
	Presenter string
}

// Exchange turns an authorization code into a new family's first tokens. The
// error is a *Refusal, or an *InjectedError when a fault was waiting.
func (e *Emulator) Exchange(r ExchangeRequest) (Tokens, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.exchange(r, e.faults.take(EndpointToken, grantCode))
}

// Authorize consents and exchanges the code, with the app's own credentials
// and without regard to waiting faults.
func (e *Emulator) Authorize(r ConsentRequest) (Tokens, error) {
	c, err := e.Consent(r)
	if err != nil {
		return Tokens{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	kept := e.codes[c.Reveal()]
	if kept == nil {
		return Tokens{}, refusedCode
	}
	return e.exchange(ExchangeRequest{
		ClientID: kept.app.ClientID, ClientSecret: kept.app.ClientSecret,
		Code: c, RedirectURI: kept.redirect, Presenter: "consent",
	}, nil)
}

func (e *Emulator) exchange(r ExchangeRequest, fault *Fault) (Tokens, error) {
	now := e.clock.Now()
	ev := Event{Time: now, GrantType: grantCode, Presenter: r.Presenter, Fault: fault.label()}
	if fault.replacesAnswer(Before) {
		return e.logInjected(ev, Tokens{}, fault)
	}
	f, p, refusal := e.exchangeCode(r, now)
	if refusal != nil {
		ev.Outcome, ev.Refusal = OutcomeRefused, refusal.Code
		return e.logAnswer(ev, Tokens{}, refusal, fault)
	}
	ev.FamilyID, ev.Committed, ev.Outcome = f.id, true, OutcomeExchanged
	return e.logAnswer(ev, e.tokens(f, p, fault), nil, fault)
}

// exchangeCode checks the client before the grant, as Atlassian does: with a
// wrong secret the code stays good.
func (e *Emulator) exchangeCode(r ExchangeRequest, now time.Time) (*family, *pair, *Refusal) {
	a := e.authenticate(r.ClientID, r.ClientSecret)
	if a == nil {
		return nil, nil, refusedClient
	}
	c := e.codes[r.Code.Reveal()]
	if c == nil || c.app != a || c.redirect != r.RedirectURI || !now.Before(c.expires) || !c.proves(r.CodeVerifier) {
		return nil, nil, refusedCode
	}
	if c.account.inactive {
		return nil, nil, e.policy.refusedInactive()
	}
	delete(e.codes, r.Code.Reveal())
	if e.policy.ReconsentKillsOld {
		e.killWhere(func(f *family) bool { return f.app == a && f.account == c.account },
			Death{Cause: CauseSupersededByConsent, At: now, Presenter: r.Presenter})
	}
	f := &family{
		seq: uint32(len(e.families)), id: randomUUID(e.rng), app: a, account: c.account,
		grant: e.grants[grantKey{a.ClientID, c.account.ID}],
		born:  c.consented, active: now, pairs: map[uint64]*pair{},
	}
	if c.site != nil {
		f.cloudID = c.site.CloudID
	}
	e.families = append(e.families, f)
	return f, e.issue(f, now, nil, nil), nil
}

// proves checks PKCE's verifier against the challenge, if there was one.
func (c *code) proves(verifier atlassian.Secret) bool {
	switch {
	case c.challenge == "":
		return true
	case c.s256Kind == "S256":
		sum := sha256.Sum256([]byte(verifier.Reveal()))
		return base64.RawURLEncoding.EncodeToString(sum[:]) == c.challenge
	default:
		return verifier.Reveal() == c.challenge
	}
}

// authenticate returns the app that has these credentials, or nil.
func (e *Emulator) authenticate(clientID string, secret atlassian.Secret) *app {
	a := e.apps[clientID]
	if a == nil || a.ClientSecret != secret {
		return nil
	}
	return a
}

// tokens builds the answer; an KindOmitRefresh fault after the commit leaves the
// successor out of it.
func (e *Emulator) tokens(f *family, p *pair, fault *Fault) Tokens {
	t := Tokens{
		Access:    atlassian.NewSecret(p.access),
		Refresh:   atlassian.NewSecret(p.refresh),
		ExpiresIn: p.accessExpires.Sub(p.issued),
		Scopes:    p.scopes,
		FamilyID:  f.id,
	}
	if fault != nil && fault.Kind == KindOmitRefresh {
		t.Refresh = atlassian.Secret{}
	}
	return t
}

// logAnswer logs ev and gives the answer to the caller, unless a fault after
// the commit takes its place.
func (e *Emulator) logAnswer(ev Event, t Tokens, refusal *Refusal, fault *Fault) (Tokens, error) {
	if fault.replacesAnswer(After) {
		return e.logInjected(ev, t, fault)
	}
	e.events.add(ev)
	if refusal != nil {
		return Tokens{}, refusal
	}
	return t, nil
}

// logInjected logs ev and returns the fault as an error. The tokens go with it
// for the HTTP layer alone, which may send a part of them.
func (e *Emulator) logInjected(ev Event, t Tokens, fault *Fault) (Tokens, error) {
	if ev.Outcome == "" {
		ev.Outcome = OutcomeNotReached
	}
	e.events.add(ev)
	return Tokens{}, &InjectedError{Fault: *fault, Committed: ev.Committed, lost: t}
}

// InjectedError is what a core method returns in place of an answer when a
// Fault was waiting for it.
type InjectedError struct {
	Fault Fault
	// Committed reports whether the server carried the request out.
	Committed bool
	lost      Tokens
}

// Error implements error.
func (i *InjectedError) Error() string {
	return fmt.Sprintf("injected fault: %s", i.Fault.label())
}
