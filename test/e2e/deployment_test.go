package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

// The template's FirstTick: the deployment waits until the function that is
// deployed has made a tick that can be seen, and does without one that cannot.
func TestADeploymentWaitsForATick(t *testing.T) {
	t.Parallel()
	var answer struct{ Status, Reason string }
	cloudFormation := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		require.NoError(t, json.NewDecoder(r.Body).Decode(&answer))
	}))
	t.Cleanup(cloudFormation.Close)
	event := fmt.Sprintf(`{"RequestType":"Create","ResponseURL":%q,"StackId":"arn:stack","RequestId":"1","ResourceType":"AWS::CloudFormation::CustomResource",
		"LogicalResourceId":"FirstTick","ResourceProperties":{"ServiceToken":"arn:function","ServiceTimeout":"300","ScheduleState":"ENABLED"}}`, cloudFormation.URL)

	w := world.New(t, world.Options{})
	remove := w.AWS.On(proxy.Rule{Operation: "PutMetricData", Before: refuse(400, "AccessDeniedException")})
	w.Invoke(w.Function, event)
	require.Equal(t, "FAILED", answer.Status)
	require.Contains(t, answer.Reason, w.Namespace)
	remove()

	w.Invoke(w.Function, event)
	require.Equal(t, "SUCCESS", answer.Status, answer.Reason)
	require.Equal(t, []float64{1}, w.Moto.Published(t, w.Namespace, "Heartbeat"))
	w.Connection().RequireHealthy(1)

	w = world.New(t, world.Options{Env: map[string]string{"REFRESH_BEFORE": "soon"}})
	w.Invoke(w.Function, event)
	require.Equal(t, "FAILED", answer.Status)
	require.Contains(t, answer.Reason, `REFRESH_BEFORE is "soon"`)
}
