package health

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

var conn = family.Connection{Name: "A_", Policy: family.DefaultPolicy()}

// shelf is a store whose clock a test sets.
type shelf struct {
	*memstore.Store
	t   *testing.T
	now time.Time
}

func newShelf(t *testing.T, at time.Time) *shelf {
	s := &shelf{t: t, now: at}
	s.Store = memstore.New(func() time.Time { return s.now })
	return s
}

func (s *shelf) put(name, value string) {
	s.t.Helper()
	_, err := s.Write(s.t.Context(), "A_"+name, atlassian.NewSecret(value), store.Encrypted)
	require.NoError(s.t, err)
}

// fill writes what a healthy connection holds, with its ledger where that is wanted.
func (s *shelf) fill(withLedger bool) {
	s.t.Helper()
	w := well()
	s.put("CLIENT_ID", app.ClientID)
	s.put("CLIENT_SECRET", app.ClientSecret.Reveal())
	s.put("REFRESH_TOKEN", refresh.Reveal())
	s.put("ACCESS_TOKEN", access.Reveal())
	_, err := s.Write(s.t.Context(), "A_TOKEN_FAMILY", w.State.Record.Encode(), store.Plain)
	require.NoError(s.t, err)
	if withLedger {
		w.State.Inbox.Seen = 1
		l := ledger.Ledger{Log: ledger.Parameter{Store: s, Name: "A_TOKEN_LEDGER"}, Of: "A_"}
		_, err = l.Put(s.t.Context(), ledger.NewDraft("A_", ledger.Entry{}, w.State.Encode(), s.now, "p/1"))
		require.NoError(s.t, err)
	}
}

// verdict looks, and says how the connection is.
func verdict(t *testing.T, st store.Store) (Survey, Verdict) {
	t.Helper()
	s, err := Look(t.Context(), st, conn, now)
	require.NoError(t, err)
	s.Warning, s.Last, s.Place, s.Commands = 60, 1, "the directory ./tokens", CommandsFor("A_", "", "tk")
	return s, s.Verdict()
}

// What is found, from nothing at all to a ledger that cannot be read.
func TestLook(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fill  func(*shelf)
		state State
		level Level
		line  string
	}{
		{"nothing", func(*shelf) {}, NotFound, Broken,
			"NOT FOUND: none of the parameters of A_ exist in the directory ./tokens: check --connection, the account and the region; for a first consent: " + authorizeA},
		{"placeholders", func(s *shelf) { s.put("REFRESH_TOKEN", "fill me"); s.put("CLIENT_ID", "fill me") }, AwaitingConsent, Attention,
			"NEEDS ATTENTION: nobody has consented yet: " + authorizeA},
		{"the app alone", func(s *shelf) { s.put("CLIENT_ID", "id"); s.put("CLIENT_SECRET", "s") }, AwaitingConsent, Attention,
			"NEEDS ATTENTION: nobody has consented yet: " + authorizeA},
		{"a token by hand", func(s *shelf) {
			s.put("CLIENT_ID", "id")
			s.put("CLIENT_SECRET", "s")
			s.put("REFRESH_TOKEN", "an-unknown-canary-0123456789")
		}, NotKept, Attention, "NEEDS ATTENTION: tokens are stored, and the first tick has yet to take them over: " + tickA},
		{"a token by hand, long ago", func(s *shelf) {
			s.now = now.Add(-time.Hour)
			s.put("CLIENT_ID", "id")
			s.put("CLIENT_SECRET", "s")
			s.put("REFRESH_TOKEN", "an-unknown-canary-0123456789")
		}, NoTick, Attention, "NEEDS ATTENTION: no tick has come yet: see why: " + doctorA},
		{"an access token by mistake", func(s *shelf) {
			s.put("REFRESH_TOKEN", `{"refresh_token":"x"}`)
		}, Misconfigured, Attention, ""},
		{"a healthy ledger", func(s *shelf) { s.fill(true) }, OK, Fine, "OK until 2027-11-25; nobody needs to act"},
		{"a copy alone", func(s *shelf) { s.fill(false) }, NotKept, Attention, "NEEDS ATTENTION: there is no ledger A_TOKEN_LEDGER, although there was one: if it was deleted, the next tick begins it again from the copies; where the stack has a LedgerPath, give --ledger-path: " + tickA},
		{"junk on top of the ledger", func(s *shelf) { s.fill(true); s.put("TOKEN_LEDGER", "junk-canary") }, OK, Fine, "OK until 2027-11-25; nobody needs to act"},
		{"an entry that nobody can read", func(s *shelf) {
			s.put("TOKEN_LEDGER", `{"of":"A_","base":0,"mark":"p/1","at":"2026-11-26T05:40:00Z","state":{"refresh":"a-canary"}}`)
		}, LedgerUnreadable, Broken, ""},
		{"another token beside the ledger", func(s *shelf) {
			s.fill(true)
			s.now = now.Add(-time.Minute)
			s.put("REFRESH_TOKEN", "an-unknown-canary-0123456789")
		}, Foreign, Attention, "NEEDS ATTENTION: REFRESH_TOKEN holds an unknown token since 05:59Z: the next tick asks Atlassian about it: " + tickA},
		{"an older value beside the ledger that nobody has put right", func(s *shelf) {
			s.fill(true)
			s.put("REFRESH_TOKEN", "fill me")
		}, NoTick, Attention, "NEEDS ATTENTION: no tick since 05:40Z (20 minutes): see why: " + doctorA},
		{"a damaged TOKEN_FAMILY", func(s *shelf) { s.fill(true); s.put("TOKEN_FAMILY", "junk-canary") }, OK, Fine, "OK until 2027-11-25; nobody needs to act"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newShelf(t, now.Add(-20*time.Minute))
			tt.fill(s)
			if tt.name == "a token by hand" || tt.name == "a copy alone" {
				s.now = s.now.Add(time.Minute)
			} else {
				s.now = now
			}
			_, v := verdict(t, s)
			require.Equal(t, tt.state, v.State, v.Line)
			require.Equal(t, tt.level, v.Level, v.Line)
			if tt.line != "" {
				require.Equal(t, tt.line, v.Line)
			}
			require.NotContains(t, v.Line, "canary")
		})
	}
}

// A connection that the functions serve is awaited, and not missing.
func TestAConfiguredConnection(t *testing.T) {
	s, err := Look(t.Context(), newShelf(t, now), conn, now)
	require.NoError(t, err)
	s.Configured = true
	require.Equal(t, AwaitingConsent, s.Verdict().State)
}

func TestSimilarNames(t *testing.T) {
	s, err := Look(t.Context(), newShelf(t, now), conn, now)
	require.NoError(t, err)
	s.Similar = []string{"AB_", "B_"}
	require.Equal(t, "NOT FOUND: none of the parameters of A_ exist: did you mean --connection AB_ or --connection B_?", s.Verdict().Line)
}

// denying lets nobody read some parameters, and no history.
type denying struct {
	store.Store
	names []string
}

func (d denying) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	for _, name := range names {
		if slices.Contains(d.names, name) {
			return nil, store.ErrDenied
		}
	}
	return d.Store.Read(ctx, names...)
}

func (d denying) History(context.Context, string, int64) ([]store.Entry, error) {
	return nil, store.ErrDenied
}

// A person who may not read secrets learns what TOKEN_FAMILY says, which holds
// none.
func TestDenied(t *testing.T) {
	st := newShelf(t, now.Add(-20*time.Minute))
	st.fill(true)
	st.now = now
	n := conn.Names()
	secrets := []string{n.ClientID, n.ClientSecret, n.RefreshToken, n.AccessToken, n.Ledger}
	s, v := verdict(t, denying{st, secrets})
	require.Equal(t, OK, v.State, v.Line)
	require.Equal(t, secrets, s.Report().Denied)

	w := well()
	failed(&w, atlassian.Permanent, "unauthorized_client", 40*time.Minute)
	_, err := st.Write(t.Context(), n.Family, w.State.Record.Encode(), store.Plain)
	require.NoError(t, err)
	_, v = verdict(t, denying{st, secrets})
	require.Equal(t, "LOST since 05:20Z: consent now: "+authorizeA, v.Line)

	require.NoError(t, st.Delete(t.Context(), n.Family))
	st.put("CLOUD_ID", "a site")
	_, v = verdict(t, denying{st, secrets})
	require.Equal(t, LedgerUnreadable, v.State)
	require.Equal(t, Attention, v.Level)

	_, err = Look(t.Context(), denying{st, append(secrets, n.Family, n.CloudID)}, conn, now)
	require.ErrorIs(t, err, store.ErrDenied)

	// With the history alone denied, the newest entry is believed.
	st = newShelf(t, now.Add(-2*time.Minute))
	st.fill(true)
	st.put("TOKEN_LEDGER", "junk-canary")
	st.now = now
	_, v = verdict(t, denying{st, nil})
	require.Equal(t, NotKept, v.State, v.Line)
}

// out is a store that does not answer.
type out struct{ store.Store }

func (out) Read(context.Context, ...string) (map[string]store.Entry, error) {
	return nil, errors.New("no answer")
}

func TestAStoreThatIsOut(t *testing.T) {
	_, err := Look(t.Context(), out{}, conn, now)
	require.ErrorContains(t, err, "reading the parameters of A_ failed: no answer")
}

// A report shows everything that matters, and no secret.
func TestReport(t *testing.T) {
	st := newShelf(t, now.Add(-20*time.Minute))
	st.fill(true)
	st.put("OAUTH_REFRESH_TOKEN_lock", "locked_1")
	st.now = now.Add(-18 * time.Minute)
	s, _ := verdict(t, st)
	r := s.Report()
	require.Equal(t, &Lock{now.Add(-20 * time.Minute), true}, r.Lock)
	require.True(t, r.AppStored)
	require.Equal(t, 364.01, r.Family.DaysRemaining)
	require.Equal(t, 7, r.Family.Generation)
	require.Nil(t, r.Spend)
	require.Equal(t, now.Add(-20*time.Minute), r.Seen)
}
