package atlassiantest

import (
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// grant types of the token endpoint.
const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
)

// RefreshRequest is a request with grant_type refresh_token.
type RefreshRequest struct {
	ClientID     string
	ClientSecret atlassian.Secret
	RefreshToken atlassian.Secret
	// Presenter names the caller in events and, should this request kill the
	// family, in its Death. Over HTTP it is the header X-Presenter or, failing
	// that, User-Agent.
	Presenter string
}

// Refresh rotates a refresh token. The error is a *Refusal, or an
// *InjectedError when a fault was waiting.
//
// A first spend issues the next generation; the old pair stays valid for
// Policy.ReuseInterval. Presented again inside it, the token yields a sibling
// of the first successor; presented later, the whole family dies.
func (e *Emulator) Refresh(r RefreshRequest) (Tokens, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.refresh(&r, e.faults.take(EndpointToken, grantRefresh))
}

// RefreshWith is Refresh with fault applied to this one request, whatever is
// waiting; a nil fault means none. Endpoint, GrantType, Times and Delay of the
// fault do not matter.
func (e *Emulator) RefreshWith(r RefreshRequest, fault *Fault) (Tokens, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.refresh(&r, fault)
}

func (e *Emulator) refresh(r *RefreshRequest, fault *Fault) (Tokens, error) {
	now := e.clock.Now()
	ev := Event{Time: now, GrantType: grantRefresh, Presenter: r.Presenter, Fault: fault.label()}
	if fault.replacesAnswer(Before) {
		if id, known := e.minter.identify(r.RefreshToken.Reveal()); known == formKnown {
			e.describe(&ev, id)
		}
		return e.logInjected(ev, Tokens{}, fault)
	}
	omit := e.policy.OmitRefreshOnce || fault != nil && fault.Kind == KindOmitRefresh && fault.When == Before
	f, p, refusal := e.rotate(r, now, omit, &ev)
	if refusal != nil {
		ev.Outcome, ev.Refusal = OutcomeRefused, refusal.Code
		return e.logAnswer(ev, Tokens{}, refusal, fault)
	}
	ev.Committed = true
	return e.logAnswer(ev, e.tokens(f, p, fault), nil, fault)
}

// rotate is the heart of the emulator: what becomes of a presented token.
func (e *Emulator) rotate(r *RefreshRequest, now time.Time, omit bool, ev *Event) (*family, *pair, *Refusal) {
	a := e.authenticate(r.ClientID, r.ClientSecret)
	if a == nil {
		return nil, nil, refusedClient
	}
	text := r.RefreshToken.Reveal()
	id, known := e.minter.identify(text)
	switch known {
	case formMalformed:
		return nil, nil, refusedMalformed
	case formUnknown:
		return nil, nil, e.policy.refusedToken()
	}
	f := e.familyBySeq(id.family)
	if id.kind != kindRefresh || f == nil || f.app != a {
		return nil, nil, e.policy.refusedToken()
	}
	e.describe(ev, id)
	f.settle(now, &e.policy)
	if f.death != nil {
		return nil, nil, e.policy.refusedToken()
	}
	p := f.pairs[id.serial]
	if p != nil && p.refresh != text {
		return nil, nil, e.policy.refusedToken()
	}
	if f.account.inactive {
		return nil, nil, e.policy.refusedInactive()
	}
	if cause := e.fatal(p, now); cause != "" {
		f.kill(Death{Cause: cause, At: now, Presenter: r.Presenter, Generation: int(id.generation), Sibling: int(id.sibling)})
		ev.Killed = cause
		return nil, nil, e.policy.refusedToken()
	}
	e.retire(f, now)
	if omit {
		e.policy.OmitRefreshOnce = false
		ev.Outcome = OutcomeAccessOnly
		q := e.issue(f, now, nil, p)
		f.retireLater(q.serial, q.accessExpires)
		return f, q, nil
	}
	ev.Outcome = OutcomeRotated
	if p.spent {
		ev.Outcome = OutcomeReplayed
		if e.policy.SiblingsDie {
			f.revokeDescendants(p, now, e.policy.ReuseInterval)
		}
	} else {
		f.spend(p, now, e.policy.ReuseInterval)
	}
	return f, e.issue(f, now, p, nil), nil
}

// fatal returns the cause of death that presenting p's refresh token is, or
// none. A pair without a record was spent and its reuse interval is over.
func (e *Emulator) fatal(p *pair, now time.Time) Cause {
	switch {
	case p == nil:
		return CauseReplayedAfterReuseInterval
	case (p.spent || p.revoked) && !now.Before(p.deadline):
		return CauseReplayedAfterReuseInterval
	case p.revoked:
		return CauseRevokedSiblingPresented
	case p.spent && p.succeeded && e.policy.OlderReplayKills:
		return CauseOlderGenerationReplayed
	}
	return ""
}

// describe notes in ev which token was presented.
func (e *Emulator) describe(ev *Event, id tokenID) {
	if f := e.familyBySeq(id.family); f != nil {
		ev.FamilyID, ev.Generation, ev.Sibling = f.id, int(id.generation), int(id.sibling)
	}
}
