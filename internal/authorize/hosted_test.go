package authorize_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/authorize"
	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

const hostedURI = "https://x.lambda-url.example/callback"

// hosted is a world whose app returns to deployed pages.
type hosted struct {
	*world
	// pages is the service behind them.
	pages *consent.Service
}

func newHostedWorld(t *testing.T) hosted {
	w := newWorld(t, hostedURI)
	service := w.Consent.(*consent.Service)
	w.RedirectURI, w.Poll, service.Hosted = hostedURI, 10*time.Millisecond, true
	return hosted{w, service}
}

var startLink = regexp.MustCompile(`https\S+/start\?link=(\S+)`)

// opens does what the pages do when the start link is opened, and returns where
// Atlassian sends the browser then.
func (w hosted) opens(t *testing.T, site string) (location string, opened consent.Opened) {
	t.Helper()
	require.Eventually(t, func() bool { return startLink.MatchString(w.told.String()) }, 5*time.Second, time.Millisecond)
	link := atlassian.NewSecret(startLink.FindStringSubmatch(w.told.String())[1])
	opened, err := w.pages.Open(t.Context(), link, atlassian.Secret{})
	require.NoError(t, err)
	noRedirect := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := noRedirect.PostForm(opened.AuthorizeURL, url.Values{"action": {"accept"}, "site": {site}})
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.Header.Get("Location"), opened
}

func TestAHostedConsentIsWaitedFor(t *testing.T) {
	w := newHostedWorld(t)
	other, err := w.em.AddSite(atlassiantest.Site{Name: "other"}, w.fix.Account.ID)
	require.NoError(t, err)
	_, err = w.em.Authorize(atlassiantest.ConsentRequest{}) // the first site
	require.NoError(t, err)
	go func() {
		location, opened := w.opens(t, other.CloudID)
		request := consent.CompleteRequest{RedirectURL: atlassian.NewSecret(location), Page: true, Browser: opened.Browser}
		_, err := w.Consent.Complete(t.Context(), request)
		refusedAs(t, err, consent.SiteNeeded)
		time.Sleep(50 * time.Millisecond)
		request.Site = w.fix.Site.CloudID
		_, err = w.Consent.Complete(t.Context(), request)
		require.NoError(t, err)
	}()
	done, err := w.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, w.fix.Site.CloudID, done.CloudID)
	require.NotZero(t, done.FamilyExpiresAt)
	require.Contains(t, w.told.String(), "The page asks for a decision")
	require.NotContains(t, w.told.String(), "/authorize?", "the page leads to Atlassian, and not the terminal")
}

// watched tells, to whoever listens, that the program has asked how the consent stands.
type watched struct {
	authorize.Consent
	asked chan struct{}
}

func (w watched) Status(ctx context.Context, r consent.StatusRequest) (consent.Status, error) {
	select {
	case w.asked <- struct{}{}:
	default:
	}
	return w.Consent.Status(ctx, r)
}

// Somebody has stored tokens by hand, and a tick adopts them while the program waits. It goes on
// waiting until the consent is complete.
func TestTokensAdoptedWhileAHostedConsentIsWaitedFor(t *testing.T) {
	w := newHostedWorld(t)
	names := family.NamesOf(connection)
	tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	for name, value := range map[string]atlassian.Secret{names.RefreshToken: tokens.Refresh, names.AccessToken: tokens.Access} {
		_, err := w.store.Write(t.Context(), name, value, store.Encrypted)
		require.NoError(t, err)
	}
	api := w.pages.Atlassian.(*atlassian.Client)
	refresher := keeper.New(keeper.Config{Store: w.store, Token: api, Process: "refresher"})
	given, ended := make(chan consent.Completed, 1), make(chan struct{})
	asked := make(chan struct{})
	w.Consent = watched{w.pages, asked}
	w.OpenBrowser = func(context.Context, string) error {
		out := refresher.Tick(t.Context(), family.Connection{Name: connection, Policy: family.DefaultPolicy()}, slog.New(slog.DiscardHandler))
		require.Equal(t, keeper.Rotated, out.Action, out.Reason)
		go func() {
			location, opened := w.opens(t, w.fix.Site.CloudID)
			for range 2 { // the second time it has seen what was adopted, and waits all the same
				select {
				case <-asked:
				case <-ended:
				}
			}
			done, _ := w.pages.Complete(t.Context(), consent.CompleteRequest{RedirectURL: atlassian.NewSecret(location), Page: true, Browser: opened.Browser})
			given <- done
		}()
		return nil
	}
	done, err := w.Run(t.Context())
	close(ended)
	require.NoError(t, err)
	require.Equal(t, (<-given).AuthorizedAt, done.AuthorizedAt)
}

// older is a function of an earlier version, which does not tell where a family comes from.
type older struct{ authorize.Consent }

func (o older) Status(ctx context.Context, r consent.StatusRequest) (consent.Status, error) {
	s, err := o.Consent.Status(ctx, r)
	for i := range s.Connections {
		s.Connections[i].AuthorizedAtSource = ""
	}
	return s, err
}

func TestAHostedConsentOfAnOlderFunction(t *testing.T) {
	w := newHostedWorld(t)
	w.Consent = older{w.pages}
	w.OpenBrowser = func(context.Context, string) error {
		go func() {
			location, opened := w.opens(t, w.fix.Site.CloudID)
			_, _ = w.pages.Complete(t.Context(), consent.CompleteRequest{RedirectURL: atlassian.NewSecret(location), Page: true, Browser: opened.Browser})
		}()
		return nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	done, err := w.Run(ctx)
	require.NoError(t, err)
	require.Equal(t, w.fix.Site.CloudID, done.CloudID)
}

// A consent that is cancelled in the browser is not waited for until it expires.
func TestAHostedConsentThatEndsWithoutTokens(t *testing.T) {
	w := newHostedWorld(t)
	begun := time.Now()
	w.Now = func() time.Time { return begun.Add(time.Since(begun) * 1000) } // a minute in 60 ms
	w.Poll = 5 * time.Millisecond
	w.Consent = ended{w.Consent}
	_, err := w.Run(t.Context())
	require.ErrorContains(t, err, "ended without new tokens")
}

// ended is a service whose consents are over at once.
type ended struct{ authorize.Consent }

func (e ended) Status(ctx context.Context, r consent.StatusRequest) (consent.Status, error) {
	s, err := e.Consent.Status(ctx, r)
	for i := range s.Connections {
		s.Connections[i].UnderWay = time.Time{}
	}
	return s, err
}

// Ctrl-C ends the wait and says that the link goes on working.
func TestStoppingToWaitForAHostedConsent(t *testing.T) {
	w := newHostedWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.OpenBrowser = func(_ context.Context, link string) error {
		require.Regexp(t, startLink, link)
		time.AfterFunc(30*time.Millisecond, cancel)
		return nil
	}
	_, err := w.Run(ctx)
	require.ErrorContains(t, err, "the link works until")
	require.NotErrorIs(t, err, context.Canceled, "so it is not reported as an end of the consent")
}
