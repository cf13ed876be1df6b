package keeper_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

const conn = "PSOXY_JIRA_CLOUD_"

var names = family.NamesOf(conn)

// world is the real keeper and client, the emulator, and a store, under a clock
// that only tests move. Faults strike every call of the keeper to store and
// Atlassian.
type world struct {
	t *testing.T
	parameters
	issuer
	faults
	clock   *atlassiantest.Clock
	psoxy   psoxyProxy
	keeper  *keeper.Keeper
	policy  family.Policy
	started int
	logs    bytes.Buffer
	// older are the entries of REFRESH_TOKEN before the newest.
	older []store.Entry
	// limit is the invocation's time.
	limit time.Duration
}

func newWorld(t *testing.T, change ...func(*atlassiantest.Policy)) *world {
	return newWorldOf(t, false, change...)
}

// newWorldOf is a world whose tokens may say whose they are and when they were issued.
func newWorldOf(t *testing.T, claims bool, change ...func(*atlassiantest.Policy)) *world {
	w := &world{t: t, clock: atlassiantest.NewClock(time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)),
		policy: family.DefaultPolicy(), limit: 2 * time.Minute}
	w.parameters = parameters{t, memstore.New(w.clock.Now)}
	p := atlassiantest.DefaultPolicy()
	for _, f := range change {
		f(&p)
	}
	w.em = atlassiantest.New(atlassiantest.Config{Clock: w.clock, Policy: &p, CheapTokens: true, CheapClaims: claims})
	w.issuer.t = t
	var err error
	w.fix, err = w.em.AddFixture()
	require.NoError(t, err)
	server := atlassiantest.NewServer(w.em)
	t.Cleanup(server.Close)
	w.client = &atlassian.Client{AuthURL: server.URL, APIURL: server.URL}
	w.psoxy = psoxyProxy{w.parameters, w.em, w.fix.App, w.clock}
	w.restart()
	return w
}

// store is the store as keepers of this world meet it.
func (w *world) store() faultyStore { return faultyStore{&w.faults, w.mem} }

// restart is a new process: it remembers nothing.
func (w *world) restart() { w.restartWith(w.store()) }

// restartWith is a new process that finds another store.
func (w *world) restartWith(s store.Store) {
	w.started++
	w.keeper = keeper.New(keeper.Config{
		Store: s, Token: faultyEndpoint{&w.faults, w.client}, Now: w.clock.Now,
		Sleep:   func(_ context.Context, d time.Duration) { w.clock.Advance(d) },
		Process: fmt.Sprintf("process-%d", w.started), Together: inTurn,
	})
}

// consent is the seed's procedure: a person consents, and fills the four
// parameters in by hand.
func (w *world) consent() atlassiantest.Tokens {
	tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(w.t, err)
	w.put(names.ClientID, w.fix.App.ClientID)
	w.put(names.ClientSecret, w.fix.App.ClientSecret.Reveal())
	w.put(names.AccessToken, tokens.Access.Reveal())
	w.put(names.RefreshToken, tokens.Refresh.Reveal())
	return tokens
}

// invocation has a deadline by the test's clock, which never fires.
type invocation struct {
	context.Context
	deadline time.Time
}

func (i invocation) Deadline() (time.Time, bool) { return i.deadline, true }

// tick is one invocation, and ok false if the process crashed in it.
func (w *world) tick() (out keeper.Outcome, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, crash := r.(crash); !crash {
				panic(r)
			}
			w.restart()
		}
	}()
	ctx := invocation{context.Background(), w.clock.Now().Add(w.limit)}
	out = w.keeper.Tick(ctx, family.Connection{Name: conn, Policy: w.policy}, slog.New(slog.NewJSONHandler(&w.logs, nil)))
	return out, true
}

// want ticks and requires the action.
func (w *world) want(a keeper.Action) keeper.Outcome {
	w.t.Helper()
	out, ok := w.tick()
	require.True(w.t, ok)
	require.Equal(w.t, a, out.Action, out.Reason)
	return out
}

// requireKept checks, by the emulator's truth, that the newest family lives
// and that the store holds its live tokens.
func (w *world) requireKept(msg ...any) {
	w.t.Helper()
	fams := w.em.Families()
	newest := fams[len(fams)-1]
	require.Nil(w.t, newest.Death, msg...)
	info, known := w.em.Lookup(w.get(names.RefreshToken).Value)
	require.True(w.t, known, msg...)
	require.Equal(w.t, newest.ID, info.FamilyID, msg...)
	require.Equal(w.t, atlassiantest.StatusLive, info.Status, msg...)
	info, known = w.em.Lookup(w.get(names.AccessToken).Value)
	require.True(w.t, known, msg...)
	require.Equal(w.t, atlassiantest.StatusLive, info.Status, msg...)
}

// inTurn runs tasks one after the other, so that faults strike the same
// operation in every run.
func inTurn(tasks ...func()) {
	for _, task := range tasks {
		task()
	}
}
