package atlassiantest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

func (w *world) exchange(code atlassian.Secret) atlassiantest.ExchangeRequest {
	return atlassiantest.ExchangeRequest{
		ClientID: w.fix.App.ClientID, ClientSecret: w.fix.App.ClientSecret,
		Code: code, RedirectURI: "http://localhost", Presenter: "test",
	}
}

func (w *world) code(t testing.TB) atlassian.Secret {
	t.Helper()
	code, err := w.e.Consent(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	return code
}

func requireBadCode(t testing.TB, err error) {
	t.Helper()
	requireRefusal(t, err, 400, "invalid_request", "authorization_code is invalid")
}

func TestCodeIsSingleUseAndBound(t *testing.T) {
	w := cheapWorld(t, nil)
	code := w.code(t)

	r := w.exchange(code)
	r.RedirectURI = "http://localhost/"
	_, err := w.e.Exchange(r)
	requireBadCode(t, err)

	r = w.exchange(code)
	r.ClientSecret = atlassian.NewSecret("wrong")
	_, err = w.e.Exchange(r)
	requireRefusal(t, err, 401, "access_denied", "Unauthorized")

	other, err := w.e.AddApp(atlassiantest.App{RedirectURIs: []string{"http://localhost"}})
	require.NoError(t, err)
	r = w.exchange(code)
	r.ClientID, r.ClientSecret = other.ClientID, other.ClientSecret
	_, err = w.e.Exchange(r)
	requireBadCode(t, err)

	tokens, err := w.e.Exchange(w.exchange(code))
	require.NoError(t, err)
	_, err = w.e.Exchange(w.exchange(code))
	requireBadCode(t, err)
	w.refresh(t, tokens)

	_, err = w.e.Refresh(w.request(atlassiantest.Tokens{Refresh: code}))
	requireRefusal(t, err, 403, "unauthorized_client", "refresh_token is invalid")
}

func TestCodeLifetimeEdge(t *testing.T) {
	w := cheapWorld(t, nil)
	inTime, late := w.code(t), w.code(t)
	w.clock.Advance(5*time.Minute - 1)
	_, err := w.e.Exchange(w.exchange(inTime))
	require.NoError(t, err)
	w.clock.Advance(1)
	_, err = w.e.Exchange(w.exchange(late))
	requireBadCode(t, err)
}

func TestPKCE(t *testing.T) {
	w := cheapWorld(t, nil)
	sum := sha256.Sum256([]byte("verifier"))
	for method, challenge := range map[string]string{
		"S256": base64.RawURLEncoding.EncodeToString(sum[:]), "plain": "verifier", "": "verifier",
	} {
		t.Run("method "+method, func(t *testing.T) {
			code, err := w.e.Consent(atlassiantest.ConsentRequest{CodeChallenge: challenge, CodeChallengeMethod: method})
			require.NoError(t, err)
			_, err = w.e.Exchange(w.exchange(code))
			requireBadCode(t, err)
			r := w.exchange(code)
			r.CodeVerifier = atlassian.NewSecret("verifier")
			_, err = w.e.Exchange(r)
			require.NoError(t, err)
		})
	}
	_, err := w.e.Consent(atlassiantest.ConsentRequest{CodeChallenge: "x", CodeChallengeMethod: "S512"})
	require.ErrorContains(t, err, "code_challenge_method")
}

func TestNoOfflineAccessNoRefreshToken(t *testing.T) {
	w := cheapWorld(t, nil)
	tokens, err := w.e.Authorize(atlassiantest.ConsentRequest{Scopes: []string{"read:jira-work"}})
	require.NoError(t, err)
	require.True(t, tokens.Refresh.IsZero())
	require.Equal(t, []string{"read:jira-work"}, tokens.Scopes)
	_, err = w.e.ValidateAccess(tokens.Access)
	require.NoError(t, err)
}

func TestLatestConsentsScopesOverride(t *testing.T) {
	w := cheapWorld(t, nil)
	old := w.authorize(t)
	require.NotEqual(t, atlassiantest.ConnectorScopes(), old.Scopes, "the order must differ from the request's")
	require.ElementsMatch(t, atlassiantest.ConnectorScopes(), old.Scopes)
	_, err := w.e.Consent(atlassiantest.ConsentRequest{Scopes: []string{"offline_access", "read:jira-work"}})
	require.NoError(t, err)
	next := w.refresh(t, old)
	require.ElementsMatch(t, []string{"offline_access", "read:jira-work"}, next.Scopes)
}

func TestReconsent(t *testing.T) {
	consentTwice := func(t *testing.T, kills bool) (*world, atlassiantest.Tokens) {
		w := cheapWorld(t, func(p *atlassiantest.Policy) { p.ReconsentKillsOld = kills })
		old := w.authorize(t)
		code := w.code(t)
		w.requireAlive(t, old) // an unused code kills nothing
		_, err := w.e.Exchange(w.exchange(code))
		require.NoError(t, err)
		return w, old
	}
	t.Run("keeps the old family", func(t *testing.T) {
		w, old := consentTwice(t, false)
		w.refresh(t, old)
	})
	t.Run("kills the old family", func(t *testing.T) {
		w, old := consentTwice(t, true)
		w.refused(t, old)
		require.Equal(t, atlassiantest.Death{
			Cause: atlassiantest.CauseSupersededByConsent, At: start, Presenter: "test",
		}, w.death(t, old))
	})
}

func TestConsentRefusals(t *testing.T) {
	w := cheapWorld(t, nil)
	other, err := w.e.AddAccount(atlassiantest.Account{})
	require.NoError(t, err)
	for code, r := range map[string]atlassiantest.ConsentRequest{
		"invalid_client":    {ClientID: "nobody"},
		"redirect_mismatch": {RedirectURI: "http://localhost/callback"},
		"invalid_scope":     {Scopes: []string{"write:jira-work"}},
		"undistributed_app": {AccountID: other.ID},
		"no_account":        {AccountID: "nobody"},
		"invalid_site":      {CloudID: "nowhere"},
	} {
		t.Run(code, func(t *testing.T) {
			_, err := w.e.Consent(r)
			require.ErrorContains(t, err, code)
		})
	}
	app, err := w.e.AddApp(atlassiantest.App{RedirectURIs: []string{"https://app.example/cb"}, Distributed: true})
	require.NoError(t, err)
	_, err = w.e.Consent(atlassiantest.ConsentRequest{ClientID: app.ClientID, AccountID: other.ID})
	require.NoError(t, err)
}

func TestRedirectURIs(t *testing.T) {
	w := cheapWorld(t, nil)
	for _, uri := range []string{"http://localhost", "http://localhost:9000/cb", "https://app.example/cb"} {
		t.Run("accepted "+uri, func(t *testing.T) {
			_, err := w.e.AddApp(atlassiantest.App{RedirectURIs: []string{uri}})
			require.NoError(t, err)
		})
	}
	for _, uri := range []string{"http://127.0.0.1:9000", "http://app.example", "localhost", "", "https://app.example/#x"} {
		t.Run("refused "+uri, func(t *testing.T) {
			_, err := w.e.AddApp(atlassiantest.App{RedirectURIs: []string{uri}})
			require.ErrorContains(t, err, "redirect URI")
		})
	}
}

func TestDirectoryRefusesDuplicatesAndUnknownAccounts(t *testing.T) {
	w := cheapWorld(t, nil)
	_, err := w.e.AddApp(atlassiantest.App{ClientID: w.fix.App.ClientID})
	require.ErrorContains(t, err, "taken")
	_, err = w.e.AddAccount(atlassiantest.Account{ID: w.fix.Account.ID})
	require.ErrorContains(t, err, "taken")
	_, err = w.e.AddSite(atlassiantest.Site{CloudID: w.fix.Site.CloudID})
	require.ErrorContains(t, err, "taken")
	_, err = w.e.AddSite(atlassiantest.Site{}, "nobody")
	require.ErrorContains(t, err, "add it first")
	site, err := w.e.AddSite(atlassiantest.Site{URL: "https://acme.atlassian.net"})
	require.NoError(t, err)
	require.Equal(t, "acme", site.Name)
	require.ErrorContains(t, w.e.SignIn("nobody"), "add it first")
}
