package keeper_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

const ofAnotherApp = "CLIENT_ID belongs to another app than the refresh token"

// storeAnotherApp stores the credentials of another app in the place of the right ones.
func storeAnotherApp(w *world) atlassiantest.App {
	w.t.Helper()
	other, err := w.em.AddApp(atlassiantest.App{Name: "another app", Scopes: w.fix.App.Scopes, RedirectURIs: w.fix.App.RedirectURIs})
	require.NoError(w.t, err)
	w.put(names.ClientID, other.ClientID)
	w.put(names.ClientSecret, other.ClientSecret.Reveal())
	return other
}

// storeTheApp puts the right credentials back.
func storeTheApp(w *world) {
	w.put(names.ClientID, w.fix.App.ClientID)
	w.put(names.ClientSecret, w.fix.App.ClientSecret.Reveal())
}

// Where it is known to which app the newest tokens were given, the refusal of another is no
// loss: it is a fault of the configuration, and the right app's credentials end it at once.
func TestAnotherAppIsNoLoss(t *testing.T) {
	w := due(t)
	storeAnotherApp(w)
	out := w.want(keeper.Misconfigured)
	require.Contains(t, out.Reason, ofAnotherApp)
	posts := w.posts()
	w.clock.Advance(time.Minute)
	require.Contains(t, w.want(keeper.Misconfigured).Reason, ofAnotherApp)
	require.Equal(t, posts, w.posts(), "wrong credentials are not hammered")
	w.ticks(36, keeper.Misconfigured)
	require.Less(t, w.posts()-posts, 9, "attempts get rarer")
	require.False(t, w.ledger().Record.Refused())

	w.put(names.ClientID, w.fix.App.ClientID)
	require.NotContains(t, w.want(keeper.Misconfigured).Reason, ofAnotherApp, "the secret is still the other's")
	storeTheApp(w)
	w.want(keeper.Rotated)
	w.requireKept()
}

// A family that its own app has lost stays lost, whatever app is stored since.
func TestALostFamilyStaysLostUnderAnotherApp(t *testing.T) {
	w := due(t)
	require.NoError(t, w.em.RevokeGrant(w.fix.Account.ID, w.fix.App.ClientID))
	w.want(keeper.Refused)
	storeAnotherApp(w)
	for range 3 {
		w.clock.Advance(5 * time.Minute)
		w.want(keeper.Refused)
	}
}

// A candidate that the stored app is refused is rejected under that app's credentials, as any
// is. An answer that was lost before keeps its doubt until the right app asks.
func TestWhatAnotherAppIsRefused(t *testing.T) {
	t.Run("a candidate", func(t *testing.T) {
		w := settledWorld(t)
		storeAnotherApp(w)
		tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
		require.NoError(t, err)
		w.put(names.RefreshToken, tokens.Refresh.Reveal())
		w.want(keeper.Restored)
		require.Nil(t, w.ledger().Record.LastFailure)
	})
	t.Run("a token in doubt", func(t *testing.T) {
		w := due(t)
		w.inject(atlassiantest.After, 502, 3)
		w.want(keeper.InDoubt)
		storeAnotherApp(w)
		require.Contains(t, w.want(keeper.Misconfigured).Reason, ofAnotherApp)
		require.True(t, w.ledger().InDoubt())
		storeTheApp(w)
		w.want(keeper.Replayed)
		w.requireKept()
	})
}

// A consent's app is the one to which its tokens were given, whether it is new or stored.
func TestAConsentTellsItsApp(t *testing.T) {
	w := due(t)
	other := storeAnotherApp(w)
	w.want(keeper.Misconfigured)
	_, err := w.consentBy(w.keeper, func(ctx context.Context, s family.Snapshot) (keeper.Grant, error) {
		tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{ClientID: other.ClientID})
		require.NoError(t, err)
		g, _ := w.obtain(ctx, s)
		g.Token.Access, g.Token.Refresh = tokens.Access, tokens.Refresh
		return g, nil
	})
	require.NoError(t, err)
	client := func() family.Fingerprint { return w.ledger().Record.Client }
	require.Equal(t, family.FingerprintOf(atlassian.NewSecret(other.ClientID)), client())
	w.clock.Advance(40 * time.Minute)
	w.want(keeper.Rotated)

	_, err = w.consentBy(w.keeper, func(ctx context.Context, s family.Snapshot) (keeper.Grant, error) {
		g, err := w.obtain(ctx, s)
		g.App = atlassian.App{ClientID: w.fix.App.ClientID, ClientSecret: w.fix.App.ClientSecret}
		return g, err
	})
	require.NoError(t, err)
	require.Equal(t, family.FingerprintOf(atlassian.NewSecret(w.fix.App.ClientID)), client())
	w.requireConsented()
}
