package atlassiantest

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

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
	// ClientID and ClientSecret are made up when empty.
	ClientID     string
	ClientSecret atlassian.Secret
	// RedirectURIs are compared byte for byte with what a request sends.
	RedirectURIs []string
	// Scopes the app may ask for; offline_access is always among them.
	Scopes []string
	// Owner is the account that created the app; empty means the account that
	// was added first. An app that is not Distributed serves nobody else.
	Owner       string
	Distributed bool
}

// Account is an Atlassian account.
type Account struct {
	// ID is made up when empty.
	ID, Name, Email string
}

// Site is a cloud site with its Jira and Confluence.
type Site struct {
	// CloudID is made up when empty. URL and Name are derived from each other.
	CloudID, Name, URL string
}

type app struct{ App }

type account struct {
	Account
	inactive bool
	sites    []*site
}

type site struct {
	Site
	members []*account
}

// AddApp registers an app and returns it with its identifiers filled in. A
// redirect URI must be absolute and either https or http://localhost.
func (e *Emulator) AddApp(a App) (App, error) {
	for _, uri := range a.RedirectURIs {
		if err := checkRedirectURI(uri); err != nil {
			return App{}, err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if a.ClientID == "" {
		a.ClientID = randomString(e.rng, 32)
	}
	if a.ClientSecret.IsZero() {
		a.ClientSecret = randomSecret(e.rng)
	}
	if _, taken := e.apps[a.ClientID]; taken {
		return App{}, fmt.Errorf("add app: client id %q is taken; use another or leave it empty", a.ClientID)
	}
	a.RedirectURIs = slices.Clone(a.RedirectURIs)
	a.Scopes = slices.Clone(a.Scopes)
	stored := &app{a}
	e.apps[a.ClientID] = stored
	e.appOrder = append(e.appOrder, stored)
	return a, nil
}

// checkRedirectURI applies the developer console's rule: plain http is only
// for localhost, spelled so.
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

// AddAccount adds an account; the first one is signed in by default. Without a
// site it is a guest, whose accessible resources are an empty list.
func (e *Emulator) AddAccount(a Account) (Account, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if a.ID == "" {
		a.ID = "712020:" + randomUUID(e.rng)
	}
	if a.Name == "" {
		a.Name = fmt.Sprintf("Person %d", len(e.people)+1)
	}
	if a.Email == "" {
		a.Email = fmt.Sprintf("person%d@example.com", len(e.people)+1)
	}
	if _, taken := e.accounts[a.ID]; taken {
		return Account{}, fmt.Errorf("add account: id %q is taken; use another or leave it empty", a.ID)
	}
	stored := &account{Account: a}
	e.accounts[a.ID] = stored
	e.people = append(e.people, stored)
	return a, nil
}

// AddSite adds a site whose members are the given accounts.
func (e *Emulator) AddSite(s Site, members ...string) (Site, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s.CloudID == "" {
		s.CloudID = randomUUID(e.rng)
	}
	if _, taken := e.sites[s.CloudID]; taken {
		return Site{}, fmt.Errorf("add site: cloud id %q is taken; use another or leave it empty", s.CloudID)
	}
	switch {
	case s.Name == "" && s.URL == "":
		s.Name = fmt.Sprintf("site-%d", len(e.sites)+1)
		s.URL = "https://" + s.Name + ".atlassian.net"
	case s.URL == "":
		s.URL = "https://" + s.Name + ".atlassian.net"
	case s.Name == "":
		host := strings.TrimPrefix(s.URL, "https://")
		s.Name, _, _ = strings.Cut(host, ".")
	}
	stored := &site{Site: s}
	for _, id := range members {
		acc := e.accounts[id]
		if acc == nil {
			return Site{}, fmt.Errorf("add site %q: no account %q; add it first", s.Name, id)
		}
		stored.members = append(stored.members, acc)
	}
	for _, acc := range stored.members {
		acc.sites = append(acc.sites, stored)
	}
	e.sites[s.CloudID] = stored
	return s, nil
}

// SignIn makes account the one whose browser visits /authorize, unless the
// request itself names another.
func (e *Emulator) SignIn(accountID string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.accounts[accountID] == nil {
		return fmt.Errorf("sign in: no account %q; add it first", accountID)
	}
	e.signedIn = accountID
	return nil
}

// Fixture is what most tests start from: one app, its owner, and the owner's site.
type Fixture struct {
	App     App
	Account Account
	Site    Site
}

// AddFixture adds an account, its site, and an app of that account with the
// connector's scopes and the given redirect URIs (default http://localhost).
func (e *Emulator) AddFixture(redirectURIs ...string) (Fixture, error) {
	if len(redirectURIs) == 0 {
		redirectURIs = []string{"http://localhost"}
	}
	acc, err1 := e.AddAccount(Account{})
	site, err2 := e.AddSite(Site{}, acc.ID)
	app, err3 := e.AddApp(App{
		Name: "tokenkeeper", RedirectURIs: redirectURIs, Scopes: ConnectorScopes(), Owner: acc.ID,
	})
	return Fixture{App: app, Account: acc, Site: site}, errors.Join(err1, err2, err3)
}

// person finds an account; an empty id is the account that is signed in or,
// if none is, the first. It is nil when there is no such account.
func (e *Emulator) person(id string) *account {
	if id == "" {
		id = e.signedIn
	}
	if id != "" {
		return e.accounts[id]
	}
	if len(e.people) == 0 {
		return nil
	}
	return e.people[0]
}
