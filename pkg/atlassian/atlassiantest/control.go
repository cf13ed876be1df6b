package atlassiantest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// controlPrefix is where the control API lives.
const controlPrefix = "/_emulator"

// controlRoute is one line of the control API: what ControlHelp prints is what
// is served.
type controlRoute struct {
	method, path, help string
	serve              func(*front, *http.Request) (any, error)
}

// controlRoutes is a function because its entries refer back to it.
func controlRoutes() []controlRoute {
	return []controlRoute{
		{"GET", "/", "this list", nil},
		{"GET", "/clock", "the emulated time", (*front).getClock},
		{"POST", "/clock", `{"advance":"10m"} or {"set":"2026-01-15T08:00:00Z"}`, (*front).moveClock},
		{"GET", "/policy", "the rules in force", (*front).getPolicy},
		{"PATCH", "/policy", `any of the fields that GET shows, e.g. {"reuse_interval":"5m","siblings_die":true}`, (*front).patchPolicy},
		{"GET", "/faults", "the faults that wait", (*front).getFaults},
		{"POST", "/faults", `{"endpoint":"token|resources|api","when":"before|after","kind":"` + kindNames("|") + `","status":400,"code":"invalid_request","body":"","header":{},"retry_after":"30","encoding":"gzip","delay":"2s","expires_in":-5,"grant_type":"refresh_token","times":1}`, (*front).addFault},
		{"DELETE", "/faults", "remove the faults that wait", (*front).clearFaults},
		{"POST", "/accounts", `{"name":"Ann","email":"ann@example.com"}`, (*front).addAccount},
		{"POST", "/sites", `{"name":"acme","members":["ACCOUNT"]}`, (*front).addSite},
		{"POST", "/apps", `{"name":"app","redirect_uris":["http://localhost"],"scopes":["read:jira-work"],"owner":"ACCOUNT","distributed":false}; the answer holds the secret`, (*front).addApp},
		{"GET", "/directory", "accounts, sites and apps, without secrets", (*front).directory},
		{"GET", "/apps/{clientID}/secret", "the app's client secret", (*front).appSecret},
		{"POST", "/sign-in", `{"account":"ACCOUNT"}: whose browser visits /authorize`, (*front).signIn},
		{"POST", "/consent", `{"client_id":"","account":"","scopes":null,"redirect_uri":"","cloud_id":""}, all optional: accept without a browser; the answer holds the code`, (*front).consent},
		{"POST", "/revoke", `{"account":"ACCOUNT","client_id":"APP"}: the user removes the app`, (*front).revoke},
		{"POST", "/password", `{"account":"ACCOUNT"}: the password changes`, (*front).password},
		{"POST", "/deactivate", `{"account":"ACCOUNT"}`, (*front).deactivate},
		{"POST", "/reactivate", `{"account":"ACCOUNT"}`, (*front).reactivate},
		{"POST", "/uninstall", `{"client_id":"APP","cloud_id":"SITE or empty for all"}`, (*front).uninstall},
		{"POST", "/rotate-secret", `{"client_id":"APP"}: the answer holds the new client secret`, (*front).rotateSecret},
		{"GET", "/truth", "families, deaths and their causes, live tokens by fingerprint, events", (*front).truth},
		{"POST", "/reset", "forget everything, apps and accounts included", (*front).resetAll},
	}
}

// ControlHelp lists the control API: method, path and what to send.
func ControlHelp() string {
	var b strings.Builder
	for _, r := range controlRoutes() {
		fmt.Fprintf(&b, "%-6s %-36s %s\n", r.method, controlPrefix+r.path, r.help)
	}
	return b.String()
}

func (h *front) control(mux *http.ServeMux) {
	for _, r := range controlRoutes() {
		pattern := r.method + " " + controlPrefix + r.path
		if r.serve == nil {
			mux.HandleFunc(pattern+"{$}", func(w http.ResponseWriter, _ *http.Request) {
				answerBody(w, http.StatusOK, "text/plain; charset=utf-8", []byte(ControlHelp()))
			})
			continue
		}
		mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
			answer, err := r.serve(h, req)
			if err != nil {
				answerJSON(w, http.StatusBadRequest, object{"error": err.Error()})
				return
			}
			if answer == nil {
				answer = object{"ok": true}
			}
			answerJSON(w, http.StatusOK, answer)
		})
	}
}

// decode reads a JSON body strictly into a value.
func decode(r *http.Request, into any) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	return strict(r, body, into)
}

// readBody reads a JSON request's body. Insisting on the media type keeps web
// pages in the developer's own browser from posting here unasked.
func readBody(r *http.Request) ([]byte, error) {
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "application/json" {
		return nil, errors.New("control: send Content-Type: application/json and a JSON object")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("control: cannot read the body: %w", err)
	}
	return body, nil
}

// strict decodes body; a field it does not know is an error. An empty body is
// an object without fields.
func strict(r *http.Request, body []byte, into any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("control: %s %s: %w; GET %s/ shows what to send", r.Method, r.URL.Path, err, controlPrefix)
	}
	return nil
}

// span is a duration that JSON writes as text such as "10m0s".
type span time.Duration

// MarshalJSON writes the duration as text.
func (s span) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(s).String()) }

// UnmarshalJSON reads a duration's text.
func (s *span) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return fmt.Errorf("expected a duration such as %q", "10m")
	}
	d, err := time.ParseDuration(text)
	*s = span(d)
	return err
}

func (h *front) getClock(*http.Request) (any, error) {
	answer := object{"now": h.e.Now().Format(time.RFC3339Nano)}
	if c, ok := h.e.clock.(*Clock); ok {
		answer["running"] = c.Running()
	}
	return answer, nil
}

func (h *front) moveClock(r *http.Request) (any, error) {
	var body struct {
		Advance *span      `json:"advance"`
		Set     *time.Time `json:"set"`
	}
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	c, ok := h.e.clock.(*Clock)
	if !ok {
		return nil, errors.New("control: this emulator's clock is its caller's own; give New an atlassiantest.Clock")
	}
	switch {
	case body.Advance != nil && body.Set == nil:
		c.Advance(time.Duration(*body.Advance))
	case body.Set != nil && body.Advance == nil:
		c.Set(*body.Set)
	default:
		return nil, errors.New(`control: send either "advance" or "set"`)
	}
	return h.getClock(r)
}

// policyBody is Policy as JSON; a field that is absent is not changed.
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

// bind points the body's fields at p's, so that JSON reads and writes them.
func (b *policyBody) bind(p *Policy) {
	*b = policyBody{
		(*span)(&p.ReuseInterval), (*span)(&p.InactivityLimit), (*span)(&p.AbsoluteLifetime),
		(*span)(&p.AccessTokenLifetime), (*span)(&p.CodeLifetime),
		&p.OlderReplayKills, &p.SiblingsDie, &p.OmitRefreshOnce, &p.LegacyRefusalBody,
		&p.ReconsentKillsOld, &p.InactiveAccountStatus, &p.TokenPadding,
	}
}

func (h *front) getPolicy(*http.Request) (any, error) {
	p := h.e.Policy()
	body := &policyBody{}
	body.bind(&p)
	return body, nil
}

func (h *front) patchPolicy(r *http.Request) (any, error) {
	text, err := readBody(r)
	if err != nil {
		return nil, err
	}
	var wrong error
	err = h.e.ChangePolicy(func(p *Policy) {
		changed := *p
		var body policyBody
		body.bind(&changed)
		if wrong = strict(r, text, &body); wrong == nil {
			*p = changed
		}
	})
	if err := errors.Join(wrong, err); err != nil {
		return nil, err
	}
	return h.getPolicy(r)
}

// faultBody is Fault as JSON with its delay as text.
type faultBody struct {
	Fault
	Delay span `json:"delay,omitempty"`
}

func (h *front) getFaults(*http.Request) (any, error) {
	list := []faultBody{}
	for _, f := range h.e.Faults() {
		list = append(list, faultBody{f, span(f.Delay)})
	}
	return list, nil
}

func (h *front) addFault(r *http.Request) (any, error) {
	var body faultBody
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	body.Fault.Delay = time.Duration(body.Delay)
	return nil, h.e.Inject(body.Fault)
}

func (h *front) clearFaults(*http.Request) (any, error) {
	h.e.ClearFaults()
	return nil, nil
}
