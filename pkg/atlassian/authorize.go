package atlassian

import (
	"net/url"
	"slices"
	"strings"
)

// offlineAccess is the scope that makes Atlassian issue a refresh token.
const offlineAccess = "offline_access"

// AuthorizeRequest asks a user for consent.
type AuthorizeRequest struct {
	ClientID string
	// Scopes to ask for, offline_access included. The app must have each of them.
	// If not, Atlassian shows an error page, and the browser does not return.
	Scopes []string
	// RedirectURI is where the browser goes afterwards: https, or http on this
	// machine. It must equal the address registered for the app, path included.
	RedirectURI string
	// State comes back with the answer. It proves that the answer belongs to a
	// consent that this program started, so it must be random and used once.
	State Secret
}

// AuthorizeURL returns the address to open in the user's browser. An empty
// authURL means DefaultAuthURL. The address contains the state: show it only to
// the user who consents.
//
// The error names the invalid field and quotes no secret.
func AuthorizeURL(authURL string, r AuthorizeRequest) (string, error) {
	base, err := baseURL("authURL", authURL, DefaultAuthURL)
	if err != nil {
		return "", err
	}
	if err := checkInput("client id", r.ClientID, `copy it from the app's page "Settings" in the Atlassian developer console`); err != nil {
		return "", err
	}
	if err := CheckScopes(r.Scopes); err != nil {
		return "", err
	}
	if err := CheckRedirectURI(r.RedirectURI); err != nil {
		return "", err
	}
	if err := checkInput("state", r.State.Reveal(), "generate a random one for each consent"); err != nil {
		return "", err
	}
	var query strings.Builder
	for _, p := range [...]struct{ name, value string }{ // the documented order
		{"audience", "api.atlassian.com"},
		{"client_id", r.ClientID},
		{"scope", strings.Join(r.Scopes, " ")},
		{"redirect_uri", r.RedirectURI},
		{"state", r.State.Reveal()},
		{"response_type", "code"},
		{"prompt", "consent"},
	} {
		if query.Len() > 0 {
			query.WriteByte('&')
		}
		// A space is %20, as in Atlassian's examples. "+" means a space only in forms.
		query.WriteString(p.name + "=" + strings.ReplaceAll(url.QueryEscape(p.value), "+", "%20"))
	}
	return base + "/authorize?" + query.String(), nil
}

// CheckScopes returns an error if no consent can ask for the scopes. Each must have
// the form of RFC 6749 section 3.3, and offline_access must be among them.
func CheckScopes(scopes []string) error {
	for _, s := range scopes {
		if s == "" || !printable(s) || strings.ContainsAny(s, " \"\\") {
			return reason("a scope is empty or contains a space, a quote or another invalid character: " +
				"give each scope as an entry of its own, such as read:jira-work")
		}
	}
	if !slices.Contains(scopes, offlineAccess) {
		return reason("the scopes lack offline_access: add it, since Atlassian issues no refresh token without it")
	}
	return nil
}
