// Package e2e tests the refresher as it is deployed: its binary, real HTTP to
// AWS's and Atlassian's stand-ins, real signals. See package world.
package e2e

import (
	"flag"
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
	// A tick mostly waits, so more of them run at a time than there are processors.
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	code := m.Run()
	world.Cleanup()
	os.Exit(code)
}

// operations lists calls in order, each with the parameter of the connection
// that it names, if there is one.
func operations(conn *world.Connection, calls []proxy.Call) []string {
	var names []string
	for _, c := range calls {
		names = append(names, strings.TrimSpace(c.Operation+" "+strings.TrimPrefix(world.Parameter(&c), conn.Name)))
	}
	return names
}

// briefly is a time-out of the function that leaves no time for the further rounds
// of an urgent tick, for the tests' sake. A request needs 40 s; the third is sent after 5.6 s, and
// the next round would begin after 8 s.
const briefly = 46*time.Second + 800*time.Millisecond

// inject lets a fault wait for the next token request.
func inject(t *testing.T, w *world.World, f atlassiantest.Fault) {
	t.Helper()
	f.Endpoint = atlassiantest.EndpointToken
	require.NoError(t, w.Emulator.Inject(f))
}

// writing selects the writes of a parameter with this ending.
func writing(ending string) func(*proxy.Call) bool {
	return func(c *proxy.Call) bool { return strings.HasSuffix(world.Parameter(c), ending) }
}

// killed is a hook that kills the function and loses the call.
func killed(w *world.World) func(*proxy.Call) {
	return func(c *proxy.Call) {
		w.Function.Kill()
		c.Lose()
	}
}

// refuse is a hook that answers as an AWS service does when it refuses a call.
func refuse(status int, code string) func(*proxy.Call) {
	return func(c *proxy.Call) {
		c.Reply(status, http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
			[]byte(`{"__type":"`+code+`","message":"told so by the test"}`))
	}
}

// holding is a rule that holds the next token request up, until finish is
// closed; held is closed when it is there.
func holding(held chan<- struct{}, finish <-chan struct{}) proxy.Rule {
	return proxy.Rule{Operation: world.TokenEndpoint, Nth: 1, Before: func(*proxy.Call) {
		close(held)
		<-finish
	}}
}

// background runs a tick on the side. The channel yields nil if it failed the test.
func background(tick func() *world.Tick) <-chan *world.Tick {
	done := make(chan *world.Tick, 1)
	go func() {
		defer close(done)
		done <- tick()
	}()
	return done
}
