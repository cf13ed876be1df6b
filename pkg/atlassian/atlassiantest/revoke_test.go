package atlassiantest_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

func TestRevocations(t *testing.T) {
	for cause, act := range map[atlassiantest.Cause]func(*world) error{
		atlassiantest.CauseRevokedByUser:   func(w *world) error { return w.e.RevokeGrant(w.fix.Account.ID, w.fix.App.ClientID) },
		atlassiantest.CausePasswordChanged: func(w *world) error { return w.e.ChangePassword(w.fix.Account.ID) },
		atlassiantest.CauseUninstalled:     func(w *world) error { return w.e.Uninstall(w.fix.App.ClientID, w.fix.Site.CloudID) },
	} {
		t.Run(string(cause), func(t *testing.T) {
			w := cheapWorld(t, nil)
			tokens, pending := w.authorize(t), w.code(t)
			w.clock.Advance(time.Second)
			require.NoError(t, act(w))
			require.Equal(t, atlassiantest.Death{Cause: cause, At: w.clock.Now()}, w.death(t, tokens))
			w.refused(t, tokens)
			_, err := w.e.ValidateAccess(tokens.Access)
			requireRefusal(t, err, 401, "", "Unauthorized")
			_, err = w.e.Exchange(w.exchange(pending))
			requireBadCode(t, err)
			require.Empty(t, w.e.LiveTokens())
			w.refresh(t, w.authorize(t)) // a new consent works
		})
	}
}

func TestRevocationsOfUnknownThings(t *testing.T) {
	w := cheapWorld(t, nil)
	require.ErrorContains(t, w.e.RevokeGrant(w.fix.Account.ID, w.fix.App.ClientID), "consent first")
	require.ErrorContains(t, w.e.ChangePassword("nobody"), "add it first")
	require.ErrorContains(t, w.e.Uninstall("nothing", ""), "add it first")
	require.ErrorContains(t, w.e.Uninstall(w.fix.App.ClientID, "nowhere"), "add it first")
}

// An uninstall from one site does not kill the family of another site.
func TestUninstallFromOneSite(t *testing.T) {
	w := cheapWorld(t, nil)
	second, err := w.e.AddSite(atlassiantest.Site{}, w.fix.Account.ID)
	require.NoError(t, err)
	here := w.authorize(t)
	there, err := w.e.Authorize(atlassiantest.ConsentRequest{CloudID: second.CloudID})
	require.NoError(t, err)
	require.NoError(t, w.e.Uninstall(w.fix.App.ClientID, w.fix.Site.CloudID))
	w.refused(t, here)
	list, err := w.e.AccessibleResources(w.refresh(t, there).Access)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, second.CloudID, list[0].ID)
	require.NoError(t, w.e.Uninstall(w.fix.App.ClientID, ""))
	w.refused(t, there)
}

func TestDeactivation(t *testing.T) {
	for _, status := range []int{401, 403} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			w := cheapWorld(t, func(p *atlassiantest.Policy) { p.InactiveAccountStatus = status })
			tokens, pending := w.authorize(t), w.code(t)
			require.NoError(t, w.e.Deactivate(w.fix.Account.ID))
			_, err := w.e.Refresh(w.request(tokens))
			requireRefusal(t, err, status, "access_denied", "User is inactive")
			_, err = w.e.Exchange(w.exchange(pending))
			requireRefusal(t, err, status, "access_denied", "User is inactive")
			_, err = w.e.ValidateAccess(tokens.Access)
			requireRefusal(t, err, 401, "", "Unauthorized")
			_, err = w.e.Consent(atlassiantest.ConsentRequest{})
			require.ErrorContains(t, err, "deactivated")
			require.NoError(t, w.e.Reactivate(w.fix.Account.ID))
			w.refresh(t, tokens)
		})
	}
}

func TestRotateClientSecret(t *testing.T) {
	w := cheapWorld(t, nil)
	tokens := w.authorize(t)
	secret, err := w.e.RotateClientSecret(w.fix.App.ClientID)
	require.NoError(t, err)
	_, err = w.e.Refresh(w.request(tokens))
	requireRefusal(t, err, 401, "access_denied", "Unauthorized")
	kept, err := w.e.ClientSecret(w.fix.App.ClientID)
	require.NoError(t, err)
	require.Equal(t, secret, kept)
	w.fix.App.ClientSecret = secret
	w.refresh(t, tokens)
	_, err = w.e.RotateClientSecret("nobody")
	require.ErrorContains(t, err, "add it first")
}

// A grant has the sites of all its consents. A revoked grant has none.
func TestRevokedGrantForgetsItsSites(t *testing.T) {
	w := cheapWorld(t, nil)
	second, err := w.e.AddSite(atlassiantest.Site{}, w.fix.Account.ID)
	require.NoError(t, err)
	w.authorize(t)
	sites := func(cloudID string) int {
		tokens, err := w.e.Authorize(atlassiantest.ConsentRequest{CloudID: cloudID})
		require.NoError(t, err)
		list, err := w.e.AccessibleResources(tokens.Access)
		require.NoError(t, err)
		return len(list)
	}
	require.Equal(t, 2, sites(second.CloudID))
	require.NoError(t, w.e.RevokeGrant(w.fix.Account.ID, w.fix.App.ClientID))
	require.Equal(t, 1, sites(second.CloudID))
}
