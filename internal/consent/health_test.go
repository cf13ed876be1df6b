package consent_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
)

// The bootstrap function reports how the connections are, and which consents are
// under way, without a secret.
func TestHealth(t *testing.T) {
	w := newWorld(t)
	w.consented(connA)
	w.begin(connB)
	request, err := consent.ParseEvent([]byte(`{"action":"health"}`))
	require.NoError(t, err)
	reports, err := w.service.Health(t.Context(), request.(consent.HealthRequest), "tk")
	require.NoError(t, err)
	require.Len(t, reports, 2)
	require.Equal(t, health.OK, reports[0].State, reports[0].Verdict)
	require.Equal(t, health.AwaitingConsent, reports[1].State)
	require.Contains(t, reports[1].Verdict, "a consent is under way until 04:11Z: if nobody finishes it: tokenkeeper authorize --connection B_")
	text, err := json.Marshal(reports)
	require.NoError(t, err)
	for _, secret := range []string{w.fix.App.ClientSecret.Reveal(), w.get("A_REFRESH_TOKEN"), w.get("A_ACCESS_TOKEN")} {
		require.NotContains(t, string(text), secret)
	}

	request, err = consent.ParseEvent([]byte(`{"action":"health","connection":"A_"}`))
	require.NoError(t, err)
	reports, err = w.service.Health(t.Context(), request.(consent.HealthRequest), "tk")
	require.NoError(t, err)
	require.Len(t, reports, 1)
	_, err = w.service.Health(t.Context(), consent.HealthRequest{Connection: "C_"}, "tk")
	w.refusedType(consent.UnknownConnection, err)
}
