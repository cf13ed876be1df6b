package atlassiantest

import (
	"fmt"
	"strings"
)

// Account is an Atlassian account.
type Account struct {
	// ID is generated if empty.
	ID, Name, Email string
}

// Site is a cloud site with its Jira and Confluence.
type Site struct {
	// CloudID is generated if empty. An empty URL is derived from Name, and an
	// empty Name from URL.
	CloudID, Name, URL string
}

type account struct {
	Account
	inactive bool
	sites    []*site
}

type site struct {
	Site
	members []*account
}

// AddAccount adds an account. The first one is signed in by default. An account
// without a site is a guest, and its list of accessible resources is empty. The
// error says that the id is in use.
func (d *directory) AddAccount(a Account) (Account, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a.ID == "" {
		a.ID = "712020:" + randomUUID(d.rng)
	}
	if a.Name == "" {
		a.Name = fmt.Sprintf("Person %d", len(d.people)+1)
	}
	if a.Email == "" {
		a.Email = fmt.Sprintf("person%d@example.com", len(d.people)+1)
	}
	if _, taken := d.accounts[a.ID]; taken {
		return Account{}, fmt.Errorf("add account: id %q is taken; use another or leave it empty", a.ID)
	}
	stored := &account{Account: a}
	d.accounts[a.ID] = stored
	d.people = append(d.people, stored)
	return a, nil
}

// AddSite adds a site whose members are the given accounts. An error names a
// cloud id that is in use or an account that does not exist.
func (d *directory) AddSite(s Site, members ...string) (Site, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.CloudID == "" {
		s.CloudID = randomUUID(d.rng)
	}
	if _, taken := d.sites[s.CloudID]; taken {
		return Site{}, fmt.Errorf("add site: cloud id %q is taken; use another or leave it empty", s.CloudID)
	}
	if s.Name == "" && s.URL == "" {
		s.Name = fmt.Sprintf("site-%d", len(d.sites)+1)
	}
	if s.URL == "" {
		s.URL = "https://" + s.Name + ".atlassian.net"
	}
	if s.Name == "" {
		host := strings.TrimPrefix(s.URL, "https://")
		s.Name, _, _ = strings.Cut(host, ".")
	}
	stored := &site{Site: s}
	for _, id := range members {
		acc := d.accounts[id]
		if acc == nil {
			return Site{}, noAccount(fmt.Sprintf("add site %q", s.Name), id)
		}
		stored.members = append(stored.members, acc)
	}
	for _, acc := range stored.members {
		acc.sites = append(acc.sites, stored)
	}
	d.sites[s.CloudID] = stored
	return s, nil
}

// SignIn makes an account the one whose browser visits /authorize. A request
// that names another account overrides it.
func (d *directory) SignIn(accountID string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.accounts[accountID] == nil {
		return noAccount("sign in", accountID)
	}
	d.signedIn = accountID
	return nil
}

// person finds an account. An empty id means the account that is signed in, or
// else the first account. The result is nil if there is no such account.
func (d *directory) person(id string) *account {
	if id == "" {
		id = d.signedIn
	}
	if id != "" {
		return d.accounts[id]
	}
	if len(d.people) == 0 {
		return nil
	}
	return d.people[0]
}

// Deactivate makes Atlassian refuse the account's tokens until Reactivate. Its
// families and their time limits are not affected.
func (d *directory) Deactivate(accountID string) error { return d.setInactive(accountID, true) }

// Reactivate undoes Deactivate.
func (d *directory) Reactivate(accountID string) error { return d.setInactive(accountID, false) }

func (d *directory) setInactive(accountID string, inactive bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	acc := d.accounts[accountID]
	if acc == nil {
		return noAccount("deactivate or reactivate", accountID)
	}
	acc.inactive = inactive
	return nil
}
