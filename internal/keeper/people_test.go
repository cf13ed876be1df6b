package keeper_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// settledWorld is a connection that was adopted and has rotated once; nothing is due.
func settledWorld(t *testing.T, change ...func(*atlassiantest.Policy)) *world {
	w := newWorld(t, change...)
	w.consent()
	w.want(keeper.Rotated)
	w.ops = nil
	return w
}

// due is such a connection whose next rotation is due.
func due(t *testing.T, change ...func(*atlassiantest.Policy)) *world {
	w := settledWorld(t, change...)
	w.clock.Advance(40 * time.Minute)
	return w
}

// rotations are so many more, each when it is due. It returns the tokens that were
// the newest before.
func (w *world) rotations(n int) (older []store.Entry) {
	w.t.Helper()
	for range n {
		older = append(older, w.get(names.RefreshToken))
		w.clock.Advance(40 * time.Minute)
		w.want(keeper.Rotated)
	}
	w.clock.Advance(time.Minute)
	w.want(keeper.Idle)
	w.ops = nil
	return older
}

// ticks are so many, five minutes apart. Each must be one of these, if any is given.
func (w *world) ticks(n int, want ...keeper.Action) {
	w.t.Helper()
	for range n {
		w.clock.Advance(5 * time.Minute)
		out, ok := w.tick()
		require.True(w.t, ok)
		if len(want) > 0 {
			require.Contains(w.t, want, out.Action, out.Reason)
		}
	}
}

// spends is how often the keeper presented a token since ops was emptied.
func (w *world) spends() (n int) {
	for _, op := range w.ops {
		if op == "post" {
			n++
		}
	}
	return n
}

// writes is how often the keeper wrote a parameter since ops was emptied.
func (w *world) writes(name string) (n int) {
	for _, op := range w.ops {
		if op == "write "+short(name) {
			n++
		}
	}
	return n
}

func (w *world) remove(name string) {
	w.t.Helper()
	require.NoError(w.t, w.mem.Delete(context.Background(), name))
}

// readAgain is an entry as if it had been read at another time.
func readAgain(e store.Entry, readAt time.Time) store.Entry {
	e.ReadAt = readAt
	return e
}

// ledger is what the newest version of the ledger says.
func (w *world) ledger() family.State {
	w.t.Helper()
	e := w.get(names.Ledger)
	var entry struct{ State json.RawMessage }
	require.NoError(w.t, json.Unmarshal([]byte(e.Value.Reveal()), &entry))
	s, err := family.ParseState(atlassian.NewSecret(string(entry.State)), e.Modified, conn)
	require.NoError(w.t, err)
	return s
}

// failing lets every operation of this name fail before it takes effect.
func failing(op string) func(int, string) error {
	return func(_ int, o string) error {
		if o == op {
			return errFault
		}
		return nil
	}
}

// crashing ends the process at the first operation of this name.
func crashing(op string) func(int, string) error {
	return func(_ int, o string) error {
		if o == op {
			panic(crash{})
		}
		return nil
	}
}

// atFirst does something at the first operation of this name.
func atFirst(op string, do func()) func(int, string) error {
	done := false
	return func(_ int, o string) error {
		if o == op && !done {
			done = true
			do()
		}
		return nil
	}
}

// inject lets the token endpoint answer so, so many times; 0 is for ever.
func (w *world) inject(when atlassiantest.When, status, times int) {
	w.t.Helper()
	require.NoError(w.t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: when,
		Kind: atlassiantest.KindStatus, Status: status, Times: times}))
}

// other is a keeper of another process that no fault strikes.
func (w *world) other(name string) *keeper.Keeper {
	return keeper.New(keeper.Config{Store: w.mem, Token: w.client, Now: w.clock.Now, Process: name, Together: inTurn,
		Sleep: func(_ context.Context, d time.Duration) { w.clock.Advance(d) }})
}

// tickOf is a tick of another process.
func (w *world) tickOf(k *keeper.Keeper) keeper.Outcome {
	return k.Tick(invocation{context.Background(), w.clock.Now().Add(2 * time.Minute)},
		family.Connection{Name: conn, Policy: w.policy}, slog.New(slog.NewJSONHandler(&w.logs, nil)))
}

// script gives token requests a fixed answer, so many times, instead of asking
// the emulator.
type script struct {
	status int
	body   string
	header http.Header
	times  int
	// asked is how often it answered, and presented what with.
	asked     int
	presented []string
}

// RoundTrip implements http.RoundTripper.
func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.asked >= s.times || r.URL.Path != "/oauth/token" {
		return http.DefaultTransport.RoundTrip(r)
	}
	s.asked++
	var request struct {
		Refresh string `json:"refresh_token"`
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return nil, err
	}
	s.presented = append(s.presented, request.Refresh)
	header := s.header
	if header == nil {
		header = http.Header{"Content-Type": {"application/json"}}
	}
	return &http.Response{StatusCode: s.status, Header: header, Request: r, ContentLength: -1,
		Body: io.NopCloser(strings.NewReader(s.body))}, nil
}

// answer lets the token endpoint give this answer, so many times.
func (w *world) answer(status int, code string, times int) *script {
	s := &script{status: status, body: fmt.Sprintf(`{"error":%q}`, code), times: times}
	w.client.HTTPClient = &http.Client{Transport: s}
	return s
}
