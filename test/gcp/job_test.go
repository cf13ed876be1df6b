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

	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics/monitoringsink"
	"github.com/tokenkeeper/tokenkeeper/test/cloudmonitoring"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	emulator "github.com/tokenkeeper/tokenkeeper/test/secretmanager"
)

const tokenEndpoint = "POST /oauth/token"

// TestTheSeedsFiveSecrets: filled in by hand, adopted, rotated, and consented again.
// psoxy reads the current token at every step.
func TestTheSeedsFiveSecrets(t *testing.T) {
	t.Parallel()
	for _, labelled := range []bool{false, true} {
		t.Run(fmt.Sprint("psoxy's label: ", labelled), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.terraform()
			w.requireAction("awaiting_consent")
			w = newWorld(t)
			w.seed()
			if labelled { // psoxy has refreshed by itself before
				w.label("ACCESS_TOKEN", "1")
				w.label("REFRESH_TOKEN", "1")
			}
			require.Equal(t, 1, w.requireAction("rotated").generation)
			w.requireCurrent()
			w.requireAction("idle")
			for generation := 2; generation < 5; generation++ {
				w.pass(36 * time.Minute)
				require.Equal(t, generation, w.requireAction("rotated").generation)
				w.requireCurrent()
			}
			w.consent()
			w.requireAction("rotated")
			w.requireCurrent()
			w.pass(36 * time.Minute)
			w.requireAction("rotated")
			w.requireCurrent()
			require.Len(t, w.monitoring.Points(cloudmonitoring.Metric{Type: monitoringsink.Prefix + metrics.Heartbeat}), 7)
			days := w.monitoring.Points(cloudmonitoring.Metric{Type: monitoringsink.OfAConnection + metrics.FamilyDaysRemaining, Connection: connection})
			require.InDelta(t, 365, days[len(days)-1].Value, 0.1)
		})
	}
}

// TestPropagationTakesTime: while only versions by their numbers propagate, rotation
// goes on, and so does psoxy once it all has.
func TestPropagationTakesTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seed()
	w.requireAction("rotated")
	w.secrets.Freeze()
	for range 3 {
		w.pass(36 * time.Minute)
		w.requireAction("rotated")
		w.requireAction("idle")
	}
	w.secrets.Thaw()
	w.requireCurrent()
}

// TestTimesThatAreNotKnownYet: nothing is spent before it is told when the ledger was
// written last.
func TestTimesThatAreNotKnownYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seed()
	w.secrets.FreezeAll() // without what was just filled in
	w.requireAction("rotated")
	w.pass(36 * time.Minute)
	posts := len(w.front.Calls(tokenEndpoint))
	require.Contains(t, w.requireAction("failed").reason, "does not tell yet when it was added")
	require.Len(t, w.front.Calls(tokenEndpoint), posts)
	w.secrets.Thaw()
	w.requireAction("rotated")
	w.requireCurrent()
}

// TestKilledAtEveryCall: SIGKILL at every call of a tick, before it reaches the
// server and after it was carried out. The calls are counted in a tick that nothing
// disturbs. After each kill, a tick every two minutes is all that happens.
func TestKilledAtEveryCall(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*world){
		"adoption": func(*world) {},
		"rotation beside psoxy's labels": func(w *world) {
			w.label("ACCESS_TOKEN", "1")
			w.label("REFRESH_TOKEN", "1")
			w.requireAction("rotated")
			w.pass(36 * time.Minute)
		},
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
			require.Greater(t, len(count.seen), 20)
			require.Contains(t, count.seen, at{tokenEndpoint, 1})
			for _, where := range count.seen {
				for _, after := range []bool{false, true} {
					t.Run(fmt.Sprint(map[bool]string{false: "before ", true: "after "}[after], where.call, " ", where.n), func(t *testing.T) {
						t.Parallel()
						w := ready(t)
						kill := &strike{w: w, at: where, after: after}
						kill.arm()
						require.True(t, w.tick().killed)
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

// strike counts the calls of a process, and kills it at one of them.
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
	s.w.front.On(proxy.Rule{Operation: tokenEndpoint, Before: func(c *proxy.Call) {
		if s.reached(tokenEndpoint) {
			c.Lose()
		}
	}, After: func(*proxy.Call) { s.carriedOut(tokenEndpoint) }})
}

func (s *strike) disarm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.off = true
}

func name(c emulator.Call) string { return c.Method + " " + strings.TrimPrefix(c.Secret, connection) }

// reached counts a call, and reports whether the process dies at it.
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
		s.w.kill()
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
		s.w.kill()
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
		require.Len(w, families, 1)
		require.True(w, families[0].Alive(), "%+v\n%s", families[0].Death, t.output)
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
