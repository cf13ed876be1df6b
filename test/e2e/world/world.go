package world

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	"github.com/tokenkeeper/tokenkeeper/test/lambdaruntime"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// World is a function and everything around it.
type World struct {
	t testing.TB

	// Function is the refresher.
	Function *lambdaruntime.Runtime
	// Moto is shared by all worlds of a test binary; names keep them apart.
	Moto *moto.Server
	// Emulator is Atlassian, Clock its clock.
	Emulator *atlassiantest.Emulator
	Clock    *atlassiantest.Clock
	// AWS and Atlassian stand between the function and the other two.
	AWS, Atlassian *proxy.Proxy
	// Namespace of the metrics.
	Namespace string
	// Env is the function's environment.
	Env map[string]string

	ssm   *ssm.Client
	dates dates

	mu          sync.Mutex
	connections []*Connection
	secrets     []string
	payloads    []string
}

// Options describe a world. The zero Options give the default configuration,
// but for names that no other world has.
type Options struct {
	// Connections to make, fully consented and seeded; default is one,
	// PSOXY_JIRA_CLOUD_ with something unique before it.
	Connections []string
	// Env is added to the function's environment; an empty value removes a variable.
	Env map[string]string
	// Ahead is how far the store and Atlassian are ahead of the function's clock
	// from the start; negative where they are behind it.
	Ahead time.Duration
	// Opaque tokens have no claims.
	Opaque bool
	// Policy changes the emulator's rules from the start.
	Policy func(*atlassiantest.Policy)
}

var worlds atomic.Uint64

// New makes a world. It ends with the test.
func New(t testing.TB, o Options) *World {
	t.Helper()
	n := worlds.Add(1)
	w := &World{t: t, Moto: moto.Start(t), Clock: atlassiantest.NewRunningClock(), Namespace: fmt.Sprintf("TokenKeeper%d", n)}
	policy := atlassiantest.DefaultPolicy()
	if o.Policy != nil {
		o.Policy(&policy)
	}
	w.Emulator = atlassiantest.New(atlassiantest.Config{Clock: w.Clock, Policy: &policy, Seed: n, CheapTokens: o.Opaque})
	server := atlassiantest.NewServer(w.Emulator)
	t.Cleanup(server.Close)
	w.ssm = ssm.NewFromConfig(w.Moto.AWSConfig())

	var err error
	w.AWS, err = proxy.Start(w.Moto.URL, proxy.AWS)
	require.NoError(t, err)
	t.Cleanup(w.AWS.Close)
	w.AWS.On(proxy.Rule{After: w.dates.apply})
	w.Atlassian, err = proxy.Start(server.URL, proxy.Path)
	require.NoError(t, err)
	t.Cleanup(w.Atlassian.Close)

	w.Pass(o.Ahead)
	if o.Connections == nil {
		o.Connections = []string{fmt.Sprintf("W%d_PSOXY_JIRA_CLOUD_", n)}
	}
	for _, name := range o.Connections {
		w.connect(name)
	}
	env := map[string]string{
		"AWS_ENDPOINT_URL":          w.AWS.URL,
		"AWS_REGION":                moto.Region,
		"AWS_DEFAULT_REGION":        moto.Region,
		"AWS_ACCESS_KEY_ID":         "moto",
		"AWS_SECRET_ACCESS_KEY":     "moto",
		"AWS_EC2_METADATA_DISABLED": "true",
		"ATLASSIAN_AUTH_URL":        w.Atlassian.URL,
		"ATLASSIAN_API_URL":         w.Atlassian.URL,
		"METRIC_NAMESPACE":          w.Namespace,
		"CONNECTIONS":               strings.Join(o.Connections, ","),
	}
	maps.Copy(env, o.Env)
	maps.DeleteFunc(env, func(_, value string) bool { return value == "" })
	w.Env = env
	w.Function = w.NewFunction(env)
	t.Cleanup(func() {
		w.Function.Close()
		for _, leak := range w.Leaks() {
			t.Error(leak)
		}
	})
	return w
}

// NewFunction makes a refresher with exactly this environment.
func (w *World) NewFunction(env map[string]string) *lambdaruntime.Runtime {
	w.t.Helper()
	f, err := lambdaruntime.New(lambdaruntime.Config{Binary: Binary(w.t), Env: env, Name: "tokenkeeper-refresher"})
	require.NoError(w.t, err)
	w.t.Cleanup(f.Close)
	return f
}

// Connection returns the connection of that name, or without a name the first.
func (w *World) Connection(name ...string) *Connection {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	i := 0
	if len(name) > 0 {
		i = slices.IndexFunc(w.connections, func(c *Connection) bool { return c.Name == name[0] })
	}
	require.GreaterOrEqual(w.t, i, 0, "the world has no such connection")
	return w.connections[i]
}

// Secret tells the world of a value that must not show up anywhere.
func (w *World) Secret(value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, value)
}

var built struct {
	once sync.Once
	dir  string
	path string
	err  error
}

// Binary returns the path of the refresher, built once for a test binary.
func Binary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "refresher-*"); built.err == nil {
			built.path, built.err = lambdaruntime.Build(context.Background(), built.dir, "github.com/tokenkeeper/tokenkeeper/functions/refresher")
		}
	})
	require.NoError(t, built.err)
	return built.path
}

// Cleanup removes what Binary built. Call it at the end of TestMain.
func Cleanup() {
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
}
