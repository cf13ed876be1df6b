package atlassian

import (
	"net/url"
	"slices"
	"strings"
)

// offlineAccess is the scope without which no refresh token is issued.
const offlineAccess = "offline_access"

// AuthorizeRequest asks a user for consent.
type AuthorizeRequest struct {
	ClientID string
	// Scopes to ask for; offline_access must be among them. The app must have
	// each of them, or Atlassian shows an error page and never returns.
	Scopes []string
	// RedirectURI is where the browser goes afterwards, exactly as it is
	// registered for the app, its path included: https, or http on this machine.
	RedirectURI string
	// State comes back with the answer, and only an answer with the state of a
	// consent under way may be believed: it must be hard to guess and used once.
	State Secret
}

// AuthorizeURL returns the address to open in the user's browser. authURL is
// DefaultAuthURL when empty. The address holds the state: show it to the user
// who is to consent and to nobody else.
//
// The error names the field that is wrong and quotes no secret.
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
	if err := checkInput("state", r.State.Reveal(), "draw a random one for each consent"); err != nil {
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
		// A space is %20, as in Atlassian's examples: "+" means a space in forms only.
		query.WriteString(p.name + "=" + strings.ReplaceAll(url.QueryEscape(p.value), "+", "%20"))
	}
	return base + "/authorize?" + query.String(), nil
}

// CheckScopes refuses scopes that no consent can ask for: one that is not of the
// form of RFC 6749 section 3.3, or a list without offline_access.
func CheckScopes(scopes []string) error {
	for _, s := range scopes {
		if s == "" || !printable(s) || strings.ContainsAny(s, " \"\\") {
			return reason("a scope is empty or holds a space, a quote or another character that scopes cannot have: " +
				"give each scope as an entry of its own, such as read:jira-work")
		}
	}
	if !slices.Contains(scopes, offlineAccess) {
		return reason("the scopes lack offline_access: without it Atlassian issues no refresh token, so add it")
	}
	return nil
}
