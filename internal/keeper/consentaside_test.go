package keeper_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// A consent waits for no token in doubt; the doubt ends with the old family.
func TestAConsentWhileATokenIsInDoubt(t *testing.T) {
	for _, age := range []time.Duration{0, 3 * time.Minute, 9 * time.Minute, 15 * time.Minute, time.Hour} {
		for _, kills := range []bool{false, true} {
			t.Run(fmt.Sprintf("since %s, it kills the old family: %v", age, kills), func(t *testing.T) {
				w := due(t, killing(kills))
				w.after = crashing("post")
				w.tick()
				w.after = nil
				w.clock.Advance(age)
				begun := w.clock.Now()
				_, err := w.consentBy(w.other("bootstrap"), w.obtain)
				require.NoError(t, err)
				require.Less(t, w.clock.Now().Sub(begun), time.Minute)
				w.requireConsented()
			})
		}
	}
}

// A consent that fails changes nothing, and forgets no doubt.
func TestARefusedConsent(t *testing.T) {
	refuse := func(context.Context, family.Snapshot) (keeper.Grant, error) { return keeper.Grant{}, errFault }
	t.Run("changes no parameter", func(t *testing.T) {
		w := settledWorld(t)
		copies := []string{names.RefreshToken, names.AccessToken, names.Family, names.CloudID, names.ClientID, names.ClientSecret, names.Lock}
		before, err := w.mem.Read(t.Context(), copies...)
		require.NoError(t, err)
		_, err = w.consentBy(w.keeper, refuse)
		require.Equal(t, errFault, err)
		after, err := w.mem.Read(t.Context(), copies...)
		require.NoError(t, err)
		require.Equal(t, before, after)
		w.ticks(12, keeper.Idle, keeper.Rotated)
		w.requireKept()
	})
	t.Run("on an empty ledger", func(t *testing.T) {
		w := newWorld(t)
		_, err := w.consentBy(w.keeper, refuse)
		require.Equal(t, errFault, err)
		w.want(keeper.AwaitingConsent)
		w.consent()
		w.ticks(1, keeper.Rotated)
		w.requireKept()
	})
	t.Run("keeps the doubt", func(t *testing.T) {
		w := due(t)
		first := w.clock.Now()
		w.after = crashing("post")
		w.tick()
		w.after = nil
		w.clock.Advance(3 * time.Minute)
		_, err := w.consentBy(w.other("bootstrap"), refuse)
		require.Equal(t, errFault, err)
		require.Equal(t, first, w.ledger().Intent.First)
		w.ticks(1, keeper.Replayed)
		w.requireKept()
	})
}

// What a rotation stores before the announcement is older than the consent, also if
// no ledger tells of it any more.
func TestAConsentAfterARotationWhoseLedgerIsDeleted(t *testing.T) {
	w := settledWorld(t)
	require.NoError(t, w.mem.Delete(t.Context(), names.Ledger))
	w.restart()
	rotated, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	w.before = atFirst("write TOKEN_LEDGER", func() { w.put(names.RefreshToken, rotated.Refresh.Reveal()) })
	_, err = w.consentBy(w.keeper, w.obtain)
	require.NoError(t, err)
	w.requireConsented()
}

func TestNoTimeNoConsent(t *testing.T) {
	w := newWorld(t)
	called := false
	ctx := invocation{context.Background(), w.clock.Now().Add(keeper.ConsentTime + family.SaveReserve - time.Millisecond)}
	_, err := w.keeper.Consent(ctx, family.Connection{Name: conn, Policy: w.policy}, slog.New(slog.DiscardHandler),
		func(context.Context, family.Snapshot) (keeper.Grant, error) {
			called = true
			return keeper.Grant{}, errFault
		})
	require.ErrorAs(t, err, new(*keeper.ConsentBusyError))
	require.False(t, called)
}

// The ledger takes no writes once a consent's code is exchanged. The next consent of the
// process saves what was received, also if it comes to nothing itself.
func TestAnUnsavedConsentIsSavedByTheNext(t *testing.T) {
	for _, kills := range []bool{false, true} {
		t.Run(fmt.Sprintf("it kills the old family: %v", kills), func(t *testing.T) {
			w := settledWorld(t, killing(kills))
			_, err := w.consentBy(w.keeper, func(ctx context.Context, s family.Snapshot) (keeper.Grant, error) {
				w.unwritable = map[string]error{names.Ledger: errFault}
				return w.obtain(ctx, s)
			})
			require.ErrorAs(t, err, new(*keeper.ConsentUnsavedError))
			next := func(_ context.Context, s family.Snapshot) (keeper.Grant, error) {
				require.Equal(t, "digest", s.State.Record.Consent)
				return keeper.Grant{}, errFault
			}
			_, err = w.consentBy(w.keeper, next)
			require.ErrorContains(t, err, names.Ledger+" cannot be written")
			w.unwritable = nil
			_, err = w.consentBy(w.keeper, next)
			require.Equal(t, errFault, err)
			w.requireConsented()
		})
	}
}

// A consent may bring another app, which is in use from its entry on, also while
// CLIENT_ID and CLIENT_SECRET cannot be written. What a person stores there since counts.
func TestAConsentWithAnotherApp(t *testing.T) {
	for _, copied := range []string{"", names.ClientID, names.ClientSecret} {
		t.Run("not writable: "+short(copied), func(t *testing.T) {
			w := settledWorld(t)
			app, err := w.em.AddApp(atlassiantest.App{Name: "another app", Scopes: w.fix.App.Scopes, RedirectURIs: w.fix.App.RedirectURIs})
			require.NoError(t, err)
			w.unwritable = map[string]error{copied: errPolicy}
			_, err = w.consentBy(w.keeper, func(ctx context.Context, s family.Snapshot) (keeper.Grant, error) {
				tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{ClientID: app.ClientID})
				require.NoError(t, err)
				g, _ := w.obtain(ctx, s)
				g.App = atlassian.App{ClientID: app.ClientID, ClientSecret: app.ClientSecret}
				g.Token.Access, g.Token.Refresh = tokens.Access, tokens.Refresh
				return g, nil
			})
			require.NoError(t, err)
			require.Equal(t, copied == "", w.ledger().App == nil, "what a person corrects once it is published is used")
			w.ticks(12, keeper.Idle, keeper.Rotated)
			w.unwritable = nil
			w.ticks(12, keeper.Idle, keeper.Rotated)
			info, _ := w.em.Lookup(w.get(names.RefreshToken).Value)
			require.Equal(t, atlassiantest.StatusLive, info.Status)
			found, _ := w.em.Family(info.FamilyID)
			require.Equal(t, app.ClientID, found.ClientID)
			if copied == "" {
				require.Equal(t, app.ClientID, w.get(names.ClientID).Value.Reveal())
				require.Equal(t, app.ClientSecret, w.get(names.ClientSecret).Value)
				require.Nil(t, w.ledger().App)
			}
			secret, err := w.em.RotateClientSecret(app.ClientID)
			require.NoError(t, err)
			w.put(names.ClientID, app.ClientID)
			w.put(names.ClientSecret, secret.Reveal())
			w.clock.Advance(40 * time.Minute)
			w.want(keeper.Rotated)
		})
	}
}

// requireNoLeak checks that a text and the logs show no stored secret.
func requireNoLeak(t *testing.T, w *world, text string) {
	t.Helper()
	for _, name := range []string{names.RefreshToken, names.AccessToken, names.ClientSecret} {
		value := w.get(name).Value.Reveal()
		require.NotContains(t, text, value)
		require.NotContains(t, w.logs.String(), value)
	}
}
