package atlassiantest

import (
	"fmt"

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
// error is a *RefusalError, or an *InjectedError if a fault was waiting.
func (e *Emulator) Exchange(r ExchangeRequest) (Tokens, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.exchange(r, e.take(EndpointToken, grantCode))
}

// Authorize consents and exchanges the code with the app's own credentials. It
// ignores waiting faults. The error is a *RefusalError.
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
	ev := Event{Time: e.clock.Now(), GrantType: grantCode, Presenter: r.Presenter, Fault: fault.label()}
	if fault.replacesAnswer(Before) {
		return e.injected(ev, Tokens{}, fault)
	}
	// The client is checked before the code, as Atlassian does: a wrong secret
	// does not use up the code.
	a := e.authenticate(r.ClientID, r.ClientSecret)
	if a == nil {
		return e.refuse(ev, refusedClient, fault)
	}
	c, refusal := e.redeem(a, r, ev.Time)
	if refusal != nil {
		return e.refuse(ev, refusal, fault)
	}
	if e.policy.ReconsentKillsOld {
		e.killWhere(func(f *family) bool { return f.app == a && f.account == c.account },
			Death{Cause: CauseSupersededByConsent, At: ev.Time, Presenter: r.Presenter})
	}
	f := e.newFamily(c, e.grants[grantKey{a.ClientID, c.account.ID}], ev.Time)
	ev.FamilyID, ev.Outcome = f.id, OutcomeExchanged
	return e.answer(ev, f, e.issueFirst(f, ev.Time), fault)
}

// tokens is the answer with the pair p. A KindOmitRefresh or KindOmitAccess fault removes
// one of the tokens from it.
func (f *family) tokens(p *pair, fault *Fault) Tokens {
	t := Tokens{
		Access:    atlassian.NewSecret(p.access),
		Refresh:   atlassian.NewSecret(p.refresh),
		ExpiresIn: p.accessExpires.Sub(p.issued),
		Scopes:    p.scopes,
		FamilyID:  f.id,
	}
	switch {
	case fault == nil:
	case fault.Kind == KindOmitRefresh:
		t.Refresh = atlassian.Secret{}
	case fault.Kind == KindOmitAccess:
		t.Access = atlassian.Secret{}
	}
	return t
}

// answer logs ev and returns the pair p that was issued, unless a fault after
// the commit replaces the answer.
func (l *eventLog) answer(ev Event, f *family, p *pair, fault *Fault) (Tokens, error) {
	ev.Committed = true
	t := f.tokens(p, fault)
	if fault.replacesAnswer(After) {
		return l.injected(ev, t, fault)
	}
	l.log(ev)
	return t, nil
}

// refuse logs ev and returns the refusal, unless a fault after the commit
// replaces the answer.
func (l *eventLog) refuse(ev Event, refusal *RefusalError, fault *Fault) (Tokens, error) {
	ev.Outcome, ev.Refusal = OutcomeRefused, refusal.Code
	if fault.replacesAnswer(After) {
		return l.injected(ev, Tokens{}, fault)
	}
	l.log(ev)
	return Tokens{}, refusal
}

// injected logs ev and returns the fault as an error. The error carries the lost
// tokens for the HTTP handler, which may send a part of them.
func (l *eventLog) injected(ev Event, lost Tokens, fault *Fault) (Tokens, error) {
	if ev.Outcome == "" {
		ev.Outcome = OutcomeNotReached
	}
	l.log(ev)
	return Tokens{}, &InjectedError{Fault: *fault, Committed: ev.Committed, lost: lost}
}

// InjectedError is returned in place of an answer if a Fault was applied.
type InjectedError struct {
	Fault Fault
	// Committed reports whether the server carried the request out.
	Committed bool
	lost      Tokens
}

// Error describes the fault.
func (i *InjectedError) Error() string {
	return fmt.Sprintf("injected fault: %s", i.Fault.label())
}
