package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

// SIGKILL at every request of a tick, before it reaches the server and after it
// was carried out. The requests are counted in a tick that nothing disturbs, so
// that a request which is added later is covered too. After each kill, a tick
// every five minutes is all that happens, and the family lives.
func TestKilledAtEveryRequest(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*world.World){
		"adoption": func(*world.World) {},
		"rotation": due,
		// The first answer is lost, and the tick presents the token again.
		"replay in the same tick": func(w *world.World) {
			due(w)
			w.Atlassian.On(proxy.Rule{Operation: world.TokenEndpoint, Nth: 1, After: (*proxy.Call).Lose})
		},
		// The kill is the second in a row: after two ticks of five minutes the
		// leeway would be over, so the killed one came a little early.
		"replay in the next tick": func(w *world.World) {
			due(w)
			w.Atlassian.On(proxy.Rule{Operation: world.TokenEndpoint, Nth: 1, After: killed(w)})
			w.Tick()
			w.Pass(3 * time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, at := range requestsOfATick(t, prepare) {
				for _, after := range []bool{false, true} {
					side := "before"
					if after {
						side = "after"
					}
					t.Run(fmt.Sprintf("%s %s", side, at), func(t *testing.T) {
						t.Parallel()
						w := world.New(t, world.Options{})
						prepare(w)
						kill := &strike{w: w, at: at, after: after}
						kill.arm()
						require.True(t, w.Tick().Exited, "the process must have been killed")
						requireTicksKeepTheFamily(t, w)
					})
				}
			}
		})
	}
}

// due brings a connection to the moment at which a rotation is due.
func due(w *world.World) {
	w.RequireAction(w.Tick(), "rotated")
	w.Pass(36 * time.Minute)
}

// request is one of a tick: the n-th, from 1, of its operation and parameter.
// Copies are published side by side, so its place in the tick is not fixed.
type request struct {
	operation string
	n         int
}

func (r request) String() string { return fmt.Sprintf("%s, %d", r.operation, r.n) }

// requestsOfATick lists the requests of a tick that nothing disturbs.
func requestsOfATick(t *testing.T, prepare func(*world.World)) []request {
	t.Helper()
	w := world.New(t, world.Options{})
	prepare(w)
	count := &strike{w: w}
	count.arm()
	tick := w.Tick()
	require.Nil(t, tick.Error)
	require.Len(t, count.seen, len(tick.AWS)+len(tick.Posts))
	require.NotEmpty(t, tick.Posts, "a tick without a spend proves nothing")
	return count.seen
}

// strike counts the requests of a process to all its servers, and kills the
// process at one of them.
type strike struct {
	w     *world.World
	at    request
	after bool

	mu    sync.Mutex
	seen  []request
	calls map[*proxy.Call]request
}

func (s *strike) arm() {
	s.calls = map[*proxy.Call]request{}
	for _, p := range []*proxy.Proxy{s.w.AWS, s.w.Atlassian} {
		p.On(proxy.Rule{Before: s.before, After: s.answered})
	}
}

func (s *strike) before(c *proxy.Call) {
	r := request{operation: operations(s.w.Connection(), []proxy.Call{*c})[0], n: 1}
	s.mu.Lock()
	for _, before := range s.seen {
		if before.operation == r.operation {
			r.n++
		}
	}
	s.seen = append(s.seen, r)
	s.calls[c] = r
	s.mu.Unlock()
	if r == s.at && !s.after {
		killed(s.w)(c)
	}
}

func (s *strike) answered(c *proxy.Call) {
	s.mu.Lock()
	r := s.calls[c]
	s.mu.Unlock()
	if r == s.at && s.after {
		killed(s.w)(c)
	}
}

// requireTicksKeepTheFamily ticks every five minutes until a further rotation is
// through. Each tick must end well, with the newest tokens in the store.
func requireTicksKeepTheFamily(t *testing.T, w *world.World) {
	t.Helper()
	c := w.Connection()
	for i := range 10 {
		w.Pass(5 * time.Minute)
		tick := w.Tick()
		o := w.Outcome(tick, c.Name)
		require.Contains(t, []string{"idle", "rotated", "replayed"}, o.Action, "%s\nlog:\n%s", o.Reason, tick.Logs)
		require.Nil(t, tick.Error)
		requireKept(t, w, c, o)
		if i > 0 && o.Action == "rotated" {
			c.RequireHealthy(o.Generation)
			return
		}
	}
	require.Fail(t, "no further rotation came")
}

// requireKept is what must hold after a tick that met what a crash had left.
func requireKept(t *testing.T, w *world.World, c *world.Connection, o world.Outcome) {
	t.Helper()
	families := w.Emulator.Families()
	require.Len(t, families, 1)
	require.True(t, families[0].Alive(), "%+v", families[0].Death)
	stored := c.Lookup(c.Names.RefreshToken)
	require.Equal(t, atlassiantest.StatusLive, stored.Status)
	for _, live := range w.Emulator.LiveTokens() {
		if live.Kind == stored.Kind {
			require.False(t, live.Generation > stored.Generation || live.Generation == stored.Generation && live.Sibling > stored.Sibling,
				"the store holds generation %d (%d), and Atlassian issued %d (%d)", stored.Generation, stored.Sibling, live.Generation, live.Sibling)
		}
	}
	require.Equal(t, atlassiantest.StatusLive, c.Lookup(c.Names.AccessToken).Status)
	require.GreaterOrEqual(t, *o.AccessTokenSecondsRemaining, 25*60.0)
}
