package consent_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// shared makes the app one for all accounts, and returns another account, of another site.
func (w *world) shared() (account string) {
	w.t.Helper()
	app, err := w.em.AddApp(atlassiantest.App{Name: "shared", RedirectURIs: []string{"http://localhost", plainURI},
		Scopes: append(atlassiantest.ConnectorScopes(), "read:me"), Distributed: true})
	require.NoError(w.t, err)
	secret, err := w.em.ClientSecret(app.ClientID)
	require.NoError(w.t, err)
	w.put(namesA.ClientID, app.ClientID)
	w.put(namesA.ClientSecret, secret.Reveal())
	other, err := w.em.AddAccount(atlassiantest.Account{})
	require.NoError(w.t, err)
	_, err = w.em.AddSite(atlassiantest.Site{}, other.ID)
	require.NoError(w.t, err)
	return other.ID
}

// The ledger is deleted, and no tick has begun it anew. TOKEN_FAMILY tells which consent is
// in use, where it returned to, and whose account it was.
func TestTheLedgerIsDeleted(t *testing.T) {
	w := newWorld(t)
	other := w.shared()
	request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA, func(r *consent.BeginRequest) { r.RedirectURI = plainURI }).AuthorizeURL)}
	done, err := w.complete(request)
	require.NoError(t, err)
	for _, name := range []string{namesA.Ledger, namesA.AccessToken, namesA.CloudID} {
		require.NoError(t, w.mem.Delete(context.Background(), name))
	}
	w.restart()
	before := w.contents(connA)
	again, err := w.complete(request)
	require.NoError(t, err, "the request is repeated")
	require.Equal(t, done.AuthorizedAt, again.AuthorizedAt)
	require.Equal(t, before, w.contents(connA))
	require.NoError(t, w.mem.Delete(context.Background(), namesA.RefreshToken))
	_, err = w.complete(request)
	w.refusedType(consent.ConsentExpired, err) // nothing is in use
	begun := w.begin(connA)
	before = w.contents(connA)
	u, err := url.Parse(begun.AuthorizeURL)
	require.NoError(t, err)
	require.Equal(t, plainURI, u.Query().Get("redirect_uri"))
	_, err = w.complete(consent.CompleteRequest{RedirectURL: w.accept(begun.AuthorizeURL, func(r *atlassiantest.ConsentRequest) { r.AccountID = other })})
	w.refused(consent.AccountChanged, err, connA, before)
	require.ErrorContains(t, err, w.fix.Site.URL, "the site in use is known too")
}

// The request of a complete consent is repeated while the ledger's history cannot be read.
// The answer is not that it came to nothing, and strangers learn no name from it.
func TestARepetitionWhileTheLedgerCannotBeRead(t *testing.T) {
	w := newWorld(t)
	request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)}
	_, err := w.complete(request)
	require.NoError(t, err)
	s := w.stepped("another process")
	s.before = func(n int) error {
		if s.ops[n] == "history" {
			return store.ErrNotWritten
		}
		return nil
	}
	guess := atlassian.NewSecret(strings.Repeat("a", 43))
	page := consent.CompleteRequest{State: guess, Code: guess, Page: true, Browser: guess}
	for _, r := range []consent.CompleteRequest{request, page, page} {
		_, err = w.complete(r)
		w.refusedType(consent.StoreFailed, err)
		require.NotContains(t, err.Error(), connA)
	}
	reads := len(s.ops)
	_, err = w.complete(page)
	w.refusedType(consent.StoreFailed, err)
	require.Len(t, s.ops, reads, "a stranger is answered from memory")
	s.before = nil
	_, err = w.complete(request)
	require.NoError(t, err)
}

// The first consent brings the app, and is interrupted while it stores it. The request is
// repeated, and the app no longer depends on the ledger.
func TestTheAppOfAnInterruptedConsent(t *testing.T) {
	for _, c := range []struct {
		name, at string
		// early: the repetition begins before the consent is complete.
		early bool
		// corrects: a person stores the app's newer secret meanwhile.
		corrects bool
	}{
		{"before CLIENT_ID", namesA.ClientID, false, false},
		{"before CLIENT_SECRET", namesA.ClientSecret, false, false},
		{"while its repetition waits", namesA.ClientID, true, false},
		{"and a person stores a secret", namesA.ClientSecret, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			for _, name := range []string{namesA.ClientID, namesA.ClientSecret} {
				require.NoError(t, w.mem.Delete(t.Context(), name))
			}
			request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA, func(r *consent.BeginRequest) {
				r.ClientID, r.ClientSecret = w.fix.App.ClientID, w.fix.App.ClientSecret
			}).AuthorizeURL)}
			secret := w.fix.App.ClientSecret
			interrupted := func() {
				w.stepped("first")
				w.mem.strike = func(op, name string) error {
					if op == "write" && name == c.at {
						panic(crash{})
					}
					return nil
				}
				_, err := w.attempt(request)
				require.ErrorContains(t, err, "crashed")
				w.mem.strike = nil
				w.clock.Advance(time.Minute)
			}
			again := w.stepped("again")
			service := w.service
			if c.early {
				again.after = func(int) error {
					again.after = nil // it has read what is pending
					interrupted()
					return nil
				}
			} else {
				interrupted()
			}
			if c.corrects {
				var err error
				secret, err = w.em.RotateClientSecret(w.fix.App.ClientID)
				require.NoError(t, err)
				w.put(namesA.ClientSecret, secret.Reveal())
			}
			_, err := service.Complete(t.Context(), request)
			require.NoError(t, err)
			require.Equal(t, w.fix.App.ClientID, w.get(namesA.ClientID))
			require.Equal(t, secret.Reveal(), w.get(namesA.ClientSecret))
			before := w.contents(connA)
			_, err = service.Complete(t.Context(), request)
			require.NoError(t, err)
			require.Equal(t, before, w.contents(connA))

			refresher := w.refresher()
			w.tick(refresher) // publishes the tokens
			require.NoError(t, w.mem.Delete(t.Context(), namesA.Ledger))
			var out keeper.Outcome
			for range 20 {
				w.clock.Advance(5 * time.Minute)
				out = w.tick(refresher)
			}
			require.True(t, out.Action.Healthy(), out.Reason)
			w.requireLive("")
		})
	}
}
