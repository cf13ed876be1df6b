package consent_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

var namesA, namesB = family.NamesOf(connA), family.NamesOf(connB)

func TestConsentToTheEnd(t *testing.T) {
	w := newWorld(t)
	begun := w.begin(connA)
	require.Empty(t, begun.StartURL, "http://localhost is not hosted")
	require.Equal(t, w.clock.Now().Add(10*time.Minute), begun.ExpiresAt)
	w.clock.Advance(time.Minute)
	done, err := w.complete(consent.CompleteRequest{RedirectURL: w.accept(begun.AuthorizeURL)})
	require.NoError(t, err)
	site := consent.Site{ID: w.fix.Site.CloudID, URL: w.fix.Site.URL, Name: w.fix.Site.Name}
	require.Equal(t, []consent.Site{site}, done.Sites, "duplicates of one id are one site")
	require.Equal(t, w.fix.Site.CloudID, done.CloudID)
	require.ElementsMatch(t, atlassiantest.ConnectorScopes(), done.Scopes)
	require.Equal(t, w.clock.Now(), done.AuthorizedAt)
	require.Equal(t, w.clock.Now().Add(365*24*time.Hour), done.FamilyExpiresAt)

	require.Equal(t, w.fix.Site.CloudID, w.get(namesA.CloudID))
	fam := w.em.Families()[0]
	for _, name := range []string{namesA.RefreshToken, namesA.AccessToken} {
		info, known := w.em.Lookup(atlassian.NewSecret(w.get(name)))
		require.True(t, known)
		require.Equal(t, atlassiantest.StatusLive, info.Status)
		require.Equal(t, fam.ID, info.FamilyID)
	}
	r, err := family.ParseRecord(w.get(namesA.Family), connA)
	require.NoError(t, err)
	require.Equal(t, family.FingerprintOf(atlassian.NewSecret(w.fix.Account.ID)), r.Account)
	require.NotContains(t, w.get(namesA.Family), w.fix.Account.ID)
	for _, gone := range []string{namesA.ConsentState, namesA.ConsentTokens, namesA.Lock} {
		require.Empty(t, w.get(gone), gone)
	}

	status, err := w.service.Status(context.Background(), consent.StatusRequest{Connection: connA})
	require.NoError(t, err)
	require.Equal(t, consent.ConnectionStatus{Connection: connA, HasApp: true, HasTokens: true, CloudID: site.ID, Scopes: done.Scopes, RedirectURI: "http://localhost", AuthorizedAtSource: family.FromConsent,
		AuthorizedAt: done.AuthorizedAt, FamilyExpiresAt: done.FamilyExpiresAt}, status.Connections[0])
}

// The received tokens are in the store before anything else is asked of
// anybody, and under the lock.
func TestTokensAreStoredTheMomentTheyArrive(t *testing.T) {
	w := newWorld(t)
	var writes []string
	w.mem.strike = func(op, name string) error {
		writes = append(writes, op+" "+strings.TrimPrefix(name, connA))
		return nil
	}
	begun := w.begin(connA)
	require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointResources, When: atlassiantest.Before, Kind: atlassiantest.KindStatus, Status: 503, Times: 1}))
	request := consent.CompleteRequest{RedirectURL: w.accept(begun.AuthorizeURL)}
	_, err := w.complete(request)
	w.refused(consent.AtlassianUnavailable, err, connA, w.contents(connA))
	require.Equal(t, []string{"write CONSENT_STATE", "write TOKEN_LEDGER", "delete CONSENT_STATE", "write CONSENT_TOKENS", "write CONSENT_TOKENS"}, writes)

	// The process dies; the same request goes on where it stopped, with a code
	// that is long dead.
	w.restart()
	w.clock.Advance(50 * time.Minute)
	done, err := w.complete(request)
	require.NoError(t, err)
	require.Equal(t, w.fix.Site.CloudID, done.CloudID)
	require.Len(t, w.em.Families(), 1)
}

func TestRefusedRequestsChangeNothing(t *testing.T) {
	w := newWorld(t)
	w.consented(connA)
	w.clock.Advance(time.Hour)
	before := w.contents(connA)
	state := func(u string) string {
		parsed, _ := url.Parse(u)
		return parsed.Query().Get("state")
	}
	for _, c := range []struct {
		name string
		back func(begun consent.Begun) consent.CompleteRequest
		want consent.ErrorType
	}{
		{"cancelled", func(b consent.Begun) consent.CompleteRequest {
			return consent.CompleteRequest{RedirectURL: atlassian.NewSecret("http://localhost/?error=access_denied&error_description=User+did+not&state=" + state(b.AuthorizeURL))}
		}, consent.ConsentRefused},
		{"expired", func(b consent.Begun) consent.CompleteRequest {
			address := w.accept(b.AuthorizeURL)
			w.clock.Advance(consent.StateLifetime)
			return consent.CompleteRequest{RedirectURL: address}
		}, consent.ConsentExpired},
		{"a forged state", func(b consent.Begun) consent.CompleteRequest {
			return consent.CompleteRequest{RedirectURL: back("http://localhost", strings.Repeat("x", 43), "eyJ.x.y")}
		}, consent.ConsentExpired},
		{"a replaced consent", func(b consent.Begun) consent.CompleteRequest {
			address := w.accept(b.AuthorizeURL)
			w.begin(connA)
			return consent.CompleteRequest{RedirectURL: address}
		}, consent.ConsentExpired},
		{"a forged code", func(b consent.Begun) consent.CompleteRequest {
			return consent.CompleteRequest{RedirectURL: back("http://localhost", state(b.AuthorizeURL), "eyJh.bGci.OiJ")}
		}, consent.CodeRefused},
		{"another place", func(b consent.Begun) consent.CompleteRequest {
			return consent.CompleteRequest{RedirectURL: back("https://evil.example.com", state(b.AuthorizeURL), "eyJh.bGci.OiJ")}
		}, consent.InvalidRequest},
		{"the state of A for B", func(b consent.Begun) consent.CompleteRequest {
			return consent.CompleteRequest{Connection: connB, RedirectURL: w.accept(b.AuthorizeURL)}
		}, consent.ConsentExpired},
		{"no state", func(consent.Begun) consent.CompleteRequest {
			return consent.CompleteRequest{RedirectURL: atlassian.NewSecret("http://localhost/?code=x")}
		}, consent.InvalidRequest},
		{"two states", func(b consent.Begun) consent.CompleteRequest {
			return consent.CompleteRequest{RedirectURL: atlassian.NewSecret("http://localhost/?code=x&state=a&state=" + state(b.AuthorizeURL))}
		}, consent.InvalidRequest},
		{"no code", func(b consent.Begun) consent.CompleteRequest {
			return consent.CompleteRequest{RedirectURL: atlassian.NewSecret("http://localhost/?state=" + state(b.AuthorizeURL))}
		}, consent.InvalidRequest},
		{"not an address", func(consent.Begun) consent.CompleteRequest {
			return consent.CompleteRequest{RedirectURL: atlassian.NewSecret("http://%zz\r\nSet-Cookie: a=b")}
		}, consent.InvalidRequest},
		{"oversize", func(b consent.Begun) consent.CompleteRequest {
			return consent.CompleteRequest{RedirectURL: back("http://localhost", state(b.AuthorizeURL), strings.Repeat("a", 20_000))}
		}, consent.InvalidRequest},
		{"a code with a line break", func(b consent.Begun) consent.CompleteRequest {
			return consent.CompleteRequest{RedirectURL: back("http://localhost", state(b.AuthorizeURL), "a\r\nb")}
		}, consent.InvalidRequest},
		{"a misspelt connection", func(b consent.Begun) consent.CompleteRequest {
			return consent.CompleteRequest{Connection: "A", RedirectURL: w.accept(b.AuthorizeURL)}
		}, consent.UnknownConnection},
	} {
		t.Run(c.name, func(t *testing.T) {
			request := c.back(w.begin(connA))
			_, err := w.complete(request)
			w.refused(c.want, err, connA, before)
			for _, v := range []atlassian.Secret{request.RedirectURL, request.Code} {
				if v.Len() > 20 {
					require.NotContains(t, err.Error(), v.Reveal())
				}
			}
		})
	}
	require.Len(t, w.em.Families(), 1)
}

// A callback on the person's own machine counts wherever on it the browser ended
// up; the code is bound to the address that was registered.
func TestTheBrowsersOwnMachineIsOnePlace(t *testing.T) {
	for _, from := range []string{"http://localhost", "http://localhost/", "https://localhost", "http://127.0.0.1", "http://localhost:80/", "http://LOCALHOST:9000/callback", "https://[::1]:1/x"} {
		t.Run(from, func(t *testing.T) {
			w := newWorld(t)
			address := strings.Replace(w.accept(w.begin(connA).AuthorizeURL).Reveal(), "http://localhost", from, 1)
			_, err := w.complete(consent.CompleteRequest{RedirectURL: atlassian.NewSecret(address)})
			require.NoError(t, err)
		})
	}
	w := newWorld(t)
	address := strings.Replace(w.accept(w.begin(connA).AuthorizeURL).Reveal(), "http://localhost", "http://localhost.example.com", 1)
	_, err := w.complete(consent.CompleteRequest{RedirectURL: atlassian.NewSecret(address)})
	w.refused(consent.InvalidRequest, err, connA, w.contents(connA))
}

// Where the last consent returned to is where the next one does.
func TestTheRedirectURIIsRemembered(t *testing.T) {
	w := newWorld(t)
	uriOf := func(b consent.Begun) string {
		u, err := url.Parse(b.AuthorizeURL)
		require.NoError(t, err)
		return u.Query().Get("redirect_uri")
	}
	begun := w.begin(connA, func(r *consent.BeginRequest) { r.RedirectURI = plainURI })
	_, err := w.complete(consent.CompleteRequest{RedirectURL: w.accept(begun.AuthorizeURL)})
	require.NoError(t, err)
	w.clock.Advance(40 * time.Minute)
	require.Equal(t, keeper.Rotated, w.refresher().Tick(context.Background(), w.config.Connections[0], w.config.Log).Action)
	w.restart()
	require.Equal(t, plainURI, uriOf(w.begin(connA)))
	require.Equal(t, "http://localhost", uriOf(w.begin(connB)))
	status, err := w.service.Status(context.Background(), consent.StatusRequest{})
	require.NoError(t, err)
	require.Equal(t, plainURI, status.Connections[0].RedirectURI)

	// It is the app's rather than the family's: tokens that a person stores keep it.
	tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{ClientID: w.fix.App.ClientID})
	require.NoError(t, err)
	w.put(namesA.RefreshToken, tokens.Refresh.Reveal())
	require.Equal(t, keeper.Rotated, w.refresher().Tick(context.Background(), w.config.Connections[0], w.config.Log).Action)
	require.Equal(t, plainURI, uriOf(w.begin(connA)))
}

func TestScopesAndRefreshToken(t *testing.T) {
	w := newWorld(t)
	w.consented(connA)
	before := w.contents(connA)

	begun := w.begin(connA)
	request := consent.CompleteRequest{RedirectURL: w.accept(begun.AuthorizeURL, func(r *atlassiantest.ConsentRequest) {
		r.Scopes = []string{"offline_access", "read:jira-work"}
	})}
	_, err := w.complete(request)
	w.refused(consent.ScopesMissing, err, connA, before)
	require.ErrorContains(t, err, "read:jira-user")
	request.Confirm = true
	done, err := w.complete(request)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"offline_access", "read:jira-work"}, done.Scopes)

	before = w.contents(connA)
	_, err = w.complete(consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL, func(r *atlassiantest.ConsentRequest) {
		r.Scopes = []string{"read:jira-work"}
	})})
	w.refused(consent.NoRefreshToken, err, connA, before)
	require.ErrorContains(t, err, "offline_access")
	_, err = w.service.Begin(context.Background(), consent.BeginRequest{Connection: connA, Scopes: []string{"read:jira-work"}})
	w.refused(consent.InvalidRequest, err, connA, before)
}

func TestAnotherAccount(t *testing.T) {
	w := newWorld(t)
	w.consented(connA)
	other, err := w.em.AddAccount(atlassiantest.Account{})
	require.NoError(t, err)
	guest, err := w.em.AddAccount(atlassiantest.Account{})
	require.NoError(t, err)
	_, err = w.em.AddSite(atlassiantest.Site{}, other.ID)
	require.NoError(t, err)
	app, err := w.em.AddApp(atlassiantest.App{Name: "shared", RedirectURIs: []string{"http://localhost"}, Scopes: atlassiantest.ConnectorScopes(), Distributed: true})
	require.NoError(t, err)
	secret, err := w.em.ClientSecret(app.ClientID)
	require.NoError(t, err)
	withApp := func(r *consent.BeginRequest) { r.ClientID, r.ClientSecret = app.ClientID, secret }
	as := func(id string) func(*atlassiantest.ConsentRequest) {
		return func(r *atlassiantest.ConsentRequest) { r.AccountID = id }
	}

	before := w.contents(connA)
	request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA, withApp).AuthorizeURL, as(guest.ID))}
	_, err = w.complete(request)
	w.refused(consent.NoSite, err, connA, before)
	require.Empty(t, w.get(namesA.ConsentTokens))

	request = consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA, withApp).AuthorizeURL, as(other.ID))}
	_, err = w.complete(request)
	w.refused(consent.AccountChanged, err, connA, before)
	require.NotContains(t, err.Error(), other.ID)

	// The app's credentials were stored by nothing but the success.
	require.Equal(t, w.fix.App.ClientID, w.get(namesA.ClientID))
	request.Confirm = true
	_, err = w.complete(request)
	require.NoError(t, err)
	require.Equal(t, app.ClientID, w.get(namesA.ClientID))
	require.Equal(t, secret.Reveal(), w.get(namesA.ClientSecret))
	entries, err := w.mem.Read(context.Background(), namesA.ClientSecret)
	require.NoError(t, err)
	require.Equal(t, store.Encrypted, entries[namesA.ClientSecret].Kind)
}

// The store refuses writes of one name for a while. The consent is complete though
// a copy could not be published. The next tick publishes it.
func TestStoreFailsAfterTheExchange(t *testing.T) {
	for _, failing := range []string{namesA.ConsentTokens, namesA.RefreshToken, namesA.AccessToken, namesA.Family, namesA.CloudID} {
		t.Run(failing, func(t *testing.T) {
			w := newWorld(t)
			request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)}
			w.mem.strike = func(op, name string) error {
				if op == "write" && name == failing {
					return errors.New("the store did not answer")
				}
				return nil
			}
			_, err := w.complete(request)
			require.NoError(t, err)
			w.mem.strike = nil
			w.clock.Advance(40 * time.Minute)
			w.refresher().Tick(context.Background(), w.config.Connections[0], w.config.Log)
			w.requireLive(failing)
			require.Equal(t, w.fix.Site.CloudID, w.get(namesA.CloudID))
			require.Len(t, w.em.Families(), 1)
		})
	}
}

func TestAtlassianFailsAtTheExchange(t *testing.T) {
	w := newWorld(t)
	fault := func(when atlassiantest.When, times int) {
		require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: when, Kind: atlassiantest.KindStatus, Status: 503, Times: times}))
	}
	fault(atlassiantest.Before, 2)
	w.consented(connA) // tried again
	before := w.contents(connA)
	fault(atlassiantest.After, 1)
	_, err := w.complete(consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)})
	w.refused(consent.CodeRefused, err, connA, before)
	fault(atlassiantest.Before, 3)
	_, err = w.complete(consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)})
	w.refused(consent.AtlassianUnavailable, err, connA, before)

	wrong := w.begin(connA, func(r *consent.BeginRequest) {
		r.ClientID, r.ClientSecret = w.fix.App.ClientID, atlassian.NewSecret("mistyped")
	})
	_, err = w.complete(consent.CompleteRequest{RedirectURL: w.accept(wrong.AuthorizeURL)})
	w.refused(consent.AppRefused, err, connA, before)
}
