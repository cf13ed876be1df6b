package atlassian_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// world is a client and the emulator that it talks to over HTTP.
type world struct {
	client *atlassian.Client
	app    atlassian.App
	e      *atlassiantest.Emulator
	clock  *atlassiantest.Clock
	fix    atlassiantest.Fixture
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{clock: atlassiantest.NewClock(time.Date(2026, 1, 15, 8, 0, 0, 0, time.UTC))}
	w.e = atlassiantest.New(atlassiantest.Config{Clock: w.clock})
	var err error
	w.fix, err = w.e.AddFixture(redirect)
	require.NoError(t, err)
	server := atlassiantest.NewServer(w.e)
	t.Cleanup(server.Close)
	w.client = &atlassian.Client{AuthURL: server.URL, APIURL: server.URL, Now: w.clock.Now}
	w.app = atlassian.App{ClientID: w.fix.App.ClientID, ClientSecret: w.fix.App.ClientSecret}
	return w
}

func (w *world) consent(t *testing.T) atlassian.Token {
	t.Helper()
	code, err := w.e.Consent(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	token, err := w.client.Exchange(t.Context(), w.app, code, redirect)
	require.NoError(t, err)
	return token
}

// refused makes a refresh that must fail and returns its error.
func (w *world) refused(t *testing.T, token atlassian.Token) *atlassian.Error {
	t.Helper()
	_, err := w.client.Refresh(t.Context(), w.app, token.Refresh)
	require.Error(t, err)
	return failure(t, err)
}

func TestLifeOfATokenFamily(t *testing.T) {
	w := newWorld(t)
	first := w.consent(t)
	require.Equal(t, time.Hour, first.ExpiresIn)
	require.Contains(t, first.Scopes, "offline_access")
	claims, ok := atlassian.Claims(first.Access)
	require.True(t, ok)
	require.Equal(t, w.clock.Now().Add(time.Hour), claims.ExpiresAt)

	resources, err := w.client.AccessibleResources(t.Context(), first.Access)
	require.NoError(t, err)
	sites := atlassian.Sites(resources)
	require.Len(t, sites, 1)
	require.Equal(t, w.fix.Site.CloudID, sites[0].ID)
	r, err := w.client.Get(t.Context(), first.Access, "/ex/jira/"+sites[0].ID+"/rest/api/3/project/search")
	require.NoError(t, err)
	require.Equal(t, 200, r.Status)

	second, err := w.client.Refresh(t.Context(), w.app, first.Refresh)
	require.NoError(t, err)
	require.NotEqual(t, first.Refresh, second.Refresh)
	_, err = w.client.Refresh(t.Context(), w.app, first.Refresh)
	require.NoError(t, err, "inside the reuse interval")

	w.clock.Advance(11 * time.Minute)
	_, err = w.client.AccessibleResources(t.Context(), first.Access)
	require.Equal(t, atlassian.Permanent, failure(t, err).Class)
	e := w.refused(t, first)
	require.Equal(t, atlassian.Permanent, e.Class)
	require.Equal(t, 403, e.Status)
	require.Equal(t, atlassian.Permanent, w.refused(t, second).Class, "the reuse killed the family")
}

func TestRefusalsThatKillNothing(t *testing.T) {
	w := newWorld(t)
	token := w.consent(t)
	right := w.app

	w.app.ClientSecret = atlassian.NewSecret("wrong")
	require.Equal(t, "refresh: configuration (HTTP 401 access_denied)", w.refused(t, token).Error())
	w.app = right

	require.NoError(t, w.e.Deactivate(w.fix.Account.ID))
	require.Equal(t, atlassian.Configuration, w.refused(t, token).Class)
	require.NoError(t, w.e.Reactivate(w.fix.Account.ID))

	_, err := w.client.Refresh(t.Context(), w.app, token.Refresh)
	require.NoError(t, err)
}

func TestACodeWorksOnce(t *testing.T) {
	w := newWorld(t)
	code, err := w.e.Consent(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	_, err = w.client.Exchange(t.Context(), w.app, code, redirect)
	require.NoError(t, err)
	_, err = w.client.Exchange(t.Context(), w.app, code, redirect)
	require.Equal(t, "exchange: restart_consent (HTTP 400 invalid_request)", failure(t, err).Error())
}

// Answers that are not as documented, but contain a usable pair.
func TestOddAnswersWithAPair(t *testing.T) {
	for _, f := range []atlassiantest.Fault{
		{Kind: atlassiantest.KindEncoded, Encoding: "gzip"},
		{Kind: atlassiantest.KindEncoded, Encoding: "gzip-unnamed"},
		{Kind: atlassiantest.KindEncoded, Encoding: "deflate"},
		{Kind: atlassiantest.KindEncoded, Encoding: "deflate-raw"},
		{Kind: atlassiantest.KindExpiresIn, ExpiresIn: []byte("0")},
		{Kind: atlassiantest.KindExpiresIn, ExpiresIn: []byte("-5"), Encoding: "gzip"},
	} {
		t.Run(string(f.Kind)+" "+f.Encoding+string(f.ExpiresIn), func(t *testing.T) {
			w := newWorld(t)
			first := w.consent(t)
			f.Endpoint, f.When, f.Times = atlassiantest.EndpointToken, atlassiantest.After, 1
			require.NoError(t, w.e.Inject(f))
			second, err := w.client.Refresh(t.Context(), w.app, first.Refresh)
			require.NoError(t, err)
			require.Equal(t, time.Hour, second.ExpiresIn, "as in the token's claims")
			w.clock.Advance(time.Hour)
			_, err = w.client.Refresh(t.Context(), w.app, second.Refresh)
			require.NoError(t, err, "the successor is the right one")
		})
	}
}

// For every fault, the class never claims more than what the emulator knows about
// the token.
func TestClassesHoldAgainstTheTruth(t *testing.T) {
	for _, kind := range []atlassiantest.Fault{
		{Kind: atlassiantest.KindDrop},
		{Kind: atlassiantest.KindCut},
		{Kind: atlassiantest.KindDelay, Delay: 2 * time.Second},
		{Kind: atlassiantest.KindStatus, Status: 429, RetryAfter: "30"},
		{Kind: atlassiantest.KindStatus, Status: 500},
		{Kind: atlassiantest.KindStatus, Status: 503, RetryAfter: "Thu, 15 Jan 2026 08:05:00 GMT"},
		{Kind: atlassiantest.KindHTML},
		{Kind: atlassiantest.KindTruncated},
	} {
		for _, when := range []atlassiantest.When{atlassiantest.Before, atlassiantest.After} {
			if kind.Status == 429 && when == atlassiantest.After {
				continue // the rate limiter comes before the grant
			}
			t.Run(string(kind.Kind)+" "+string(when), func(t *testing.T) {
				w := newWorld(t)
				token := w.consent(t)
				fault := kind
				fault.Endpoint, fault.When, fault.Times = atlassiantest.EndpointToken, when, 1
				require.NoError(t, w.e.Inject(fault))
				ctx := t.Context()
				if fault.Delay > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, fault.Delay/4)
					defer cancel()
				}
				_, err := w.client.Refresh(ctx, w.app, token.Refresh)
				e := failure(t, err)
				if fault.Status == 429 {
					require.Equal(t, atlassian.Transient, e.Class)
					require.Equal(t, 30*time.Second, e.RetryAfter)
				} else {
					require.Equal(t, atlassian.Ambiguous, e.Class, "%v", e)
				}
				if fault.Status == 503 {
					require.Equal(t, 5*time.Minute, e.RetryAfter)
				}
				// Within the reuse interval the lost answer can be replaced.
				next, err := w.client.Refresh(t.Context(), w.app, token.Refresh)
				require.NoError(t, err)
				if fault.Delay == 0 { // else the delayed request may be carried out after the advance
					w.clock.Advance(time.Hour)
				}
				_, err = w.client.Refresh(t.Context(), w.app, next.Refresh)
				require.NoError(t, err)
			})
		}
	}
}
