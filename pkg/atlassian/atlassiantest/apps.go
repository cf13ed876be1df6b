package atlassiantest

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// ConnectorScopes returns the scopes that the Jira Cloud connector asks for,
// offline_access included.
func ConnectorScopes() []string {
	return []string{
		scopeOffline, "read:group:jira", "read:avatar:jira", "read:user:jira",
		"read:jira-user", "read:jira-work",
	}
}

const scopeOffline = "offline_access"

// App is an OAuth 2.0 (3LO) app of the developer console.
type App struct {
	// Name is shown on the consent page.
	Name string
	// ClientID and ClientSecret are generated if empty.
	ClientID     string
	ClientSecret atlassian.Secret
	// RedirectURIs are compared byte for byte with a request's.
	RedirectURIs []string
	// Scopes are those that the app may request. offline_access is always allowed.
	Scopes []string
	// Owner is the account that created the app; empty means the first account.
	// Only the owner can use an app that is not Distributed.
	Owner       string
	Distributed bool
}

type app struct{ App }

// AddApp registers an app and returns it with its identifiers filled in. A
// redirect URI must be absolute, with the scheme https or the origin
// http://localhost. An error names a bad redirect URI or a client id that is in use.
func (d *directory) AddApp(a App) (App, error) {
	for _, uri := range a.RedirectURIs {
		if err := checkRedirectURI(uri); err != nil {
			return App{}, err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if a.ClientID == "" {
		a.ClientID = randomString(d.rng, 32)
	}
	if a.ClientSecret.IsZero() {
		a.ClientSecret = randomSecret(d.rng)
	}
	if _, taken := d.apps[a.ClientID]; taken {
		return App{}, fmt.Errorf("add app: client id %q is taken; use another or leave it empty", a.ClientID)
	}
	a.RedirectURIs = slices.Clone(a.RedirectURIs)
	a.Scopes = slices.Clone(a.Scopes)
	stored := &app{a}
	d.apps[a.ClientID] = stored
	d.appOrder = append(d.appOrder, stored)
	return a, nil
}

// checkRedirectURI applies the developer console's rule: plain http is allowed
// for the host name localhost only.
func checkRedirectURI(uri string) error {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.Fragment != "" {
		return fmt.Errorf("redirect URI %q: expected an absolute URL without fragment", uri)
	}
	if u.Scheme == "https" || u.Scheme == "http" && u.Hostname() == "localhost" {
		return nil
	}
	return fmt.Errorf("redirect URI %q: expected https, or http with the host localhost", uri)
}

// RotateClientSecret gives the app a new secret and returns it. From now on the
// old secret is answered 401. Token families are not affected.
func (d *directory) RotateClientSecret(clientID string) (atlassian.Secret, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.apps[clientID]
	if a == nil {
		return atlassian.Secret{}, noApp("rotate the secret", clientID)
	}
	a.ClientSecret = randomSecret(d.rng)
	return a.ClientSecret, nil
}

// ClientSecret returns an app's current secret.
func (d *directory) ClientSecret(clientID string) (atlassian.Secret, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.apps[clientID]
	if a == nil {
		return atlassian.Secret{}, noApp("read the secret", clientID)
	}
	return a.ClientSecret, nil
}

// authenticate returns the app that has these credentials, or nil.
func (d *directory) authenticate(clientID string, secret atlassian.Secret) *app {
	a := d.apps[clientID]
	if a == nil || a.ClientSecret != secret {
		return nil
	}
	return a
}
