package consent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

const (
	connA, connB = "A_", "B_"
	hostedURI    = "https://abc.lambda-url.eu-west-1.on.aws/callback"
	plainURI     = "http://localhost:9000/oauth"
)

// world is a service on real parts, under a clock that only tests move.
type world struct {
	t       *testing.T
	clock   *atlassiantest.Clock
	em      *atlassiantest.Emulator
	fix     atlassiantest.Fixture
	mem     *faulty
	service *consent.Service
	config  consent.Config
	logs    bytes.Buffer
	api     atlassian.Client
}

// faulty is a store in memory whose calls can be made to fail.
type faulty struct {
	store.Store
	// strike is asked before each write and delete.
	strike func(op, name string) error
	// reads counts the calls that read.
	reads atomic.Int32
}

func (f *faulty) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	f.reads.Add(1)
	return f.Store.Read(ctx, names...)
}

func (f *faulty) Write(ctx context.Context, name string, v atlassian.Secret, k store.Kind) (int64, error) {
	if f.strike != nil {
		if err := f.strike("write", name); err != nil {
			return 0, err
		}
	}
	return f.Store.Write(ctx, name, v, k)
}

func (f *faulty) Delete(ctx context.Context, name string) error {
	if f.strike != nil {
		if err := f.strike("delete", name); err != nil {
			return err
		}
	}
	return f.Store.Delete(ctx, name)
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, clock: atlassiantest.NewClock(time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC))}
	w.em = atlassiantest.New(atlassiantest.Config{Clock: w.clock})
	var err error
	w.fix, err = w.em.AddFixture("http://localhost", hostedURI, plainURI)
	require.NoError(t, err)
	server := atlassiantest.NewServer(w.em)
	t.Cleanup(server.Close)
	w.mem = &faulty{Store: memstore.New(w.clock.Now)}
	w.api = atlassian.Client{AuthURL: server.URL, APIURL: server.URL}
	w.config = consent.Config{Store: w.mem, Atlassian: &w.api, AuthURL: server.URL,
		Connections: []family.Connection{{Name: connA, Policy: family.DefaultPolicy()}, {Name: connB, Policy: family.DefaultPolicy()}},
		Now:         w.clock.Now, Hosted: true, Log: slog.New(slog.NewJSONHandler(&w.logs, nil))}
	w.restart()
	for _, c := range []string{connA, connB} {
		w.put(family.NamesOf(c).ClientID, w.fix.App.ClientID)
		w.put(family.NamesOf(c).ClientSecret, w.fix.App.ClientSecret.Reveal())
	}
	return w
}

// restart is a new process.
func (w *world) restart() {
	w.config.Keeper = keeper.New(keeper.Config{Store: w.mem, Now: w.clock.Now, Process: "bootstrap", Together: inTurn,
		Sleep: func(_ context.Context, d time.Duration) { w.clock.Advance(d) }})
	w.service = consent.New(w.config)
}

// refresher is the process of the scheduled ticks.
func (w *world) refresher() *keeper.Keeper {
	return keeper.New(keeper.Config{Store: w.mem, Token: &w.api, Now: w.clock.Now, Process: "refresher", Together: inTurn,
		Sleep: func(_ context.Context, d time.Duration) { w.clock.Advance(d) }})
}

// tick is a scheduled tick of connection A.
func (w *world) tick(k *keeper.Keeper) keeper.Outcome {
	return k.Tick(context.Background(), w.config.Connections[0], w.config.Log)
}

// kills has every consent end the family before it.
func (w *world) kills() {
	require.NoError(w.t, w.em.ChangePolicy(func(p *atlassiantest.Policy) { p.ReconsentKillsOld = true }))
}

func (w *world) put(name, value string) {
	_, err := w.mem.Store.Write(context.Background(), name, atlassian.NewSecret(value), store.Encrypted)
	require.NoError(w.t, err)
}

func (w *world) get(name string) string {
	entries, err := w.mem.Read(context.Background(), name)
	require.NoError(w.t, err)
	return entries[name].Value.Reveal()
}

// contents are all parameters, to see whether anything in use has changed.
func (w *world) contents(conn string) map[string]store.Entry {
	n := family.NamesOf(conn)
	entries, err := w.mem.Read(context.Background(), n.ClientID, n.ClientSecret, n.RefreshToken, n.AccessToken, n.Family, n.CloudID, n.Lock)
	require.NoError(w.t, err)
	for name, e := range entries {
		e.ReadAt = time.Time{} // when it was read is no part of it
		entries[name] = e
	}
	return entries
}

func (w *world) begin(conn string, change ...func(*consent.BeginRequest)) consent.Begun {
	w.t.Helper()
	r := consent.BeginRequest{Connection: conn}
	for _, c := range change {
		c(&r)
	}
	begun, err := w.service.Begin(context.Background(), r)
	require.NoError(w.t, err)
	return begun
}

// accept is what the browser and the person do: the address that they end up at.
func (w *world) accept(authorizeURL string, change ...func(*atlassiantest.ConsentRequest)) atlassian.Secret {
	w.t.Helper()
	u, err := url.Parse(authorizeURL)
	require.NoError(w.t, err)
	q := u.Query()
	r := atlassiantest.ConsentRequest{ClientID: q.Get("client_id"), RedirectURI: q.Get("redirect_uri")}
	require.NoError(w.t, json.Unmarshal([]byte(`["`+replace(q.Get("scope"))+`"]`), &r.Scopes))
	for _, c := range change {
		if c != nil {
			c(&r)
		}
	}
	code, err := w.em.Consent(r)
	require.NoError(w.t, err)
	return back(q.Get("redirect_uri"), q.Get("state"), code.Reveal())
}

func replace(scopes string) string {
	return string(bytes.ReplaceAll([]byte(scopes), []byte(" "), []byte(`","`)))
}

func back(redirectURI, state, code string) atlassian.Secret {
	return atlassian.NewSecret(redirectURI + "?" + url.Values{"state": {state}, "code": {code}}.Encode())
}

func (w *world) complete(r consent.CompleteRequest) (consent.Completed, error) {
	return w.service.Complete(context.Background(), r)
}

// refused requires an error of the type, and that nothing in use has changed
// since before.
func (w *world) refused(want consent.ErrorType, err error, conn string, before map[string]store.Entry) {
	w.t.Helper()
	w.refusedType(want, err)
	require.Equal(w.t, before, w.contents(conn))
}

func (w *world) refusedType(want consent.ErrorType, err error) {
	w.t.Helper()
	var e *consent.Error
	require.ErrorAs(w.t, err, &e)
	require.Equal(w.t, want, e.Type, e.Message)
	require.NotEmpty(w.t, e.Message)
}

// consented does the whole once.
func (w *world) consented(conn string) consent.Completed {
	w.t.Helper()
	done, err := w.complete(consent.CompleteRequest{RedirectURL: w.accept(w.begin(conn).AuthorizeURL)})
	require.NoError(w.t, err)
	w.clock.Advance(time.Minute)
	return done
}
