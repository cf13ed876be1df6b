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
	request.Page = true
	_, err = w.complete(request)
	w.refused(consent.WrongBrowser, err, connA, before)
	request.Browser = atlassian.NewSecret(strings.Repeat("a", 43))
	_, err = w.complete(request)
	w.refused(consent.WrongBrowser, err, connA, before)
	request.Browser = opened.Browser
	done, err := w.complete(request)
	require.NoError(t, err)

	// The page is loaded again; elsewhere the address is worth nothing.
	before = w.contents(connA)
	repeated, err := w.complete(request)
	require.NoError(t, err)
	require.Equal(t, done.FamilyExpiresAt, repeated.FamilyExpiresAt)
	for _, r := range []consent.CompleteRequest{
		{RedirectURL: request.RedirectURL},
		{RedirectURL: request.RedirectURL, Page: true},
		{RedirectURL: request.RedirectURL, Page: true, Browser: atlassian.NewSecret(strings.Repeat("a", 43))},
		{RedirectURL: request.RedirectURL, Browser: opened.Browser},
	} {
		_, err = w.complete(r)
		w.refused(consent.ConsentExpired, err, connA, before)
	}
	_, err = w.service.Open(ctx, link, opened.Browser)
	w.refused(consent.ConsentExpired, err, connA, before)
}

// A consent whose link nobody opened cannot be completed, not even with the state,
// which can be derived from the link.
func TestHostedConsentNeedsTheStartPage(t *testing.T) {
	w := newWorld(t)
	begun := w.begin(connA, hosted)
	before := w.contents(connA)
	for _, cookie := range []string{"", strings.Repeat("a", 43)} {
		_, err := w.complete(consent.CompleteRequest{RedirectURL: w.accept(begun.AuthorizeURL), Page: true, Browser: atlassian.NewSecret(cookie)})
		w.refused(consent.WrongBrowser, err, connA, before)
	}
	w.clock.Advance(consent.StateLifetime)
	_, err := w.service.Open(context.Background(), linkOf(t, begun.StartURL), atlassian.Secret{})
	w.refused(consent.ConsentExpired, err, connA, before)
}

// A consent's app could not be published, and a person has stored another one since. The page
// leads to that, as the exchange will present its id.
func TestHostedConsentIsGivenToTheStoredApp(t *testing.T) {
	w := newWorld(t)
	w.put(namesA.ClientID, "the-app-before")
	w.clock.Advance(time.Hour)
	begun := w.begin(connA, func(r *consent.BeginRequest) { r.ClientID, r.ClientSecret = w.fix.App.ClientID, w.fix.App.ClientSecret })
	w.mem.strike = func(op, name string) error {
		if op == "write" && name == namesA.ClientID {
			return errors.New("the store did not answer")
		}
		return nil
	}
	_, err := w.complete(consent.CompleteRequest{RedirectURL: w.accept(begun.AuthorizeURL)})
	require.NoError(t, err)
	w.mem.strike = nil
	require.Equal(t, "the-app-before", w.get(namesA.ClientID))
	w.clock.Advance(time.Hour)
	w.put(namesA.ClientID, "the-app-since")
	w.put(namesA.ClientSecret, "its-secret")
	opened, err := w.service.Open(t.Context(), linkOf(t, w.begin(connA, hosted).StartURL), atlassian.Secret{})
	require.NoError(t, err)
	require.Contains(t, opened.AuthorizeURL, "client_id=the-app-since")
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

// The write that ties a link to a browser takes effect, and its answer is lost. The browser
// can open the link again, and no other can.
func TestAnOpenedLinkWhoseAnswerIsLost(t *testing.T) {
	w := newWorld(t)
	s := w.stepped("pages")
	link := linkOf(t, w.begin(connA, hosted).StartURL)
	s.after = func(n int) error {
		if s.ops[n] == "write CONSENT_STATE" {
			return errLost
		}
		return nil
	}
	opened, err := w.service.Open(t.Context(), link, atlassian.Secret{})
	w.refusedType(consent.StoreFailed, err)
	s.after = nil
	_, err = w.service.Open(t.Context(), link, atlassian.Secret{})
	w.refusedType(consent.WrongBrowser, err)
	_, err = w.service.Open(t.Context(), link, opened.Browser)
	require.NoError(t, err)
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
		done, err := w.complete(consent.CompleteRequest{RedirectURL: w.accept(c.url), Page: true, Browser: openA.Browser})
		require.NoError(t, err)
		require.Equal(t, c.conn, done.Connection)
	}
}

// The page goes on by the cookie and what it asked about, and nobody else does.
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
	_, err = w.complete(consent.CompleteRequest{RedirectURL: address, Page: true, Browser: opened.Browser})
	w.refused(consent.SiteNeeded, err, connA, before)
	asked := askedBy(t, err)
	w.clock.Advance(20 * time.Minute)
	for _, r := range []consent.CompleteRequest{
		{RedirectURL: address, Site: second.CloudID},
		{RedirectURL: address, Page: true, Site: second.CloudID},
		{Page: true, Browser: atlassian.NewSecret(strings.Repeat("a", 43)), Consent: asked, Site: second.CloudID},
		{Page: true, Browser: opened.Browser, Site: second.CloudID},
		{Page: true, Browser: opened.Browser, Consent: asked, Connection: connB, Site: second.CloudID},
		{Page: true, Browser: opened.Browser, Consent: asked, Connection: "C_", Site: second.CloudID},
	} {
		_, err = w.complete(r)
		w.refused(consent.ConsentExpired, err, connA, before)
	}
	request := consent.CompleteRequest{Page: true, Browser: opened.Browser, Consent: asked, Connection: connA, Site: second.CloudID}
	for range 2 { // the answer was lost, and the form is sent again
		done, err := w.complete(request)
		require.NoError(t, err)
		require.Equal(t, second.CloudID, done.CloudID)
	}
	require.Len(t, w.em.Families(), 2)
}

// The pages ignore what was begun without them: a consent under way, and tokens
// that wait.
func TestPagesServeOnlyWhatIsTiedToABrowser(t *testing.T) {
	w := newWorld(t)
	begun := w.begin(connA)
	before := w.contents(connA)
	u, err := url.Parse(begun.AuthorizeURL)
	require.NoError(t, err)
	state := atlassian.NewSecret(u.Query().Get("state"))
	cookie := atlassian.NewSecret(strings.Repeat("a", 43))
	stranger := func(r consent.CompleteRequest) {
		t.Helper()
		r.Page = true
		for _, r.Browser = range []atlassian.Secret{{}, cookie} {
			_, err := w.complete(r)
			w.refused(consent.ConsentExpired, err, connA, before)
		}
	}
	address := w.accept(begun.AuthorizeURL, func(r *atlassiantest.ConsentRequest) { r.Scopes = r.Scopes[:3] })
	stranger(consent.CompleteRequest{RedirectURL: address})
	stranger(consent.CompleteRequest{RedirectURL: atlassian.NewSecret("http://localhost/?error=access_denied&state=" + state.Reveal())})
	_, err = w.complete(consent.CompleteRequest{RedirectURL: address})
	w.refused(consent.ScopesMissing, err, connA, before)
	stranger(consent.CompleteRequest{State: state, Confirm: true})
	stranger(consent.CompleteRequest{RedirectURL: address, Confirm: true})
	_, err = w.complete(consent.CompleteRequest{RedirectURL: address, Confirm: true})
	require.NoError(t, err)
	before = w.contents(connA)
	stranger(consent.CompleteRequest{RedirectURL: address})
}

// A person chooses a site as soon as the page asks for one.
func TestASiteIsChosenAtOnce(t *testing.T) {
	w := newWorld(t)
	second, err := w.em.AddSite(atlassiantest.Site{}, w.fix.Account.ID)
	require.NoError(t, err)
	_, err = w.em.Authorize(atlassiantest.ConsentRequest{CloudID: second.CloudID})
	require.NoError(t, err)
	begun := w.begin(connA, hosted)
	opened, err := w.service.Open(t.Context(), linkOf(t, begun.StartURL), atlassian.Secret{})
	require.NoError(t, err)
	_, err = w.complete(consent.CompleteRequest{RedirectURL: w.accept(begun.AuthorizeURL), Page: true, Browser: opened.Browser})
	w.refusedType(consent.SiteNeeded, err)
	done, err := w.complete(consent.CompleteRequest{Page: true, Browser: opened.Browser, Consent: askedBy(t, err), Connection: connA, Site: second.CloudID})
	require.NoError(t, err)
	require.Equal(t, second.CloudID, done.CloudID)
}

// Requests of strangers to the pages cost the store one look every two seconds,
// whatever is under way.
func TestStrangersAreAnsweredFromMemory(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	guess := atlassian.NewSecret(strings.Repeat("a", 43))
	ask := func(times int) (reads int32) {
		w.mem.reads.Store(0)
		for range times {
			_, err := w.service.Look(ctx, guess)
			w.refusedType(consent.ConsentExpired, err)
			_, err = w.service.Open(ctx, guess, guess)
			w.refusedType(consent.ConsentExpired, err)
			_, err = w.complete(consent.CompleteRequest{State: guess, Code: guess, Page: true, Browser: guess})
			w.refusedType(consent.ConsentExpired, err)
		}
		return w.mem.reads.Load()
	}
	require.EqualValues(t, 1, ask(1000))
	w.clock.Advance(consent.CalmTime)
	require.EqualValues(t, 1, ask(10))

	// A link that was begun here works at once, elsewhere after two seconds.
	other := consent.New(w.config)
	begun := w.begin(connA, hosted)
	link := linkOf(t, begun.StartURL)
	opened, err := w.service.Open(ctx, link, atlassian.Secret{})
	require.NoError(t, err)
	require.EqualValues(t, 1, ask(10))
	link = func() atlassian.Secret {
		begun, err := other.Begin(ctx, consent.BeginRequest{Connection: connB, RedirectURI: hostedURI})
		require.NoError(t, err)
		return linkOf(t, begun.StartURL)
	}()
	w.refusedType(consent.ConsentExpired, func() error { _, err := w.service.Look(ctx, link); return err }())
	w.clock.Advance(consent.CalmTime)
	_, err = w.service.Look(ctx, link)
	require.NoError(t, err)

	// So it is while consents are pending, when tokens wait, and after a completion.
	w.clock.Advance(consent.CalmTime)
	require.EqualValues(t, 1, ask(1000))
	mine := consent.CompleteRequest{RedirectURL: w.accept(begun.AuthorizeURL), Page: true, Browser: opened.Browser}
	_, err = w.complete(mine)
	require.NoError(t, err, "who it is about is served at once")
	w.clock.Advance(consent.CalmTime)
	require.EqualValues(t, 1, ask(1000))
	_, err = w.complete(mine)
	require.NoError(t, err, "also once more")

	w = newWorld(t)
	other = consent.New(w.config)
	require.EqualValues(t, 1, ask(1))
	elsewhere, err := other.Begin(ctx, consent.BeginRequest{Connection: connB, RedirectURI: hostedURI})
	require.NoError(t, err)
	w.clock.Advance(consent.CalmTime)
	_, err = w.service.Look(ctx, linkOf(t, elsewhere.StartURL))
	require.NoError(t, err)
}

// Nobody can complete a consent with what is stored of it. Neither the log nor a
// refusal shows a secret.
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
	_, err = w.complete(consent.CompleteRequest{RedirectURL: address, Page: true, Browser: opened.Browser})
	require.NoError(t, err)
	require.NotEmpty(t, w.logs.String())
	for _, s := range []string{state, link.Reveal(), opened.Browser.Reveal(), code.Query().Get("code"), w.get(namesA.RefreshToken),
		w.get(namesA.AccessToken), w.fix.App.ClientSecret.Reveal()} {
		require.NotContains(t, w.logs.String(), s)
	}
}

func TestOnlyRegisteredFormsAreHosted(t *testing.T) {
	w := newWorld(t)
	for _, uri := range []string{"https://example.com/callback/", "https://example.com/other", "http://localhost/callback"} {
		require.Empty(t, w.begin(connA, func(r *consent.BeginRequest) { r.RedirectURI = uri }).StartURL, uri)
	}
	// With anything else around it the path would lead to the pages without a start link.
	before := w.get(namesA.ConsentState)
	for _, uri := range []string{"https://example.com/callback?x=1", "https://example.com/callback?", "https://example.com/%63allback", "https://x@example.com/callback"} {
		_, err := w.service.Begin(context.Background(), consent.BeginRequest{Connection: connA, RedirectURI: uri})
		w.refusedType(consent.InvalidRequest, err)
		require.Equal(t, before, w.get(namesA.ConsentState), uri)
	}
	w.config.Hosted = false
	w.restart()
	require.Empty(t, w.begin(connA, hosted).StartURL)
}
