package consent_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func TestBeginRefuses(t *testing.T) {
	w := newWorld(t)
	secret := atlassian.NewSecret("s3cret")
	for _, c := range []struct {
		r    consent.BeginRequest
		want consent.ErrorType
		says string
	}{
		{consent.BeginRequest{}, consent.UnknownConnection, "A_ or B_"},
		{consent.BeginRequest{Connection: "C_" + strings.Repeat("x", 500)}, consent.UnknownConnection, "[hidden, as it is no name]: expected A_ or B_"},
		{consent.BeginRequest{Connection: connA, ClientID: "id"}, consent.InvalidRequest, "belong together"},
		{consent.BeginRequest{Connection: connA, ClientSecret: secret}, consent.InvalidRequest, "belong together"},
		{consent.BeginRequest{Connection: connA, ClientID: "id", ClientSecret: atlassian.NewSecret("s3cret\n")}, consent.InvalidRequest, "copy it again"},
		{consent.BeginRequest{Connection: connA, ClientID: "i\nd", ClientSecret: secret}, consent.InvalidRequest, "client id"},
		{consent.BeginRequest{Connection: connA, Scopes: []string{"read:jira-work"}}, consent.InvalidRequest, "offline_access"},
		{consent.BeginRequest{Connection: connA, Scopes: []string{"offline_access read:jira-work"}}, consent.InvalidRequest, "scope"},
		{consent.BeginRequest{Connection: connA, RedirectURI: "http://example.com"}, consent.InvalidRequest, "https"},
		{consent.BeginRequest{Connection: connA, RedirectURI: "javascript:alert(1)"}, consent.InvalidRequest, "https"},
	} {
		_, err := w.service.Begin(context.Background(), c.r)
		w.refused(c.want, err, connA, w.contents(connA))
		require.ErrorContains(t, err, c.says)
		require.NotContains(t, err.Error(), "s3cret")
		require.Empty(t, w.get(namesA.ConsentState))
	}
	w.put(namesA.ClientSecret, "fill me")
	_, err := w.service.Begin(context.Background(), consent.BeginRequest{Connection: connA})
	w.refused(consent.AppMissing, err, connA, w.contents(connA))
}

// An abandoned consent changes nothing, new credentials included, and every
// state is another.
func TestAbandonedConsentChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.consented(connA)
	before := w.contents(connA)
	seen := map[string]bool{}
	for range 50 {
		begun := w.begin(connA, func(r *consent.BeginRequest) { r.ClientID, r.ClientSecret = "other", atlassian.NewSecret("s3cret") })
		u, err := url.Parse(begun.AuthorizeURL)
		require.NoError(t, err)
		require.Equal(t, "other", u.Query().Get("client_id"))
		require.NotContains(t, begun.AuthorizeURL, "s3cret")
		state := u.Query().Get("state")
		require.False(t, seen[state])
		seen[state] = true
	}
	require.Equal(t, before, w.contents(connA))
	w.clock.Advance(24 * time.Hour)
	status, err := w.service.Status(context.Background(), consent.StatusRequest{})
	require.NoError(t, err)
	require.Len(t, status.Connections, 2)
	require.Zero(t, status.Connections[0].UnderWay)
	require.True(t, status.Connections[1].HasApp)
	require.False(t, status.Connections[1].HasTokens)
}
