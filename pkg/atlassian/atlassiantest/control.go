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

// control is what the control API does with a request. The answer is sent as
// JSON. A nil answer means {"ok":true}.
type control func(*Emulator, *http.Request) (any, error)

// controlRoute is one line of the control API. ControlHelp is made from the same
// lines that are served.
type controlRoute struct {
	method, path, help string
	serve              control
}

// controlRoutes lists the control API.
func controlRoutes() []controlRoute {
	return []controlRoute{
		{"GET", "/", "this list", nil},
		{"GET", "/clock", "the emulated time", ask(showClock)},
		{"POST", "/clock", `{"advance":"10m"} or {"set":"2026-01-15T08:00:00Z"}`, send(moveClock)},
		{"GET", "/policy", "the rules in force", ask(showPolicy)},
		{"PATCH", "/policy", `any of the fields that GET shows, e.g. {"reuse_interval":"5m","siblings_die":true}`, patchPolicy},
		{"GET", "/faults", "the waiting faults", ask(showFaults)},
		{"POST", "/faults", `{"endpoint":"token|resources|api","when":"before|after","kind":"` + kindNames("|") + `","status":400,"code":"invalid_request","body":"","header":{},"retry_after":"30","encoding":"gzip","delay":"2s","expires_in":-5,"grant_type":"refresh_token","times":1}`, send(addFault)},
		{"DELETE", "/faults", "remove the waiting faults", ask(clearFaults)},
		{"POST", "/accounts", `{"name":"Ann","email":"ann@example.com"}`, send(addAccount)},
		{"POST", "/sites", `{"name":"acme","members":["ACCOUNT"]}`, send(addSite)},
		{"POST", "/apps", `{"name":"app","redirect_uris":["http://localhost"],"scopes":["read:jira-work"],"owner":"ACCOUNT","distributed":false}; the answer holds the secret`, send(addApp)},
		{"GET", "/directory", "accounts, sites and apps, without secrets", ask(showDirectory)},
		{"GET", "/apps/{clientID}/secret", "the app's client secret", showSecret},
		{"POST", "/sign-in", `{"account":"ACCOUNT"}: the account whose browser visits /authorize`,
			send(func(e *Emulator, t target) (any, error) { return nil, e.SignIn(t.Account) })},
		{"POST", "/consent", `{"client_id":"","account":"","scopes":null,"redirect_uri":"","cloud_id":""}, all optional: accept without a browser; the answer holds the code`, send(consent)},
		{"POST", "/revoke", `{"account":"ACCOUNT","client_id":"APP"}: the user removes the app`,
			send(func(e *Emulator, t target) (any, error) { return nil, e.RevokeGrant(t.Account, t.ClientID) })},
		{"POST", "/password", `{"account":"ACCOUNT"}: the password changes`,
			send(func(e *Emulator, t target) (any, error) { return nil, e.ChangePassword(t.Account) })},
		{"POST", "/deactivate", `{"account":"ACCOUNT"}`,
			send(func(e *Emulator, t target) (any, error) { return nil, e.Deactivate(t.Account) })},
		{"POST", "/reactivate", `{"account":"ACCOUNT"}`,
			send(func(e *Emulator, t target) (any, error) { return nil, e.Reactivate(t.Account) })},
		{"POST", "/uninstall", `{"client_id":"APP","cloud_id":"SITE or empty for all"}`,
			send(func(e *Emulator, t target) (any, error) { return nil, e.Uninstall(t.ClientID, t.CloudID) })},
		{"POST", "/rotate-secret", `{"client_id":"APP"}: the answer holds the new client secret`, send(rotateSecret)},
		{"GET", "/truth", "families, deaths and their causes, live tokens by fingerprint, events", ask(showTruth)},
		{"POST", "/reset", "forget everything, apps and accounts included",
			send(func(e *Emulator, _ struct{}) (any, error) { e.Reset(); return nil, nil })},
	}
}

// ask is a control without a body.
func ask(answer func(*Emulator) any) control {
	return func(e *Emulator, _ *http.Request) (any, error) { return answer(e), nil }
}

// send is a control with a JSON body.
func send[T any](do func(*Emulator, T) (any, error)) control {
	return func(e *Emulator, r *http.Request) (any, error) {
		var body T
		text, err := readBody(r)
		if err == nil {
			err = strict(r, text, &body)
		}
		if err != nil {
			return nil, err
		}
		return do(e, body)
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

// routeControl adds the control API to a mux.
func routeControl(mux *http.ServeMux, e *Emulator) {
	for _, route := range controlRoutes() {
		pattern := route.method + " " + controlPrefix + route.path
		if route.serve == nil {
			mux.HandleFunc(pattern+"{$}", func(w http.ResponseWriter, _ *http.Request) {
				answerBody(w, http.StatusOK, "text/plain; charset=utf-8", []byte(ControlHelp()))
			})
			continue
		}
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			answer, err := route.serve(e, r)
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

// readBody reads a JSON request's body. It insists on the media type, so that a
// web page in the developer's own browser cannot post here.
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

// strict decodes a body. An unknown field is an error. An empty body is an
// object without fields.
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
