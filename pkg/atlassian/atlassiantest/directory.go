package atlassiantest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// directory holds the apps, accounts and sites, and the account that is signed in.
type directory struct {
	*core
	apps     map[string]*app
	appOrder []*app
	accounts map[string]*account
	people   []*account
	sites    map[string]*site
	signedIn string
}

func newDirectory(c *core) directory {
	return directory{
		core: c, apps: map[string]*app{}, accounts: map[string]*account{}, sites: map[string]*site{},
	}
}

// Fixture is what most tests start from: one app, its owner, and the owner's site.
type Fixture struct {
	App     App
	Account Account
	Site    Site
}

// AddFixture adds an account, its site, and an app of that account. The app has
// the connector's scopes and the given redirect URIs (default http://localhost).
func (d *directory) AddFixture(redirectURIs ...string) (Fixture, error) {
	if len(redirectURIs) == 0 {
		redirectURIs = []string{"http://localhost"}
	}
	acc, err1 := d.AddAccount(Account{})
	site, err2 := d.AddSite(Site{}, acc.ID)
	app, err3 := d.AddApp(App{
		Name: "tokenkeeper", RedirectURIs: redirectURIs, Scopes: ConnectorScopes(), Owner: acc.ID,
	})
	return Fixture{App: app, Account: acc, Site: site}, errors.Join(err1, err2, err3)
}

// siteView is a copy of a site and its members.
type siteView struct {
	site    Site
	members []Account
}

func (s *site) view() siteView {
	v := siteView{site: s.Site}
	for _, m := range s.members {
		v.members = append(v.members, m.Account)
	}
	return v
}

// view copies one site, which must exist.
func (d *directory) view(cloudID string) siteView {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sites[cloudID].view()
}

// listing is a copy of the directory.
type listing struct {
	accounts []Account
	sites    []siteView
	apps     []App
}

// list copies the directory, without sites that have no member.
func (d *directory) list() listing {
	d.mu.Lock()
	defer d.mu.Unlock()
	var l listing
	listed := map[*site]bool{}
	for _, p := range d.people {
		l.accounts = append(l.accounts, p.Account)
		for _, s := range p.sites {
			if !listed[s] {
				listed[s] = true
				l.sites = append(l.sites, s.view())
			}
		}
	}
	for _, a := range d.appOrder {
		l.apps = append(l.apps, a.App)
	}
	return l
}

func noAccount(op, id string) error {
	return fmt.Errorf("%s: there is no account %q; add it first", op, id)
}

func noApp(op, id string) error {
	return fmt.Errorf("%s: there is no app with client id %q; add it first", op, id)
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// randomString returns n letters and digits drawn from rng.
func randomString(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphanumeric[rng.IntN(len(alphanumeric))]
	}
	return string(b)
}

// randomUUID returns a version 4 UUID drawn from rng.
func randomUUID(rng *rand.Rand) string {
	var b [16]byte
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// randomSecret returns a client secret in the developer console's form.
func randomSecret(rng *rand.Rand) atlassian.Secret {
	return atlassian.NewSecret("ATOA" + randomString(rng, 72))
}
