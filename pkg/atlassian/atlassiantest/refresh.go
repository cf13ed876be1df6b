package atlassiantest

import (
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Grant types of the token endpoint.
const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
)

// RefreshRequest is a request with grant_type refresh_token.
type RefreshRequest struct {
	ClientID     string
	ClientSecret atlassian.Secret
	RefreshToken atlassian.Secret
	// Presenter names the caller in events, and in the Death if this request
	// kills the family. Over HTTP it is the header X-Presenter, or else User-Agent.
	Presenter string
}

// Refresh rotates a refresh token. The error is a *RefusalError, or an
// *InjectedError if a fault was waiting.
//
// A first spend issues the next generation. The old pair stays valid for
// Policy.ReuseInterval. If the token is presented again within the interval, it
// yields a sibling of the first successor. If it is presented later, the whole
// family dies.
func (e *Emulator) Refresh(r RefreshRequest) (Tokens, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.refresh(&r, e.take(EndpointToken, grantRefresh))
}

// RefreshWith is Refresh with one fault. Waiting faults are ignored. A nil fault
// means none. It ignores the fault's Endpoint, GrantType, Times and Delay.
func (e *Emulator) RefreshWith(r RefreshRequest, fault *Fault) (Tokens, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.refresh(&r, fault)
}

func (e *Emulator) refresh(r *RefreshRequest, fault *Fault) (Tokens, error) {
	ev := Event{Time: e.clock.Now(), GrantType: grantRefresh, Presenter: r.Presenter, Fault: fault.label()}
	if fault.replacesAnswer(Before) {
		if id, known := e.minter.identify(r.RefreshToken.Reveal()); known == formKnown {
			e.describe(&ev, id)
		}
		return e.injected(ev, Tokens{}, fault)
	}
	omit := e.policy.OmitRefreshOnce || fault != nil && fault.Kind == KindOmitRefresh && fault.When == Before
	p, f, refusal := e.present(r, &ev)
	if refusal != nil {
		return e.refuse(ev, refusal, fault)
	}
	issued := e.rotate(f, p, omit, &ev)
	return e.answer(ev, f, issued, fault)
}

// present finds the pair that a request may refresh, or why the request is
// refused. It notes in ev which token was presented and whether that killed the
// family.
func (e *Emulator) present(r *RefreshRequest, ev *Event) (*pair, *family, *RefusalError) {
	a := e.authenticate(r.ClientID, r.ClientSecret)
	if a == nil {
		return nil, nil, refusedClient
	}
	text := r.RefreshToken.Reveal()
	id, known := e.minter.identify(text)
	if known == formMalformed {
		return nil, nil, refusedMalformed
	}
	f := e.bySeq(id.family)
	if known == formUnknown || id.kind != kindRefresh || f == nil || f.app != a {
		return nil, nil, e.policy.refusedToken()
	}
	e.describe(ev, id)
	f.applyLimits(ev.Time, &e.policy)
	p := f.pairs[id.serial]
	if f.death != nil || p != nil && p.refresh != text {
		return nil, nil, e.policy.refusedToken()
	}
	if f.account.inactive {
		return nil, nil, e.policy.refusedInactive()
	}
	if cause := fatal(p, ev.Time, &e.policy); cause != "" {
		f.kill(Death{Cause: cause, At: ev.Time, Presenter: r.Presenter, Generation: int(id.generation), Sibling: int(id.sibling)})
		ev.Killed = cause
		return nil, nil, e.policy.refusedToken()
	}
	return p, f, nil
}

// rotate issues what a presentation of p yields. With omit it issues an access
// token only, and p keeps its refresh token.
func (e *Emulator) rotate(f *family, p *pair, omit bool, ev *Event) *pair {
	now := ev.Time
	e.retire(f, now)
	switch {
	case omit:
		e.policy.OmitRefreshOnce = false
		ev.Outcome = OutcomeAccessOnly
		return e.issueAccess(f, p, now)
	case p.spent:
		ev.Outcome = OutcomeReplayed
		if e.policy.SiblingsDie {
			f.revokeDescendants(p, now, e.policy.ReuseInterval)
		}
	default:
		ev.Outcome = OutcomeRotated
		f.spend(p, now, e.policy.ReuseInterval)
	}
	return e.issueNext(f, p, now)
}

// describe notes in ev which token was presented.
func (e *Emulator) describe(ev *Event, id tokenID) {
	if f := e.bySeq(id.family); f != nil {
		ev.FamilyID, ev.Generation, ev.Sibling = f.id, int(id.generation), int(id.sibling)
	}
}
