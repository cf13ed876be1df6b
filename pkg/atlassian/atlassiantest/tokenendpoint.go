package atlassiantest

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// maxTokenRequest is the largest body of a request, in bytes. It leaves room for
// the longest token that a Policy can ask for.
const maxTokenRequest = 4 << 20

// tokenRequest holds the parameters of a request to the token endpoint.
type tokenRequest struct {
	values    map[string]string
	clientID  string
	secret    string
	basic     bool // the credentials came in the Authorization header
	presenter string
}

func (r *tokenRequest) get(name string) string { return r.values[name] }

// token answers POST /oauth/token.
func (h *front) token(w http.ResponseWriter, r *http.Request) {
	req, refusal := readTokenRequest(r)
	fault := h.take(EndpointToken, req.get("grant_type"))
	h.wait(fault, fault != nil && fault.When == Before)
	tokens, err := h.grant(req, refusal, fault)
	h.wait(fault, fault != nil && fault.When == After)
	w = encoded(w, fault)

	var injected *InjectedError
	var refused *RefusalError
	switch {
	case errors.As(err, &injected):
		sendFault(w, fault, answerOrSample(injected.lost, fault))
	case errors.As(err, &refused):
		answerJSON(w, refused.Status, oauthError{refused.Code, refused.Description})
	default:
		answerBody(w, http.StatusOK, "application/json", successBody(tokens, fault))
	}
}

// grant carries the request out. A fault also applies to a request that is refused
// before its grant is looked at.
func (h *front) grant(req *tokenRequest, refusal *RefusalError, fault *Fault) (Tokens, error) {
	e := h.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if refusal == nil {
		refusal = e.incomplete(req)
	}
	if refusal == nil && req.get("grant_type") == grantRefresh {
		return e.refresh(&RefreshRequest{
			ClientID: req.clientID, ClientSecret: e.secretOf(req),
			RefreshToken: atlassian.NewSecret(req.get("refresh_token")), Presenter: req.presenter,
		}, fault)
	}
	if refusal == nil {
		return e.exchange(ExchangeRequest{
			ClientID: req.clientID, ClientSecret: e.secretOf(req),
			Code: atlassian.NewSecret(req.get("code")), RedirectURI: req.get("redirect_uri"),
			CodeVerifier: atlassian.NewSecret(req.get("code_verifier")), Presenter: req.presenter,
		}, fault)
	}
	if fault.replacesAnswer(Before) || fault.replacesAnswer(After) {
		return Tokens{}, &InjectedError{Fault: *fault}
	}
	return Tokens{}, refusal
}

// incomplete refuses a request without a grant. The client is checked first.
func (d *directory) incomplete(req *tokenRequest) *RefusalError {
	grantType := req.get("grant_type")
	switch {
	case d.authenticate(req.clientID, d.secretOf(req)) == nil:
		return nil // exchange and refresh answer 401 and log it
	case grantType == "":
		return missing("grant_type")
	case grantType != grantRefresh && grantType != grantCode:
		return &RefusalError{403, "unsupported_grant_type", "Unsupported grant type"}
	case grantType == grantRefresh && req.get("refresh_token") == "":
		return missing("refresh_token")
	}
	return nil
}

// secretOf returns the client secret of a request. RFC 6749 section 2.3.1 demands
// form-encoded Basic credentials, but many clients do not encode them. Both forms
// are accepted.
func (d *directory) secretOf(req *tokenRequest) atlassian.Secret {
	sent := atlassian.NewSecret(req.secret)
	if a := d.apps[req.clientID]; req.basic && a != nil && a.ClientSecret != sent {
		if decoded, err := url.QueryUnescape(req.secret); err == nil {
			return atlassian.NewSecret(decoded)
		}
	}
	return sent
}

// readTokenRequest reads JSON and forms, with credentials in the body or in the
// header. The request is never nil.
func readTokenRequest(r *http.Request) (*tokenRequest, *RefusalError) {
	req := &tokenRequest{presenter: presenter(r)}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxTokenRequest+1))
	if err != nil || len(body) > maxTokenRequest {
		return req, &RefusalError{400, "invalid_request", "the body cannot be read or is too large"}
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch media {
	case "application/json":
		if json.Unmarshal(body, &req.values) != nil {
			return req, &RefusalError{400, "invalid_request", "the body is not a JSON object of strings"}
		}
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return req, &RefusalError{400, "invalid_request", "the body is not a form"}
		}
		req.values = map[string]string{}
		for name := range form {
			req.values[name] = form.Get(name)
		}
	default:
		return req, &RefusalError{400, "invalid_request", "Content-Type must be application/json or application/x-www-form-urlencoded"}
	}
	req.clientID, req.secret = req.get("client_id"), req.get("client_secret")
	if id, secret, ok := r.BasicAuth(); ok {
		req.clientID, req.secret, req.basic = id, secret, true
	}
	return req, nil
}

// presenter is the name of the caller in Death and Event.
func presenter(r *http.Request) string {
	name := r.Header.Get("X-Presenter")
	if name == "" {
		name = r.UserAgent()
	}
	return name[:min(len(name), 100)]
}

// successBody encodes a success of the endpoint, with the fault's expires_in if
// it has one.
func successBody(t Tokens, fault *Fault) []byte {
	body := struct {
		Access    string          `json:"access_token,omitempty"`
		ExpiresIn json.RawMessage `json:"expires_in,omitempty"`
		Type      string          `json:"token_type"`
		Refresh   string          `json:"refresh_token,omitempty"`
		Scope     string          `json:"scope"`
	}{
		Access:    t.Access.Reveal(),
		ExpiresIn: strconv.AppendInt(nil, int64(t.ExpiresIn.Seconds()), 10),
		Type:      "Bearer",
		Refresh:   t.Refresh.Reveal(),
		Scope:     strings.Join(t.Scopes, " "),
	}
	if fault != nil && fault.Kind == KindExpiresIn {
		body.ExpiresIn = fault.ExpiresIn
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic("atlassiantest: cannot encode tokens: " + err.Error())
	}
	return text
}

// answerOrSample is the body for a fault that sends a part of it. It is the true
// answer if there was one, and else a sample.
func answerOrSample(lost Tokens, fault *Fault) []byte {
	if lost.Access.IsZero() {
		return []byte(`{"access_token":"eyJ","expires_in":3600,"token_type":"Bearer"}`)
	}
	return successBody(lost, fault)
}
