package atlassiantest

import (
	"errors"
	"net/http"
	"time"
)

func showClock(e *Emulator) any {
	answer := object{"now": e.Now().Format(time.RFC3339Nano)}
	if c, ok := e.clock.(*Clock); ok {
		answer["running"] = c.Running()
	}
	return answer
}

// clockBody holds one of two ways to move the clock.
type clockBody struct {
	Advance *span      `json:"advance"`
	Set     *time.Time `json:"set"`
}

func moveClock(e *Emulator, b clockBody) (any, error) {
	c, ok := e.clock.(*Clock)
	if !ok {
		return nil, errors.New("control: this emulator's clock is its caller's own; give New an atlassiantest.Clock")
	}
	switch {
	case b.Advance != nil && b.Set == nil:
		c.Advance(time.Duration(*b.Advance))
	case b.Set != nil && b.Advance == nil:
		c.Set(*b.Set)
	default:
		return nil, errors.New(`control: send either "advance" or "set"`)
	}
	return showClock(e), nil
}

// policyBody is Policy as JSON. An absent field is not changed.
type policyBody struct {
	ReuseInterval         *span `json:"reuse_interval,omitempty"`
	InactivityLimit       *span `json:"inactivity_limit,omitempty"`
	AbsoluteLifetime      *span `json:"absolute_lifetime,omitempty"`
	AccessTokenLifetime   *span `json:"access_token_lifetime,omitempty"`
	CodeLifetime          *span `json:"code_lifetime,omitempty"`
	OlderReplayKills      *bool `json:"older_replay_kills,omitempty"`
	SiblingsDie           *bool `json:"siblings_die,omitempty"`
	OmitRefreshOnce       *bool `json:"omit_refresh_once,omitempty"`
	LegacyRefusalBody     *bool `json:"legacy_refusal_body,omitempty"`
	ReconsentKillsOld     *bool `json:"reconsent_kills_old,omitempty"`
	InactiveAccountStatus *int  `json:"inactive_account_status,omitempty"`
	TokenPadding          *int  `json:"token_padding,omitempty"`
}

// bindPolicy returns a body whose fields are p's, so that JSON reads and writes p.
func bindPolicy(p *Policy) *policyBody {
	return &policyBody{
		(*span)(&p.ReuseInterval), (*span)(&p.InactivityLimit), (*span)(&p.AbsoluteLifetime),
		(*span)(&p.AccessTokenLifetime), (*span)(&p.CodeLifetime),
		&p.OlderReplayKills, &p.SiblingsDie, &p.OmitRefreshOnce, &p.LegacyRefusalBody,
		&p.ReconsentKillsOld, &p.InactiveAccountStatus, &p.TokenPadding,
	}
}

func showPolicy(e *Emulator) any {
	p := e.Policy()
	return bindPolicy(&p)
}

func patchPolicy(e *Emulator, r *http.Request) (any, error) {
	text, err := readBody(r)
	if err != nil {
		return nil, err
	}
	var wrong error
	err = e.ChangePolicy(func(p *Policy) {
		changed := *p
		if wrong = strict(r, text, bindPolicy(&changed)); wrong == nil {
			*p = changed
		}
	})
	if err := errors.Join(wrong, err); err != nil {
		return nil, err
	}
	return showPolicy(e), nil
}

// faultBody is Fault as JSON with its delay as text.
type faultBody struct {
	Fault
	Delay span `json:"delay,omitempty"`
}

func showFaults(e *Emulator) any {
	list := []faultBody{}
	for _, f := range e.Faults() {
		list = append(list, faultBody{f, span(f.Delay)})
	}
	return list
}

func addFault(e *Emulator, b faultBody) (any, error) {
	b.Fault.Delay = time.Duration(b.Delay)
	return nil, e.Inject(b.Fault)
}

func clearFaults(e *Emulator) any {
	e.ClearFaults()
	return nil
}

func showTruth(e *Emulator) any {
	live := e.LiveTokens()
	if live == nil {
		live = []TokenInfo{}
	}
	return object{
		"now": e.Now(), "families": e.Families(), "live_tokens": live, "events": e.Events(),
		"event_count": e.EventCount(),
	}
}
