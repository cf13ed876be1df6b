package atlassiantest

import (
	"fmt"
	"slices"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// RevokeGrant is the account's owner removing the app under "Connected apps":
// the grant, its families and its unused codes go.
func (e *Emulator) RevokeGrant(accountID, clientID string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := grantKey{clientID, accountID}
	if e.grants[key] == nil {
		return fmt.Errorf("revoke: account %q has granted app %q nothing; consent first", accountID, clientID)
	}
	e.killWhere(func(f *family) bool { return f.app.ClientID == clientID && f.account.ID == accountID },
		Death{Cause: CauseRevokedByUser, At: e.clock.Now()})
	e.dropCodes(func(c *code) bool { return c.app.ClientID == clientID && c.account.ID == accountID })
	delete(e.grants, key)
	return nil
}

// ChangePassword kills every family and unused code of the account.
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

// Deactivate makes the account's tokens useless until Reactivate. Its families
// stay, and so do their time limits.
func (e *Emulator) Deactivate(accountID string) error { return e.setInactive(accountID, true) }

// Reactivate undoes Deactivate.
func (e *Emulator) Reactivate(accountID string) error { return e.setInactive(accountID, false) }

func (e *Emulator) setInactive(accountID string, inactive bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	acc := e.accounts[accountID]
	if acc == nil {
		return noAccount("deactivate or reactivate", accountID)
	}
	acc.inactive = inactive
	return nil
}

// RotateClientSecret gives the app a new secret and returns it. The old one is
// answered 401 from now on; families are kept.
func (e *Emulator) RotateClientSecret(clientID string) (atlassian.Secret, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	a := e.apps[clientID]
	if a == nil {
		return atlassian.Secret{}, noApp("rotate the secret", clientID)
	}
	a.ClientSecret = randomSecret(e.rng)
	return a.ClientSecret, nil
}

// ClientSecret returns an app's present secret.
func (e *Emulator) ClientSecret(clientID string) (atlassian.Secret, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	a := e.apps[clientID]
	if a == nil {
		return atlassian.Secret{}, noApp("read the secret", clientID)
	}
	return a.ClientSecret, nil
}

// Uninstall is a site's admin removing the app from the site: the families
// that were consented for it die and the site leaves every grant. An empty
// cloudID removes the app everywhere, guests' families included.
func (e *Emulator) Uninstall(clientID, cloudID string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.apps[clientID] == nil {
		return noApp("uninstall", clientID)
	}
	if cloudID != "" && e.sites[cloudID] == nil {
		return fmt.Errorf("uninstall: no site %q; add it first", cloudID)
	}
	e.killWhere(func(f *family) bool {
		return f.app.ClientID == clientID && (cloudID == "" || f.cloudID == cloudID)
	}, Death{Cause: CauseUninstalled, At: e.clock.Now()})
	e.dropCodes(func(c *code) bool {
		return c.app.ClientID == clientID && (cloudID == "" || c.site != nil && c.site.CloudID == cloudID)
	})
	for key, g := range e.grants {
		if key.client == clientID {
			g.sites = slices.DeleteFunc(g.sites, func(s *site) bool { return cloudID == "" || s.CloudID == cloudID })
		}
	}
	return nil
}

// killWhere ends every live family that match selects.
func (e *Emulator) killWhere(match func(*family) bool, d Death) {
	for _, f := range e.families {
		if f.death == nil && match(f) {
			f.killLive(&e.policy, d)
		}
	}
}

func (e *Emulator) dropCodes(match func(*code) bool) {
	for text, c := range e.codes {
		if match(c) {
			delete(e.codes, text)
		}
	}
}

func noAccount(op, id string) error {
	return fmt.Errorf("%s: no account %q; add it first", op, id)
}

func noApp(op, id string) error {
	return fmt.Errorf("%s: no app with client id %q; add it first", op, id)
}
