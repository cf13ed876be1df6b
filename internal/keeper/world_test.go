package keeper_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
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
// that only tests move. Every call of the keeper to store and Atlassian goes
// through op, where faults strike.
type world struct {
	t       *testing.T
	clock   *atlassiantest.Clock
	em      *atlassiantest.Emulator
	fix     atlassiantest.Fixture
	mem     *memstore.Store
	client  *atlassian.Client
	keeper  *keeper.Keeper
	policy  family.Policy
	started int
	logs    bytes.Buffer
	// ops are the operations of the keeper so far; before and after are called
	// around each with its number, and may fail it or crash the process.
	ops           []string
	before, after func(n int, op string) error
	// unreadable and unwritable are names to which access is denied, or that take no
	// write for another reason.
	unreadable, unwritable map[string]error
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
	p := atlassiantest.DefaultPolicy()
	for _, f := range change {
		f(&p)
	}
	w.em = atlassiantest.New(atlassiantest.Config{Clock: w.clock, Policy: &p, CheapTokens: true, CheapClaims: claims})
	var err error
	w.fix, err = w.em.AddFixture()
	require.NoError(t, err)
	server := atlassiantest.NewServer(w.em)
	t.Cleanup(server.Close)
	w.client = &atlassian.Client{AuthURL: server.URL, APIURL: server.URL}
	w.mem = memstore.New(w.clock.Now)
	w.restart()
	return w
}

// restart is a new process: it remembers nothing.
func (w *world) restart() { w.restartWith(faultyStore{w}) }

// restartWith is a new process that finds another store.
func (w *world) restartWith(s store.Store) {
	w.started++
	w.keeper = keeper.New(keeper.Config{
		Store: s, Token: faultyEndpoint{w}, Now: w.clock.Now,
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

func (w *world) put(name, value string) {
	_, err := w.mem.Write(context.Background(), name, atlassian.NewSecret(value), store.Encrypted)
	require.NoError(w.t, err)
}

func (w *world) get(name string) store.Entry {
	entries, err := w.mem.Read(context.Background(), name)
	require.NoError(w.t, err)
	return entries[name]
}

func (w *world) record() family.Record {
	r, err := family.ParseRecord(w.get(names.Family).Value.Reveal(), conn)
	require.NoError(w.t, err)
	return r
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

// crash is the panic of a killed process.
type crash struct{}

func (w *world) op(op string, do func() error) error {
	n := len(w.ops)
	w.ops = append(w.ops, op)
	if w.before != nil {
		if err := w.before(n, op); err != nil {
			return err
		}
	}
	err := do()
	if w.after != nil {
		if lost := w.after(n, op); lost != nil {
			return lost
		}
	}
	return err
}

var errFault = errors.New("the store did not answer")

type faultyStore struct{ *world }

func short(name string) string { return strings.TrimPrefix(name, conn) }

func (s faultyStore) Read(ctx context.Context, names ...string) (m map[string]store.Entry, err error) {
	err = s.op("read", func() error {
		for _, name := range names {
			if err := s.unreadable[name]; err != nil {
				return fmt.Errorf("%s: %w", name, err) // one call, one answer
			}
		}
		m, err = s.mem.Read(ctx, names...)
		return err
	})
	return m, err
}

func (s faultyStore) History(ctx context.Context, name string, from int64) (h []store.Entry, err error) {
	err = s.op("read history of "+short(name), func() error {
		if err := s.unreadable[name]; err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		h, err = s.mem.History(ctx, name, from)
		return err
	})
	return h, err
}

func (s faultyStore) Create(ctx context.Context, name string, value atlassian.Secret, k store.Kind) (v int64, err error) {
	err = s.op("create "+short(name), func() error { v, err = s.mem.Create(ctx, name, value, k); return err })
	return v, err
}

func (s faultyStore) Write(ctx context.Context, name string, value atlassian.Secret, k store.Kind) (v int64, err error) {
	err = s.op("write "+short(name), func() error {
		if err := s.unwritable[name]; err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		v, err = s.mem.Write(ctx, name, value, k)
		return err
	})
	return v, err
}

func (s faultyStore) Delete(ctx context.Context, name string) error {
	return s.op("delete "+short(name), func() error { return s.mem.Delete(ctx, name) })
}

type faultyEndpoint struct{ *world }

func (e faultyEndpoint) Refresh(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (tok atlassian.Token, err error) {
	lost := e.op("post", func() error { tok, err = e.client.Refresh(ctx, app, refresh); return nil })
	if lost != nil {
		return atlassian.Token{}, &atlassian.Error{Op: "refresh", Class: atlassian.Ambiguous, Sent: true, Err: lost}
	}
	return tok, err
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

// posts is how many token requests reached the emulator.
func (w *world) posts() int { return int(w.em.EventCount()) }

// inTurn runs tasks one after the other, so that faults strike the same
// operation in every run.
func inTurn(tasks ...func()) {
	for _, task := range tasks {
		task()
	}
}
