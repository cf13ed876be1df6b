package consent

import (
	"cmp"
	"context"
	"net/url"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Paths of the hosted pages.
const (
	// CallbackPath is where Atlassian returns to.
	CallbackPath = "/callback"
	// StartPath is where a start link leads, with the parameter LinkParameter.
	StartPath = "/start"
	// LinkParameter names the secret of a start link.
	LinkParameter = "link"
)

// Begin prepares a consent and returns the address to open. It changes nothing
// that is in use. A newer Begin for the same connection replaces an older one.
func (s *Service) Begin(ctx context.Context, r BeginRequest) (Begun, error) {
	conn, err := s.connection(ctx, r.Connection)
	if err != nil {
		return Begun{}, err
	}
	if len(r.Scopes) == 0 {
		r.Scopes, _ = psoxy.Preset(psoxy.DefaultPreset)
	}
	if err := r.check(s.Hosted); err != nil {
		return Begun{}, err
	}
	clientID, err := s.clientID(ctx, conn, &r)
	if err != nil {
		return Begun{}, err
	}

	link := random()
	u := &underWay{Schema: schema, Connection: conn.Name, State: digestOf(stateOf(link)), RedirectURI: r.RedirectURI,
		Scopes: r.Scopes, ExpiresAt: s.Now().Add(StateLifetime).UTC(), app: atlassian.App{ClientID: r.ClientID, ClientSecret: r.ClientSecret}}
	begun := Begun{ExpiresAt: u.ExpiresAt}
	if begun.AuthorizeURL, err = s.authorizeURL(u, clientID, stateOf(link)); err != nil {
		return Begun{}, err
	}
	if page := hostedCallback(r.RedirectURI); page != nil && s.Hosted {
		page.Path = StartPath
		u.Link = digestOf(link)
		begun.StartURL = page.String() + "?" + LinkParameter + "=" + link.Reveal()
	}
	name := conn.Names().ConsentState
	defer s.recent.forget()
	if _, err := s.Store.Write(ctx, name, u.encode(), store.Encrypted); err != nil {
		return Begun{}, refuse(StoreFailed, "the consent cannot begin, because %s cannot be written: %v", name, err)
	}
	s.Log.Info("a consent has begun", "connection", conn.Name, "scopes", r.Scopes, "expires_at", u.ExpiresAt, "hosted", u.hosted())
	return begun, nil
}

// check refuses what no consent can begin with. hosted: the pages are served.
func (r BeginRequest) check(hosted bool) error {
	if (r.ClientID == "") != r.ClientSecret.IsZero() {
		return refuse(InvalidRequest, "client id and client secret belong together: give both, or neither to use the stored ones")
	}
	if problem := ClientIDProblem(r.ClientID); problem != "" {
		return refuse(InvalidRequest, "that cannot be the client id: %s: copy it again from the developer console", problem)
	}
	if problem := ClientSecretProblem(r.ClientSecret.Reveal(), r.ClientID); problem != "" && r.ClientID != "" {
		return refuse(InvalidRequest, "that cannot be the client secret: %s: copy it again from the developer console", problem)
	}
	u := hostedCallback(r.RedirectURI)
	if u == nil || !hosted {
		return nil // atlassian.AuthorizeURL checks the rest
	}
	if plain := "https://" + u.Host + CallbackPath; plain != r.RedirectURI {
		return refuse(InvalidRequest, "a redirect URI of the hosted pages has nothing but a host before, and nothing after, %s: register and use %s", CallbackPath, plain)
	}
	return nil
}

// clientID returns the client id to consent for, fills in where the last consent
// returned to, and cleans up tokens that are left over.
func (s *Service) clientID(ctx context.Context, conn family.Connection, r *BeginRequest) (string, error) {
	n := conn.Names()
	entries, err := s.Store.Read(ctx, n.ClientID, n.ClientSecret, n.ConsentTokens, n.Ledger, n.Family)
	if err != nil {
		return "", refuse(StoreFailed, "the consent cannot begin, because the parameters cannot be read: %v", err)
	}
	k := s.known(ctx, conn, entries)
	if entries[n.ConsentTokens].Version > 0 && (k.waits == nil || k.waits.over(k.state.Record)) {
		s.forget(ctx, k, "", k.state.Record)
	}
	if r.RedirectURI == "" {
		r.RedirectURI = cmp.Or(k.record().RedirectURI, DefaultRedirectURI)
	}
	if r.ClientID != "" {
		return r.ClientID, nil
	}
	app := k.app(entries)
	if app.ClientID == "" || app.ClientSecret.IsZero() {
		return "", refuse(AppMissing, "%s and %s are not stored yet: give the app's client id and secret from the Atlassian developer console", n.ClientID, n.ClientSecret)
	}
	return app.ClientID, nil
}

func (s *Service) authorizeURL(u *underWay, clientID string, state atlassian.Secret) (string, error) {
	address, err := atlassian.AuthorizeURL(s.AuthURL, atlassian.AuthorizeRequest{
		ClientID: clientID, Scopes: u.Scopes, RedirectURI: u.RedirectURI, State: state})
	if err != nil {
		return "", refuse(InvalidRequest, "%v", err)
	}
	return address, nil
}

// hostedCallback returns a redirect URI that leads to the hosted pages; otherwise nil. The start
// page is beside it. No request to a page can change the redirect URI: it comes from the person
// who may begin a consent, and Atlassian accepts registered ones only.
func hostedCallback(redirectURI string) *url.URL {
	u, err := url.Parse(redirectURI)
	if err != nil || u.Scheme != "https" || u.Path != CallbackPath {
		return nil
	}
	return u
}
