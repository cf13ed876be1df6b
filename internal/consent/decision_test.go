package consent_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// askedBy is what a page carries that shows the error: whose tokens wait.
func askedBy(t *testing.T, err error) string {
	t.Helper()
	var e *consent.Error
	require.ErrorAs(t, err, &e)
	require.Len(t, e.Consent, 64)
	return e.Consent
}

// asks has a browser consent by a start link, with fewer scopes than were asked for, and
// returns the form of the page that it gets.
func (w *world) asks(conn string, cookie atlassian.Secret) consent.CompleteRequest {
	w.t.Helper()
	begun := w.begin(conn, hosted)
	opened, err := w.service.Open(w.t.Context(), linkOf(w.t, begun.StartURL), cookie)
	require.NoError(w.t, err)
	_, err = w.complete(consent.CompleteRequest{RedirectURL: w.accept(begun.AuthorizeURL, few), Page: true, Browser: opened.Browser})
	w.refusedType(consent.ScopesMissing, err)
	return consent.CompleteRequest{Page: true, Browser: opened.Browser, Consent: askedBy(w.t, err), Connection: conn, Confirm: true}
}

// Two tabs of one browser ask about two consents of one connection. The form of the first
// confirms nothing that only the second has shown.
func TestAConfirmationIsOfWhatWasSeen(t *testing.T) {
	w := newWorld(t)
	w.consented(connA)
	before := w.contents(connA)
	first := w.asks(connA, atlassian.Secret{})
	w.clock.Advance(time.Minute)
	second := w.asks(connA, first.Browser)
	_, err := w.complete(first)
	w.refused(consent.ConsentExpired, err, connA, before)
	_, err = w.complete(second)
	require.NoError(t, err)
}

// The answer to a page's form is lost, another start link is opened in the browser, and the
// form is sent again: it is answered with the result. Elsewhere it is worth nothing.
func TestAFormSentAgain(t *testing.T) {
	w := newWorld(t)
	form := w.asks(connA, atlassian.Secret{})
	first, err := w.complete(form)
	require.NoError(t, err)
	other := w.asks(connB, form.Browser)
	again, err := w.complete(form)
	require.NoError(t, err)
	require.Equal(t, first.AuthorizedAt, again.AuthorizedAt)
	for _, elsewhere := range []consent.CompleteRequest{
		{Page: true, Consent: form.Consent},
		{Page: true, Browser: atlassian.NewSecret(form.Consent[:43]), Consent: form.Consent},
		{Page: true, Browser: form.Browser, Consent: other.Consent, Connection: connA},
		{State: atlassian.NewSecret(form.Consent[:43]), Consent: form.Consent},
	} {
		_, err = w.complete(elsewhere)
		require.Error(t, err)
	}
}

// Nobody decides. The tokens expire, and the next consent that begins removes them.
func TestNobodyDecides(t *testing.T) {
	w := newWorld(t)
	w.consented(connA)
	w.asks(connA, atlassian.Secret{})
	require.NotEmpty(t, w.get(namesA.ConsentTokens))
	w.begin(connA)
	require.NotEmpty(t, w.get(namesA.ConsentTokens), "they may still be decided about")
	w.clock.Advance(consent.WaitingLifetime)
	w.begin(connA)
	require.Empty(t, w.get(namesA.ConsentTokens))
}

// The machine of "tokenkeeper authorize" has its clock in another time zone. The tokens wait
// for an hour all the same: they are dated by the store's clock.
func TestADecisionOnAMachineWithAWrongClock(t *testing.T) {
	for _, off := range []time.Duration{-61 * time.Minute, 50 * time.Minute, 61 * time.Minute} {
		t.Run(off.String(), func(t *testing.T) {
			w := newWorld(t)
			w.consented(connA)
			w.config.Now = func() time.Time { return w.clock.Now().Add(off) }
			w.restart()
			request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL, few)}
			_, err := w.complete(request)
			w.refusedType(consent.ScopesMissing, err)
			request.Confirm = true
			_, err = w.complete(request)
			require.NoError(t, err)

			request = consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL, few)}
			_, err = w.complete(request)
			w.refusedType(consent.ScopesMissing, err)
			w.clock.Advance(consent.WaitingLifetime)
			request.Confirm = true
			_, err = w.complete(request)
			w.refusedType(consent.ConsentExpired, err)
		})
	}
}

// Tokens of a consent with client id and secret wait for a decision, and meanwhile a person
// stores another secret. That one stays if it is the same app's.
func TestASecretStoredWhileTokensWait(t *testing.T) {
	for _, c := range []struct {
		name    string
		another bool
		begun   bool
		stays   bool
	}{
		{"of the same app", false, false, true},
		{"of the app before", true, false, false},
		{"before the tokens arrived", false, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.consented(connA)
			app := w.fix.App
			if c.another {
				var err error
				app, err = w.em.AddApp(atlassiantest.App{Name: "another", RedirectURIs: []string{"http://localhost"}, Scopes: atlassiantest.ConnectorScopes()})
				require.NoError(t, err)
			}
			if c.begun {
				w.put(namesA.ClientSecret, "mistyped")
				w.clock.Advance(time.Second)
			}
			request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA, func(r *consent.BeginRequest) {
				r.ClientID, r.ClientSecret = app.ClientID, app.ClientSecret
			}).AuthorizeURL, few)}
			_, err := w.complete(request)
			w.refusedType(consent.ScopesMissing, err)
			w.clock.Advance(time.Minute)
			want := app.ClientSecret.Reveal()
			if !c.begun {
				rotated, err := w.em.RotateClientSecret(w.fix.App.ClientID)
				require.NoError(t, err)
				w.put(namesA.ClientSecret, rotated.Reveal())
				if c.stays {
					want = rotated.Reveal()
				}
			}
			request.Confirm = true
			_, err = w.complete(request)
			require.NoError(t, err)
			require.Equal(t, app.ClientID, w.get(namesA.ClientID))
			require.Equal(t, want, w.get(namesA.ClientSecret))
		})
	}
}

// A family was begun with more scopes than the preset. The next year's consent, begun
// without naming them, asks whether their loss is meant.
func TestFewerScopesThanInUse(t *testing.T) {
	w := newWorld(t)
	w.shared()
	_, err := w.complete(consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA, func(r *consent.BeginRequest) {
		r.Scopes = append(atlassiantest.ConnectorScopes(), "read:me")
	}).AuthorizeURL)})
	require.NoError(t, err)
	w.clock.Advance(time.Hour)
	before := w.contents(connA)
	request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)}
	_, err = w.complete(request)
	w.refused(consent.ScopesMissing, err, connA, before)
	require.ErrorContains(t, err, "read:me")
	request.Confirm = true
	done, err := w.complete(request)
	require.NoError(t, err)
	require.NotContains(t, done.Scopes, "read:me")
}
