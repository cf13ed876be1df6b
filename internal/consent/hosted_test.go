package consent_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

func hosted(r *consent.BeginRequest) { r.RedirectURI = hostedURI }

// linkOf is the secret of a start link.
func linkOf(t *testing.T, startURL string) atlassian.Secret {
	t.Helper()
	u, err := url.Parse(startURL)
	require.NoError(t, err)
	require.Equal(t, "https://abc.lambda-url.eu-west-1.on.aws/start", "https://"+u.Host+u.Path)
	return atlassian.NewSecret(u.Query().Get("link"))
}

func TestHostedConsent(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	begun := w.begin(connA, hosted)
	link := linkOf(t, begun.StartURL)
	before := w.contents(connA)

	looked, err := w.service.Look(ctx, link)
	require.NoError(t, err)
	require.Equal(t, connA, looked.Connection)
	opened, err := w.service.Open(ctx, link, atlassian.Secret{})
	require.NoError(t, err)
	require.Equal(t, begun.AuthorizeURL, opened.AuthorizeURL)

	// A second tab of the same browser, and a colleague's browser.
	again, err := w.service.Open(ctx, link, opened.Browser)
	require.NoError(t, err)
	require.Equal(t, opened, again)
	_, err = w.service.Open(ctx, link, atlassian.Secret{})
	w.refused(consent.WrongBrowser, err, connA, before)
	_, err = w.service.Open(ctx, link, atlassian.NewSecret(strings.Repeat("a", 43)))
	w.refused(consent.WrongBrowser, err, connA, before)

	// The callback, without the cookie and with another's.
	request := consent.CompleteRequest{RedirectURL: w.accept(begun.AuthorizeURL)}
	_, err = w.complete(request)
	w.refused(consent.WrongBrowser, err, connA, before)
	request.Browser = atlassian.NewSecret(strings.Repeat("a", 43))
	_, err = w.complete(request)
	w.refused(consent.WrongBrowser, err, connA, before)
	request.Browser = opened.Browser
	_, err = w.complete(request)
	require.NoError(t, err)
	before = w.contents(connA)
	_, err = w.complete(request)
	w.refused(consent.ConsentExpired, err, connA, before)
	_, err = w.service.Open(ctx, link, opened.Browser)
	w.refused(consent.ConsentExpired, err, connA, before)
}

// A link that nobody opened can be completed by nobody: not even with the
// state, which whoever has the link can derive.
func TestHostedConsentNeedsTheStartPage(t *testing.T) {
	w := newWorld(t)
	begun := w.begin(connA, hosted)
	before := w.contents(connA)
	for _, cookie := range []string{"", strings.Repeat("a", 43)} {
		_, err := w.complete(consent.CompleteRequest{RedirectURL: w.accept(begun.AuthorizeURL), Browser: atlassian.NewSecret(cookie)})
		w.refused(consent.WrongBrowser, err, connA, before)
	}
	w.clock.Advance(consent.StateLifetime)
	_, err := w.service.Open(context.Background(), linkOf(t, begun.StartURL), atlassian.Secret{})
	w.refused(consent.ConsentExpired, err, connA, before)
}

// Two browsers open a link at the same moment: neither has it.
func TestTwoBrowsersAtOnce(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	link := linkOf(t, w.begin(connA, hosted).StartURL)
	var first, second error
	w.mem.strike = func(op, name string) error {
		if op == "write" && name == namesA.ConsentState {
			w.mem.strike = nil
			_, first = w.service.Open(ctx, link, atlassian.Secret{})
		}
		return nil
	}
	_, second = w.service.Open(ctx, link, atlassian.Secret{})
	require.NoError(t, first)
	w.refused(consent.WrongBrowser, second, connA, w.contents(connA))
	require.Empty(t, w.get(namesA.ConsentState), "the link is void")
}

// One browser consents for two connections at a time; each callback is its own
// connection's.
func TestTwoConnectionsInOneBrowser(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	a, b := w.begin(connA, hosted), w.begin(connB, hosted)
	openA, err := w.service.Open(ctx, linkOf(t, a.StartURL), atlassian.Secret{})
	require.NoError(t, err)
	openB, err := w.service.Open(ctx, linkOf(t, b.StartURL), openA.Browser)
	require.NoError(t, err)
	require.Equal(t, openA.Browser, openB.Browser)
	for _, c := range []struct{ conn, url string }{{connB, b.AuthorizeURL}, {connA, a.AuthorizeURL}} {
		done, err := w.complete(consent.CompleteRequest{RedirectURL: w.accept(c.url), Browser: openA.Browser})
		require.NoError(t, err)
		require.Equal(t, c.conn, done.Connection)
	}
}

// The page goes on by the cookie alone, and nobody else does.
func TestHostedChoiceOfASite(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	second, err := w.em.AddSite(atlassiantest.Site{}, w.fix.Account.ID)
	require.NoError(t, err)
	_, err = w.em.Authorize(atlassiantest.ConsentRequest{CloudID: second.CloudID})
	require.NoError(t, err)
	begun := w.begin(connA, hosted)
	opened, err := w.service.Open(ctx, linkOf(t, begun.StartURL), atlassian.Secret{})
	require.NoError(t, err)
	before := w.contents(connA)
	address := w.accept(begun.AuthorizeURL)
	_, err = w.complete(consent.CompleteRequest{RedirectURL: address, Browser: opened.Browser})
	w.refused(consent.SiteNeeded, err, connA, before)
	w.clock.Advance(20 * time.Minute)
	for _, r := range []consent.CompleteRequest{
		{RedirectURL: address, Site: second.CloudID},
		{Browser: atlassian.NewSecret(strings.Repeat("a", 43)), Site: second.CloudID},
		{Browser: opened.Browser, Connection: connB, Site: second.CloudID},
	} {
		_, err = w.complete(r)
		w.refused(consent.ConsentExpired, err, connA, before)
	}
	done, err := w.complete(consent.CompleteRequest{Browser: opened.Browser, Connection: connA, Site: second.CloudID})
	require.NoError(t, err)
	require.Equal(t, second.CloudID, done.CloudID)
}

// What is stored of a consent under way lets nobody complete it, and what is
// logged and refused shows no secret.
func TestNoSecretIsStoredInTheOpenOrShown(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	begun := w.begin(connA, hosted, func(r *consent.BeginRequest) {
		r.ClientID, r.ClientSecret = w.fix.App.ClientID, w.fix.App.ClientSecret
	})
	link := linkOf(t, begun.StartURL)
	opened, err := w.service.Open(ctx, link, atlassian.Secret{})
	require.NoError(t, err)
	entries, err := w.mem.Read(ctx, namesA.ConsentState)
	require.NoError(t, err)
	require.Equal(t, store.Encrypted, entries[namesA.ConsentState].Kind)
	u, err := url.Parse(begun.AuthorizeURL)
	require.NoError(t, err)
	state := u.Query().Get("state")
	require.Len(t, state, 43, "256 bits")
	stored := entries[namesA.ConsentState].Value.Reveal()
	address := w.accept(begun.AuthorizeURL)
	code, err := url.Parse(address.Reveal())
	require.NoError(t, err)
	_, err = w.complete(consent.CompleteRequest{RedirectURL: address})
	require.Error(t, err)
	for _, s := range []string{state, link.Reveal(), opened.Browser.Reveal()} {
		require.NotContains(t, stored, s)
	}
	_, err = w.complete(consent.CompleteRequest{RedirectURL: address, Browser: opened.Browser})
	require.NoError(t, err)
	require.NotEmpty(t, w.logs.String())
	for _, s := range []string{state, link.Reveal(), opened.Browser.Reveal(), code.Query().Get("code"), w.get(namesA.RefreshToken),
		w.get(namesA.AccessToken), w.fix.App.ClientSecret.Reveal()} {
		require.NotContains(t, w.logs.String(), s)
	}
}

func TestOnlyRegisteredFormsAreHosted(t *testing.T) {
	w := newWorld(t)
	for _, uri := range []string{"https://example.com/callback/", "https://example.com/other", "https://example.com/callback?x=1", "http://localhost/callback"} {
		require.Empty(t, w.begin(connA, func(r *consent.BeginRequest) { r.RedirectURI = uri }).StartURL, uri)
	}
	w.config.Hosted = false
	w.restart()
	require.Empty(t, w.begin(connA, hosted).StartURL)
}
