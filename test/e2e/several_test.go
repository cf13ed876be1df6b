package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// One sick connection does not stop the others. They rotate, the metrics go out,
// and the log says which connection is sick and why. The invocation does not fail:
// A retry by Lambda would not help.
func TestSickConnectionHindersNoOther(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{Connections: []string{"SICK_JIRA_", "/corp/WELL_JIRA_", "WAITING_JIRA_", "REVOKED_JIRA_"}})
	sick, well, waiting, revoked := w.Connection("SICK_JIRA_"), w.Connection("/corp/WELL_JIRA_"), w.Connection("WAITING_JIRA_"), w.Connection("REVOKED_JIRA_")
	sick.PutSecret(sick.Names.ClientSecret, "not-the-right-secret-at-all")
	waiting.Delete(waiting.Names.RefreshToken)
	waiting.PutSecret(waiting.Names.RefreshToken, "fill me")
	require.NoError(t, w.Emulator.RevokeGrant(revoked.Fixture.Account.ID, revoked.Fixture.App.ClientID))

	tick := w.Tick()
	for connection, action := range map[string]string{
		sick.Name: "misconfigured", well.Name: "rotated", waiting.Name: "awaiting_consent", revoked.Name: "refused",
	} {
		require.Equal(t, action, w.Outcome(tick, connection).Action, connection)
	}
	require.Nil(t, tick.Error)
	told := slices.IndexFunc(tick.Lines, func(line map[string]any) bool { return line["msg"] == "a person is needed" })
	require.GreaterOrEqual(t, told, 0, tick.Logs)
	problems := fmt.Sprint(tick.Lines[told]["error"])
	require.Contains(t, problems, sick.Name+" is misconfigured")
	require.Contains(t, problems, revoked.Name+" is refused")
	require.NotContains(t, problems, well.Name)
	require.NotContains(t, problems, waiting.Name)
	well.RequireHealthy(1)

	require.Equal(t, []float64{1}, w.Moto.Published(t, w.Namespace, "Rotations"))
	require.Equal(t, []float64{1}, w.Moto.Published(t, w.Namespace, "FamilyLost"))
	require.Equal(t, []float64{1}, w.Moto.Published(t, w.Namespace, "Heartbeat"))
	require.Contains(t, w.Moto.Metrics(t, w.Namespace), moto.Metric{Name: "FamilyDaysRemaining", Dimensions: map[string]string{"Connection": well.Name}})

	for range 3 {
		w.Pass(36 * time.Minute)
		w.Tick()
	}
	well.RequireHealthy(4)
	require.Len(t, w.Moto.Published(t, w.Namespace, "Heartbeat"), 4)
}

// Metrics that cannot be published fail the invocation, so that the platform's
// own alarm sees it, and delay no save.
func TestMetricsCannotBePublished(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	remove := w.AWS.On(proxy.Rule{Operation: "PutMetricData", Before: refuse(400, "AccessDeniedException")})
	tick := w.Tick()
	require.NotNil(t, tick.Error)
	require.Contains(t, tick.Error.Message, w.Namespace)
	require.Equal(t, "rotated", w.Outcome(tick, w.Connection().Name).Action)
	w.Connection().RequireHealthy(1)
	remove()
	w.RequireAction(w.Tick(), "idle")
}

// Each connection can have its own form of the access token.
func TestFormPerConnection(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{Connections: []string{"FORM_A_", "FORM_B_"},
		Env: map[string]string{"ACCESS_TOKEN_FORMAT": "raw,FORM_B_=psoxy-json"}})
	require.Nil(t, w.Tick().Error)
	a, b := w.Connection("FORM_A_"), w.Connection("FORM_B_")
	a.RequireHealthy(1)
	require.Contains(t, b.Value(b.Names.AccessToken), `{"token":"`)
}
