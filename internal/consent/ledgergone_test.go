package consent_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
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
