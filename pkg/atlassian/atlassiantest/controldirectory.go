package atlassiantest

import (
	"net/http"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// target is the body of the control requests that act on an account, an app
// or a site.
type target struct {
	Account  string `json:"account"`
	ClientID string `json:"client_id"`
	CloudID  string `json:"cloud_id"`
}

type accountBody struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

type siteBody struct {
	CloudID string   `json:"cloud_id"`
	Name    string   `json:"name"`
	URL     string   `json:"url"`
	Members []string `json:"members"`
}

type appBody struct {
	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"client_secret,omitempty"`
	Name         string   `json:"name"`
	RedirectURIs []string `json:"redirect_uris"`
	Scopes       []string `json:"scopes"`
	Owner        string   `json:"owner"`
	Distributed  bool     `json:"distributed"`
}

func addAccount(e *Emulator, b accountBody) (any, error) {
	a, err := e.AddAccount(Account(b))
	return accountBody(a), err
}

func addSite(e *Emulator, b siteBody) (any, error) {
	s, err := e.AddSite(Site{CloudID: b.CloudID, Name: b.Name, URL: b.URL}, b.Members...)
	return siteBody{s.CloudID, s.Name, s.URL, b.Members}, err
}

func addApp(e *Emulator, b appBody) (any, error) {
	a, err := e.AddApp(App{
		Name: b.Name, ClientID: b.ClientID, ClientSecret: atlassian.NewSecret(b.ClientSecret),
		RedirectURIs: b.RedirectURIs, Scopes: b.Scopes, Owner: b.Owner, Distributed: b.Distributed,
	})
	answer := describeApp(a)
	answer.ClientSecret = a.ClientSecret.Reveal()
	return answer, err
}

// describeApp is an app without its secret.
func describeApp(a App) appBody {
	return appBody{
		ClientID: a.ClientID, Name: a.Name, RedirectURIs: a.RedirectURIs, Scopes: a.Scopes,
		Owner: a.Owner, Distributed: a.Distributed,
	}
}

func showDirectory(e *Emulator) any {
	list := e.list()
	accounts, sites, apps := []accountBody{}, []siteBody{}, []appBody{}
	for _, a := range list.accounts {
		accounts = append(accounts, accountBody(a))
	}
	for _, v := range list.sites {
		b := siteBody{CloudID: v.site.CloudID, Name: v.site.Name, URL: v.site.URL}
		for _, m := range v.members {
			b.Members = append(b.Members, m.ID)
		}
		sites = append(sites, b)
	}
	for _, a := range list.apps {
		apps = append(apps, describeApp(a))
	}
	return object{"accounts": accounts, "sites": sites, "apps": apps}
}

func showSecret(e *Emulator, r *http.Request) (any, error) {
	secret, err := e.ClientSecret(r.PathValue("clientID"))
	return object{"client_secret": secret.Reveal()}, err
}

func rotateSecret(e *Emulator, t target) (any, error) {
	secret, err := e.RotateClientSecret(t.ClientID)
	return object{"client_secret": secret.Reveal()}, err
}

// consentBody is a target with what the consent asks for.
type consentBody struct {
	target
	Scopes      []string `json:"scopes"`
	RedirectURI string   `json:"redirect_uri"`
}

func consent(e *Emulator, b consentBody) (any, error) {
	code, err := e.Consent(ConsentRequest{
		ClientID: b.ClientID, AccountID: b.Account, CloudID: b.CloudID,
		Scopes: b.Scopes, RedirectURI: b.RedirectURI,
	})
	return object{"code": code.Reveal()}, err
}
