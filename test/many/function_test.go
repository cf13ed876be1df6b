package many

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

func TestMain(m *testing.M) {
	code := m.Run()
	world.Cleanup()
	os.Exit(code)
}

// The built function keeps the connections that two parameters list: fifty, and one
// more without a deployment. An invalid entry is reported. A list that cannot be
// read fails the invocation.
func TestListedConnectionsAreKept(t *testing.T) {
	t.Parallel()
	const invocation = 2 * time.Minute
	var names []string
	for i := range 51 {
		names = append(names, fmt.Sprintf("/many/%02d_", i))
	}
	w := world.New(t, world.Options{Connections: names, Env: map[string]string{"CONNECTIONS": "",
		"CONNECTIONS_PATH": "/many-list", "PARAMETER_PATH": "/many/", "PARAMETER_STORE_THROUGHPUT": "higher", "CONNECTION_METRICS_LIMIT": "5"}})
	first := w.Connection(names[0])

	remove := w.AWS.On(proxy.Rule{Operation: "GetParametersByPath", Before: func(c *proxy.Call) {
		c.Reply(400, http.Header{"Content-Type": {"application/x-amz-json-1.1"}}, []byte(`{"__type":"AccessDeniedException","message":"told so by the test"}`))
	}})
	tick := w.Tick()
	require.NotNil(t, tick.Error)
	require.Contains(t, tick.Error.Message, "/many-list")
	require.Empty(t, tick.Posts)
	remove()

	// No answer about sites, which some connections ask for at a tick and would save.
	require.NoError(t, w.Emulator.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointResources, When: atlassiantest.Before, Kind: atlassiantest.KindStatus, Status: 503}))
	first.Put("/many-list/1", strings.Join(names[:30], ","))
	first.Put("/many-list/2", strings.Join(names[30:50], "\n"))
	tick = w.InvokeWithin(w.Function, `{}`, invocation)
	require.Nil(t, tick.Error)
	require.Len(t, tick.Posts, 50)
	for _, name := range names[:50] {
		require.Equal(t, "rotated", w.Outcome(tick, name).Action)
		w.Connection(name).RequireHealthy(1)
	}
	require.Len(t, w.Moto.Published(t, w.Namespace, "Heartbeat"), 1)
	byConnection := 0
	for _, m := range w.Moto.Metrics(t, w.Namespace) {
		if m.Name == "FamilyDaysRemaining" && len(m.Dimensions) > 0 {
			byConnection++
		}
	}
	require.Equal(t, 5, byConnection)

	tick = w.Tick()
	require.Nil(t, tick.Error)
	require.Empty(t, tick.Posts)
	const calls = 50/10 + 50*5 + 1
	require.GreaterOrEqual(t, len(tick.AWS), calls, "a look at ten ledgers in a call; of each a look, the young inbox's history, what was written, and TOKEN_FAMILY, which told only of the adoption; the metrics")
	require.LessOrEqual(t, len(tick.AWS), calls+50/10, "a second call for ten ledgers of which a neighbour has read some, when its own began")
	tick = w.Tick()
	require.Nil(t, tick.Error)
	require.Equal(t, 50/10+50+1, len(tick.AWS), "the same without anything new")

	first.Put("/many-list/2", strings.Join(names[30:], ",")+",/elsewhere/X_")
	tick = w.Invoke(w.NewFunction(w.Env), `{}`)
	require.Nil(t, tick.Error)
	require.Contains(t, tick.Logs, "/many-list/2 entry 22 is misconfigured")
	require.Len(t, tick.Posts, 1)
	require.Equal(t, "rotated", w.Outcome(tick, names[50]).Action)
	w.Connection(names[50]).RequireHealthy(1)
}
