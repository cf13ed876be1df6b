package atlassiantest

import (
	"fmt"
	"slices"
)

// RevokeGrant removes the app from the account, as its owner does under "Connected
// apps". The grant, its families and its unused codes end.
func (e *Emulator) RevokeGrant(accountID, clientID string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := grantKey{clientID, accountID}
	if e.grants[key] == nil {
		return fmt.Errorf("revoke: account %q has granted nothing to app %q; consent first", accountID, clientID)
	}
	e.killWhere(func(f *family) bool { return f.app.ClientID == clientID && f.account.ID == accountID },
		Death{Cause: CauseRevokedByUser, At: e.clock.Now()})
	e.dropCodes(func(c *code) bool { return c.app.ClientID == clientID && c.account.ID == accountID })
	delete(e.grants, key)
	return nil
}

// ChangePassword kills every family of the account and drops its unused codes.
func (e *Emulator) ChangePassword(accountID string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.accounts[accountID] == nil {
		return noAccount("change password", accountID)
	}
	e.killWhere(func(f *family) bool { return f.account.ID == accountID },
		Death{Cause: CausePasswordChanged, At: e.clock.Now()})
	e.dropCodes(func(c *code) bool { return c.account.ID == accountID })
	return nil
}

// Uninstall does what a site's admin does to remove the app from the site. The
// families that were consented for the site die, and the site leaves every grant
// of the app. An empty cloudID removes the app everywhere, guests' families
// included.
func (e *Emulator) Uninstall(clientID, cloudID string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.apps[clientID] == nil {
		return noApp("uninstall", clientID)
	}
	if cloudID != "" && e.sites[cloudID] == nil {
		return fmt.Errorf("uninstall: there is no site %q; add it first", cloudID)
	}
	here := func(id string) bool { return cloudID == "" || id == cloudID }
	e.killWhere(func(f *family) bool { return f.app.ClientID == clientID && here(f.cloudID) },
		Death{Cause: CauseUninstalled, At: e.clock.Now()})
	e.dropCodes(func(c *code) bool { return c.app.ClientID == clientID && here(c.cloudID()) })
	for key, g := range e.grants {
		if key.client == clientID {
			g.sites = slices.DeleteFunc(g.sites, func(s *site) bool { return here(s.CloudID) })
		}
	}
	return nil
}
