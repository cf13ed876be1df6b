package gcp

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	emulator "github.com/tokenkeeper/tokenkeeper/test/secretmanager"
)

const tokenEndpoint = "POST /oauth/token"

// due lets a rotation beside psoxy's labels be due, in the instance that has made all
// ticks so far.
func (w *world) due() {
	w.label("ACCESS_TOKEN", "1")
	w.label("REFRESH_TOKEN", "1")
	w.requireAction("rotated")
	w.requireAction("idle")
	w.pass(36 * time.Minute)
}

// TestKilledAtEveryCall: the service is killed by SIGKILL at every call of a tick, before
// it reaches the server and after it was carried out. The calls are counted in a tick that
// nothing disturbs. After each kill, a request every two minutes is all that happens; the
// first one starts a new instance.
func TestKilledAtEveryCall(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*world){
		"adoption": func(*world) {},
		"rotation": (*world).due,
		"a consent stored while no instance runs": func(w *world) { w.due(); w.stop(); w.consent() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ready := func(t *testing.T) *world {
				w := newWorld(t)
				w.seed()
				prepare(w)
				return w
			}
			count := &strike{w: ready(t)}
			count.arm()
			count.w.requireAction("rotated")
			count.disarm()
			require.Greater(t, len(count.seen), 20)
			require.Contains(t, count.seen, at{tokenEndpoint, 1})
			require.Contains(t, count.seen, at{"CreateTimeSeries ", 1})
			for _, where := range count.seen {
				for _, after := range []bool{false, true} {
					t.Run(fmt.Sprint(map[bool]string{false: "before ", true: "after "}[after], where.call, " ", where.n), func(t *testing.T) {
						t.Parallel()
						w := ready(t)
						kill := &strike{w: w, at: where, after: after}
						kill.arm()
						require.Zero(t, w.tick().code)
						kill.disarm()
						w.requireValid()
						w.requireKept()
					})
				}
			}
		})
	}
}

// at is the n-th call of its kind, from 1.
type at struct {
	call string
	n    int
}

// strike counts the calls of an instance, and kills it at one of them.
type strike struct {
	w     *world
	at    at
	after bool

	mu   sync.Mutex
	seen []at
	n    map[string]int
	// answered counts what was carried out, by kind.
	answered map[string]int
	off      bool
}

func (s *strike) arm() {
	s.n, s.answered = map[string]int{}, map[string]int{}
	gone := status.Error(codes.Unavailable, "the caller was killed")
	s.w.secrets.Before(func(c emulator.Call) error {
		if s.reached(name(c)) {
			return gone
		}
		return nil
	})
	s.w.secrets.After(func(c emulator.Call) error { s.carriedOut(name(c)); return nil })
	s.w.monitoring.Around(func(method string) error {
		if s.reached(method + " ") {
			return gone
		}
		return nil
	}, func(method string) { s.carriedOut(method + " ") })
	s.w.front.On(proxy.Rule{Before: func(c *proxy.Call) {
		if s.reached(c.Operation) {
			c.Lose()
		}
	}, After: func(c *proxy.Call) { s.carriedOut(c.Operation) }})
}

func (s *strike) disarm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.off = true
}

func name(c emulator.Call) string { return c.Method + " " + strings.TrimPrefix(c.Secret, connection) }

// reached counts a call, and reports whether the instance dies at it.
func (s *strike) reached(call string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.off {
		return false
	}
	s.n[call]++
	s.seen = append(s.seen, at{call, s.n[call]})
	strikes := !s.after && s.at == (at{call, s.n[call]})
	if strikes {
		s.w.running.Load().kill()
	}
	return strikes
}

// carriedOut counts what took effect.
func (s *strike) carriedOut(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.off {
		return
	}
	s.answered[call]++
	if s.after && s.at == (at{call, s.answered[call]}) {
		s.w.running.Load().kill()
	}
}

// requireKept ticks every two minutes until a further rotation is through.
func (w *world) requireKept() {
	w.Helper()
	for i := range 25 {
		w.pass(2 * time.Minute)
		t := w.tick()
		require.Contains(w, []string{"idle", "rotated", "replayed", "contended"}, t.action, t.output)
		families := w.atlassian.Families()
		newest := families[len(families)-1]
		require.True(w, newest.Alive(), "%+v\n%s", newest.Death, t.output)
		w.requireValid()
		if t.action == "rotated" {
			w.requireCurrent()
			if i > 0 {
				return
			}
		}
		if i > 3 {
			w.pass(10 * time.Minute) // idle until the next rotation
		}
	}
	require.Fail(w, "no further rotation came")
}
