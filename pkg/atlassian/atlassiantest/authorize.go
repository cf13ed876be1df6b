package atlassiantest

import (
	"bytes"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

// accountParameter is the name of the query parameter and of the cookie that say
// whose browser it is.
const accountParameter = "emulator_account"

// authorizeParameters are the seven parameters that /authorize requires. A value
// is given where only one is allowed.
var authorizeParameters = []struct{ name, value string }{
	{"audience", "api.atlassian.com"},
	{"client_id", ""},
	{"scope", ""},
	{"redirect_uri", ""},
	{"state", ""},
	{"response_type", "code"},
	{"prompt", "consent"},
}

var pages = template.Must(template.New("consent").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Authorize {{.App}} - Atlassian emulator</title></head>
<body><h1>{{.App}} is requesting access to your Atlassian account</h1>
<p>Signed in as <span id="account">{{.Account}}</span>.</p>
<p>It would like to:</p><ul>{{range .Scopes}}<li>{{.}}</li>{{end}}</ul>
<form method="post" action="{{.Action}}">
{{if .Sites}}<p><label for="site">Authorize for site:</label>
<select id="site" name="site">{{range .Sites}}<option value="{{.CloudID}}">{{.URL}}</option>{{end}}</select></p>
{{else}}<p id="no-site">You have no site.</p>{{end}}
<p><button id="accept" name="action" value="accept">Accept</button>
<button id="cancel" name="action" value="cancel">Cancel</button></p>
</form></body></html>
{{define "error"}}<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Something went wrong - Atlassian emulator</title></head>
<body><h1>Something went wrong</h1><p id="error">{{.Code}}</p><p id="detail">{{.Description}}</p></body></html>
{{end}}`))

// authorizePage answers GET /authorize: the consent page, or an error page.
func (h *front) authorizePage(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	req, err := consentRequest(r, query)
	if err != nil {
		errorPage(w, err)
		return
	}
	page := struct {
		App, Account, Action string
		Scopes               []string
		Sites                []Site
	}{Scopes: req.Scopes, Action: "/authorize?" + r.URL.RawQuery}
	h.e.mu.Lock()
	a, acc, err := h.e.check(req)
	if err == nil {
		page.App, page.Account = a.Name, acc.Email
		for _, s := range acc.sites {
			page.Sites = append(page.Sites, s.Site)
		}
	}
	h.e.mu.Unlock()
	if err != nil {
		errorPage(w, err)
		return
	}
	showPage(w, http.StatusOK, "consent", page)
}

// authorizeAnswer answers the consent page's form and sends the browser back
// to the app.
func (h *front) authorizeAnswer(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	req, err := consentRequest(r, query)
	if err != nil {
		errorPage(w, err)
		return
	}
	back := url.Values{"state": {query.Get("state")}}
	switch r.PostFormValue("action") {
	case "accept":
		req.CloudID = r.PostFormValue("site")
		code, err := h.e.Consent(req)
		if err != nil {
			errorPage(w, err)
			return
		}
		back.Set("code", code.Reveal())
	case "cancel":
		h.e.mu.Lock()
		_, _, err := h.e.check(req)
		h.e.mu.Unlock()
		if err != nil {
			errorPage(w, err)
			return
		}
		back.Set("error", "access_denied")
		back.Set("error_description", "User did not authorize the request")
	default:
		errorPage(w, &RefusalError{400, "invalid_request", "action must be accept or cancel"})
		return
	}
	target, _ := url.Parse(req.RedirectURI) // AddApp checked it
	values := target.Query()
	for name := range back {
		values.Set(name, back.Get(name))
	}
	target.RawQuery = values.Encode()
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, target.String(), http.StatusFound)
}

// consentRequest reads the seven parameters and the account that is signed in.
func consentRequest(r *http.Request, query url.Values) (ConsentRequest, error) {
	for _, p := range authorizeParameters {
		switch got := query.Get(p.name); {
		case got == "":
			return ConsentRequest{}, missing(p.name)
		case p.value != "" && got != p.value:
			return ConsentRequest{}, &RefusalError{400, "invalid_request", "parameter " + p.name + " must be " + p.value}
		}
	}
	who := query.Get(accountParameter)
	if cookie, err := r.Cookie(accountParameter); who == "" && err == nil {
		// Account ids contain a colon, which many clients percent-encode.
		if who, err = url.QueryUnescape(cookie.Value); err != nil {
			who = cookie.Value
		}
	}
	return ConsentRequest{
		ClientID: query.Get("client_id"), AccountID: who,
		Scopes: strings.Fields(query.Get("scope")), RedirectURI: query.Get("redirect_uri"),
		CodeChallenge: query.Get("code_challenge"), CodeChallengeMethod: query.Get("code_challenge_method"),
	}, nil
}

// errorPage shows the error to the browser's user. It is not reported to the app.
func errorPage(w http.ResponseWriter, err error) {
	refusal := &RefusalError{Status: http.StatusBadRequest, Code: "error", Description: err.Error()}
	errors.As(err, &refusal)
	showPage(w, refusal.Status, "error", refusal)
}

func showPage(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, name, data); err != nil {
		panic("atlassiantest: cannot render a page: " + err.Error())
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	answerBody(w, status, "text/html; charset=utf-8", page.Bytes())
}
