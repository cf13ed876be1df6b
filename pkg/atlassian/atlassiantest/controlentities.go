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

func readTarget(r *http.Request) (t target, err error) {
	err = decode(r, &t)
	return t, err
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

func (h *front) addAccount(r *http.Request) (any, error) {
	var b accountBody
	if err := decode(r, &b); err != nil {
		return nil, err
	}
	a, err := h.e.AddAccount(Account(b))
	return accountBody(a), err
}

func (h *front) addSite(r *http.Request) (any, error) {
	var b siteBody
	if err := decode(r, &b); err != nil {
		return nil, err
	}
	s, err := h.e.AddSite(Site{CloudID: b.CloudID, Name: b.Name, URL: b.URL}, b.Members...)
	return siteBody{s.CloudID, s.Name, s.URL, b.Members}, err
}

func (h *front) addApp(r *http.Request) (any, error) {
	var b appBody
	if err := decode(r, &b); err != nil {
		return nil, err
	}
	a, err := h.e.AddApp(App{
		Name: b.Name, ClientID: b.ClientID, ClientSecret: atlassian.NewSecret(b.ClientSecret),
		RedirectURIs: b.RedirectURIs, Scopes: b.Scopes, Owner: b.Owner, Distributed: b.Distributed,
	})
	answer := describeApp(a)
	answer.ClientSecret = a.ClientSecret.Reveal()
	return answer, err
}

func describeApp(a App) appBody {
	return appBody{
		ClientID: a.ClientID, Name: a.Name, RedirectURIs: a.RedirectURIs, Scopes: a.Scopes,
		Owner: a.Owner, Distributed: a.Distributed,
	}
}

func (h *front) directory(*http.Request) (any, error) {
	e := h.e
	e.mu.Lock()
	defer e.mu.Unlock()
	accounts, sites, apps := []accountBody{}, []siteBody{}, []appBody{}
	listed := map[string]bool{}
	for _, p := range e.people {
		accounts = append(accounts, accountBody(p.Account))
		for _, s := range p.sites {
			if listed[s.CloudID] {
				continue
			}
			listed[s.CloudID] = true
			b := siteBody{CloudID: s.CloudID, Name: s.Name, URL: s.URL}
			for _, m := range s.members {
				b.Members = append(b.Members, m.ID)
			}
			sites = append(sites, b)
		}
	}
	for _, a := range e.appOrder {
		apps = append(apps, describeApp(a.App))
	}
	return object{"accounts": accounts, "sites": sites, "apps": apps}, nil
}

func (h *front) appSecret(r *http.Request) (any, error) {
	secret, err := h.e.ClientSecret(r.PathValue("clientID"))
	return object{"client_secret": secret.Reveal()}, err
}

func (h *front) rotateSecret(r *http.Request) (any, error) {
	t, err := readTarget(r)
	if err != nil {
		return nil, err
	}
	secret, err := h.e.RotateClientSecret(t.ClientID)
	return object{"client_secret": secret.Reveal()}, err
}

func (h *front) signIn(r *http.Request) (any, error) {
	t, err := readTarget(r)
	if err != nil {
		return nil, err
	}
	return nil, h.e.SignIn(t.Account)
}

func (h *front) consent(r *http.Request) (any, error) {
	var b struct {
		target
		Scopes      []string `json:"scopes"`
		RedirectURI string   `json:"redirect_uri"`
	}
	if err := decode(r, &b); err != nil {
		return nil, err
	}
	code, err := h.e.Consent(ConsentRequest{
		ClientID: b.ClientID, AccountID: b.Account, CloudID: b.CloudID,
		Scopes: b.Scopes, RedirectURI: b.RedirectURI,
	})
	return object{"code": code.Reveal()}, err
}

func (h *front) revoke(r *http.Request) (any, error) {
	t, err := readTarget(r)
	if err != nil {
		return nil, err
	}
	return nil, h.e.RevokeGrant(t.Account, t.ClientID)
}

func (h *front) password(r *http.Request) (any, error) {
	return h.onAccount(r, h.e.ChangePassword)
}

func (h *front) deactivate(r *http.Request) (any, error) { return h.onAccount(r, h.e.Deactivate) }

func (h *front) reactivate(r *http.Request) (any, error) { return h.onAccount(r, h.e.Reactivate) }

func (h *front) onAccount(r *http.Request, do func(string) error) (any, error) {
	t, err := readTarget(r)
	if err != nil {
		return nil, err
	}
	return nil, do(t.Account)
}

func (h *front) uninstall(r *http.Request) (any, error) {
	t, err := readTarget(r)
	if err != nil {
		return nil, err
	}
	return nil, h.e.Uninstall(t.ClientID, t.CloudID)
}

func (h *front) truth(*http.Request) (any, error) {
	live := h.e.LiveTokens()
	if live == nil {
		live = []TokenInfo{}
	}
	return object{
		"now": h.e.Now(), "families": h.e.Families(), "live_tokens": live, "events": h.e.Events(),
		"event_count": h.e.EventCount(),
	}, nil
}

func (h *front) resetAll(r *http.Request) (any, error) {
	if err := decode(r, &struct{}{}); err != nil {
		return nil, err
	}
	h.e.Reset()
	return nil, nil
}
