package e2e

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
	"github.com/tokenkeeper/tokenkeeper/test/lambdaruntime"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// From four parameters filled in by hand: adopt, rotate, write back, idle,
// rotate again when due; all with the default configuration's names.
func TestFromSeedToSteadyState(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{Connections: []string{"PSOXY_JIRA_CLOUD_"},
		Env: map[string]string{"CONNECTIONS": "", "METRIC_NAMESPACE": ""}})
	c := w.Connection()
	seed := c.Value(c.Names.RefreshToken)
	begun := time.Now()

	first := w.Tick()
	o := w.RequireAction(first, "rotated")
	require.Equal(t, 1, o.Generation)
	require.InDelta(t, 365, *o.FamilyDaysRemaining, 0.01)
	require.InDelta(t, 3600, *o.AccessTokenSecondsRemaining, 30)
	require.Equal(t, []string{"GetParameters", "GetParameterHistory REFRESH_TOKEN", "GetParameterHistory TOKEN_FAMILY", "PutParameter TOKEN_LEDGER",
		"PutParameter TOKEN_FAMILY", // which tells that there is a ledger
		"GetParameters", "GetParameters", "PutParameter TOKEN_LEDGER", "PutParameter TOKEN_LEDGER"}, matured(c, first.AWS)[:9])
	require.ElementsMatch(t, []string{"PutParameter ACCESS_TOKEN", "PutParameter REFRESH_TOKEN", "PutMetricData"}, matured(c, first.AWS)[9:])
	require.Len(t, first.Posts, 1)
	c.RequireHealthy(1)
	require.False(t, seed == c.Value(c.Names.RefreshToken), "it was rotated")
	require.Equal(t, "adopted", c.Record().AuthorizedAtSource)
	require.WithinDuration(t, begun, c.Record().AuthorizedAt, time.Minute)
	require.Equal(t, "SecureString", string(c.Parameter(c.Names.AccessToken).Type))
	require.Equal(t, "SecureString", string(c.Parameter(c.Names.RefreshToken).Type))
	require.Equal(t, "SecureString", string(c.Parameter(c.Names.Ledger).Type))
	require.Equal(t, "String", string(c.Parameter(c.Names.Family).Type))

	for _, calls := range [][]string{
		// In the first day the history shows what was written under our copy. Once a day: whether the site is still reached.
		{"GetParameters", "GetParameterHistory REFRESH_TOKEN", "PutParameter TOKEN_FAMILY", "PutParameter TOKEN_LEDGER", "PutMetricData"},
		{"GetParameters", "GetParameters", "PutParameter TOKEN_FAMILY", "PutMetricData"},
		{"GetParameters", "PutMetricData"},
		{"GetParameters", "PutMetricData"},
	} {
		idle := w.Tick()
		w.RequireAction(idle, "idle")
		require.Equal(t, calls, matured(c, idle.AWS))
		require.Empty(t, idle.Posts)
	}
	require.Len(t, w.Atlassian.Calls(world.SitesEndpoint), 1)

	w.Pass(34 * time.Minute)
	w.RequireAction(w.Tick(), "idle")
	w.Pass(2 * time.Minute)
	for generation := 2; generation <= 4; generation++ {
		again := w.Tick()
		require.Equal(t, generation, w.RequireAction(again, "rotated").Generation)
		calls := matured(c, again.AWS)
		require.Equal(t, []string{"GetParameters", "PutParameter TOKEN_LEDGER", "PutParameter TOKEN_LEDGER"}, calls[:3])
		require.ElementsMatch(t, []string{"PutParameter ACCESS_TOKEN", "PutParameter REFRESH_TOKEN"}, calls[3:5])
		require.Equal(t, []string{"PutMetricData"}, calls[5:])
		require.Len(t, again.Posts, 1)
		c.RequireHealthy(generation)
		require.Equal(t, generation-1, c.Record().Generation, "TOKEN_FAMILY is for people, and waits for the next tick")
		idle := w.Tick()
		w.RequireAction(idle, "idle")
		require.Equal(t, []string{"GetParameters", "GetParameterHistory REFRESH_TOKEN", "PutParameter TOKEN_FAMILY", "PutMetricData"}, matured(c, idle.AWS))
		require.Equal(t, generation, c.Record().Generation)
		w.Pass(36 * time.Minute)
	}
	require.Equal(t, 1, w.Function.Starts())
	requireMetrics(t, w, begun)
}

// matured are the operations without the looks into the ledger's history, which
// a young ledger needs after each read and write; see package ledger.
func matured(c *world.Connection, calls []proxy.Call) []string {
	return slices.DeleteFunc(operations(c, calls), func(op string) bool { return op == "GetParameterHistory TOKEN_LEDGER" })
}

// requireMetrics reads back what the twelve ticks of the steady state published.
func requireMetrics(t *testing.T, w *world.World, begun time.Time) {
	t.Helper()
	const namespace = "TokenKeeper"
	metrics := w.Moto.Metrics(t, namespace)
	require.LessOrEqual(t, len(metrics), 10, "CloudWatch gives ten metrics for free")
	rollup := func(name string) []float64 {
		require.Contains(t, metrics, moto.Metric{Name: name, Dimensions: map[string]string{}})
		values := w.Moto.Published(t, namespace, name)
		require.Len(t, values, 12, name)
		return values
	}
	require.Equal(t, []float64{1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0}, rollup("Rotations"))
	require.Equal(t, slices.Repeat([]float64{1}, 12), rollup("Heartbeat"))
	for _, name := range []string{"RotationFailures", "InDoubt", "FamilyLost"} {
		require.Equal(t, make([]float64, 12), rollup(name), name)
	}
	days := rollup("FamilyDaysRemaining")
	require.InDelta(t, 365, days[0], 0.001)
	require.InDelta(t, 365-108.0/24/60, days[11], 0.001, "108 minutes later")
	require.InDelta(t, 90, rollup("InactivityDaysRemaining")[11], 0.001)
	require.InDeltaSlice(t, []float64{3600, 3600, 3600, 3600, 3600, 1560, 3600, 3600, 3600, 3600, 3600, 3600},
		rollup("AccessTokenSecondsRemaining"), 30)

	// As CloudWatch's users read them.
	total := 0.0
	for _, v := range w.Moto.Values(t, namespace, moto.Metric{Name: "Rotations"}, "Sum", begun, time.Now()) {
		total += v
	}
	require.InDelta(t, 4, total, 0)
	connection := moto.Metric{Name: "FamilyDaysRemaining", Dimensions: map[string]string{"Connection": "PSOXY_JIRA_CLOUD_"}}
	require.Contains(t, metrics, connection)
	require.NotEmpty(t, w.Moto.Values(t, namespace, connection, "Minimum", begun, time.Now()))
}

// A rotation is logged in JSON. Each line has the request id, and each line about a
// connection has its name.
func TestLogs(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	tick := w.Tick()
	w.RequireAction(tick, "rotated")
	require.NotEmpty(t, tick.Lines)
	for _, line := range tick.Lines {
		require.Equal(t, tick.RequestID, line["request_id"], "%v", line)
		require.Equal(t, w.Connection().Name, line["connection"], "%v", line)
		require.Equal(t, lambdaruntime.Version, line["version"], "%v", line)
		require.Equal(t, "2026-11-24T04:00:00Z", line["scheduled_time"], "%v", line)
		require.Contains(t, []any{"INFO", "WARN", "ERROR"}, line["level"])
		_, err := time.Parse(time.RFC3339Nano, line["time"].(string))
		require.NoError(t, err)
	}
	require.Equal(t, lambdaruntime.Version, tick.Report.Version)
	makefile, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	require.Contains(t, string(makefile), "-X github.com/tokenkeeper/tokenkeeper/internal/config.version=$(VERSION)", "as deployments are built")
	second := w.Tick()
	for _, line := range second.Lines {
		require.Equal(t, second.RequestID, line["request_id"], "a warm process must not keep the first request's id")
	}
}

// The same event delivered twice, and `{}`, are ticks like any other.
func TestEvents(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	for _, event := range []string{`{}`, `{"action":"tick"}`, `{"action":"tick","scheduled_time":"2026-11-24T04:00:00Z"}`, `null`,
		`{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","account":"111122223333","time":"2026-11-24T04:00:00Z","region":"eu-west-1","resources":[],"detail":{}}`} {
		tick := w.Invoke(w.Function, event)
		require.Nil(t, tick.Error, event)
	}
	require.Len(t, w.Atlassian.Calls(world.TokenEndpoint), 1)
	for _, event := range []string{
		`{"action":"rotate"}`, `{"Records":[{"eventSource":"aws:s3"}]}`, `[]`, `"tick"`, `17`,
		`{"version":"0","detail-type":"Parameter Store Change","source":"aws.ssm","detail":{}}`,
	} {
		tick := w.Invoke(w.Function, event)
		require.NotNil(t, tick.Error, event)
		require.Equal(t, "UnexpectedEvent", tick.Error.Type, event)
		require.Contains(t, tick.Error.Message, `{"action":"tick"`)
		require.Empty(t, tick.AWS, event)
		require.False(t, tick.Exited)
	}
}

// In psoxy's form the access token carries its expiry, and a rotation keeps it so.
func TestPsoxyForm(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{Env: map[string]string{"ACCESS_TOKEN_FORMAT": "psoxy-json"}})
	c := w.Connection()
	first := w.Tick()
	w.RequireAction(first, "rotated")
	require.Contains(t, matured(c, first.AWS), "PutParameter OAUTH_REFRESH_TOKEN_lock", "psoxy may rotate too, and its lock is taken")
	require.Nil(t, c.Parameter(c.Names.Lock), "and released")
	fields := map[string]any{}
	require.NoError(t, json.Unmarshal([]byte(c.Value(c.Names.AccessToken)), &fields))
	require.Len(t, fields, 2)
	_, err := w.Emulator.ValidateAccess(atlassian.NewSecret(fields["token"].(string)))
	require.NoError(t, err)
	expires := time.UnixMilli(int64(fields["expirationDate"].(float64)))
	require.WithinDuration(t, time.Now().Add(time.Hour), expires, time.Minute)
	w.RequireAction(w.Tick(), "idle")
	w.Pass(36 * time.Minute)
	w.RequireAction(w.Tick(), "rotated")
}

// Two execution environments tick at once: one rotates, the other finds the
// intent or the result; one token request is made.
func TestConcurrentTicks(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	other := w.NewFunction(w.Env)
	held, finish := make(chan struct{}), make(chan struct{})
	w.Atlassian.On(holding(held, finish))
	first := background(w.Tick)
	<-held
	meanwhile := w.Invoke(other, `{}`)
	w.RequireAction(meanwhile, "contended")
	close(finish)
	tick := <-first
	require.NotNil(t, tick)
	w.RequireAction(tick, "rotated")
	w.RequireAction(w.Invoke(other, `{}`), "idle")
	require.Len(t, w.Atlassian.Calls(world.TokenEndpoint), 1)
	w.Connection().RequireHealthy(1)
}

// Tokens beyond 4 KB need the advanced tier, which Intelligent-Tiering chooses.
func TestTokensBeyondFourKilobytes(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{Policy: func(p *atlassiantest.Policy) { p.TokenPadding = 3500 }})
	c := w.Connection()
	w.RequireAction(w.Tick(), "rotated")
	c.RequireHealthy(1)
	require.Greater(t, len(c.Value(c.Names.RefreshToken)), 4096)
	for _, call := range w.AWS.Calls("PutParameter") {
		var input map[string]any
		require.NoError(t, json.Unmarshal(call.Request, &input))
		require.Equal(t, "Intelligent-Tiering", input["Tier"])
		if input["Type"] == "SecureString" {
			require.Equal(t, "alias/aws/ssm", input["KeyId"])
		}
	}
}

// Without a configured form the one that is stored is kept: psoxy's JSON is
// never replaced by a raw token.
func TestStoredFormIsKept(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	c.PutSecret(c.Names.AccessToken, `{"token":"an-access-token-of-psoxy","expirationDate":1764000000000}`)
	w.RequireAction(w.Tick(), "rotated")
	require.Regexp(t, `^\{"token":"[^"]{100,}","expirationDate":\d{13}\}$`, c.Value(c.Names.AccessToken))
	require.Equal(t, atlassiantest.StatusLive, c.Lookup(c.Names.RefreshToken).Status)
	require.Nil(t, c.Parameter(c.Names.Lock))
}

// LEDGER_PATH takes the ledger out of the reach of those who may read the
// connection's parameters.
func TestLedgerElsewhere(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{Connections: []string{"/corp/APART_JIRA_"}, Env: map[string]string{"LEDGER_PATH": "/ledgers"}})
	c := w.Connection()
	c.Names.Ledger = "/ledgers/corp/APART_JIRA_TOKEN_LEDGER"
	w.RequireAction(w.Tick(), "rotated")
	c.RequireHealthy(1)
	require.Nil(t, c.Parameter("/corp/APART_JIRA_TOKEN_LEDGER"))
	w.Pass(36 * time.Minute)
	w.RequireAction(w.Tick(), "rotated")
	c.RequireHealthy(2)
}
