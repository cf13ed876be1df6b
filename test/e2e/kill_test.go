package e2e

import (
	"fmt"
	"strings"
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
			for n, request := range requestsOfATick(t, prepare) {
				for _, after := range []bool{false, true} {
					side := "before"
					if after {
						side = "after"
					}
					t.Run(fmt.Sprintf("%s request %d, %s", side, n, request), func(t *testing.T) {
						t.Parallel()
						w := world.New(t, world.Options{})
						prepare(w)
						kill := &strike{w: w, at: n, after: after}
						kill.arm()
						require.True(t, w.Tick().Exited, "the process must have been killed")
						require.Equal(t, request, kill.seen[n], "the tick must not differ from the undisturbed one")
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

// requestsOfATick lists the requests of a tick that nothing disturbs.
func requestsOfATick(t *testing.T, prepare func(*world.World)) []string {
	t.Helper()
	w := world.New(t, world.Options{})
	prepare(w)
	count := &strike{w: w, at: -1}
	count.arm()
	tick := w.Tick()
	require.Nil(t, tick.Error)
	require.Len(t, count.seen, len(tick.AWS)+len(tick.Posts))
	require.NotEmpty(t, tick.Posts, "a tick without a spend proves nothing")
	return count.seen
}

// strike numbers the requests of a process to all its servers from 0, and kills
// the process at one of them.
type strike struct {
	w     *world.World
	at    int
	after bool

	mu     sync.Mutex
	seen   []string
	number map[*proxy.Call]int
}

func (s *strike) arm() {
	s.number = map[*proxy.Call]int{}
	for _, p := range []*proxy.Proxy{s.w.AWS, s.w.Atlassian} {
		p.On(proxy.Rule{Before: s.before, After: s.answered})
	}
}

func (s *strike) before(c *proxy.Call) {
	s.mu.Lock()
	n := len(s.seen)
	s.seen = append(s.seen, strings.TrimSpace(c.Operation+" "+strings.TrimPrefix(world.Parameter(c), s.w.Connection().Name)))
	s.number[c] = n
	s.mu.Unlock()
	if n == s.at && !s.after {
		killed(s.w)(c)
	}
}

func (s *strike) answered(c *proxy.Call) {
	s.mu.Lock()
	n := s.number[c]
	s.mu.Unlock()
	if n == s.at && s.after {
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

// requireKept is what must hold after a tick that met what a crash had left. A
// lock without a doubt in it may stay: it is stale, and its token is not the newest.
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
