package many

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// slow is a store whose calls take the time that a paced Parameter Store's do.
type slow struct {
	store.Store
	clock       *atlassiantest.Clock
	read, write time.Duration
}

func (s slow) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	s.clock.Advance(time.Duration((len(names)+9)/10) * s.read)
	return s.Store.Read(ctx, names...)
}

func (s slow) Create(ctx context.Context, name string, v atlassian.Secret, k store.Kind) (int64, error) {
	s.clock.Advance(s.write)
	return s.Store.Create(ctx, name, v, k)
}

func (s slow) Write(ctx context.Context, name string, v atlassian.Secret, k store.Kind) (int64, error) {
	s.clock.Advance(s.write)
	return s.Store.Write(ctx, name, v, k)
}

// crowd is a stack that keeps many connections, in time that is only counted.
type crowd struct {
	clock   *atlassiantest.Clock
	em      *atlassiantest.Emulator
	store   slow
	metrics []metrics.Metric
	*fleet.Fleet
	posts, process int
	// killed and lost: at every so manieth request the process dies after the
	// answer, or the answer is lost.
	killed, lost int
	// broken are apps whose requests Atlassian answers with a fault of its own.
	broken map[string]bool
}

type killedProcess struct{}

func newCrowd(t *testing.T, connections int, reads, writes float64) *crowd {
	clock := atlassiantest.NewClock(time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC))
	c := &crowd{clock: clock, em: atlassiantest.New(atlassiantest.Config{Clock: clock, CheapTokens: true, EventLog: -1})}
	second := float64(time.Second)
	c.store = slow{memstore.New(clock.Now), clock, time.Duration(second / reads), time.Duration(second / writes)}
	c.Fleet = &fleet.Fleet{Survey: c.store, Sink: c, Now: clock.Now, Parallel: 1, LastWarning: 1,
		Sleep: func(_ context.Context, d time.Duration) { clock.Advance(d) }}
	for i := range connections {
		fix, err := c.em.AddFixture()
		require.NoError(t, err)
		tokens, err := c.em.Authorize(atlassiantest.ConsentRequest{ClientID: fix.App.ClientID, AccountID: fix.Account.ID, CloudID: fix.Site.CloudID})
		require.NoError(t, err)
		name := fmt.Sprintf("/t/%04d_", i)
		n := family.NamesOf(name)
		for name, value := range map[string]atlassian.Secret{n.ClientID: atlassian.NewSecret(fix.App.ClientID), n.ClientSecret: fix.App.ClientSecret,
			n.RefreshToken: tokens.Refresh, n.AccessToken: tokens.Access} {
			_, err := c.store.Store.Write(t.Context(), name, value, store.Encrypted)
			require.NoError(t, err)
		}
		c.Connections = append(c.Connections, family.Connection{Name: name, Policy: family.DefaultPolicy()})
	}
	c.start()
	return c
}

// start begins a process that remembers nothing.
func (c *crowd) start() {
	c.process++
	k := keeper.New(keeper.Config{Store: c.store, Token: c, Now: c.clock.Now, Sleep: c.Sleep, Process: fmt.Sprint("p", c.process)})
	c.Keeper, c.Introduce = k, k.Introduce
}

func (c *crowd) Publish(_ context.Context, _ time.Time, ms []metrics.Metric) error {
	c.metrics = ms
	return nil
}

// Refresh is Atlassian's answer, which some processes do not live to see.
func (c *crowd) Refresh(_ context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
	c.posts++
	c.clock.Advance(60 * time.Millisecond)
	if c.broken[app.ClientID] {
		return atlassian.Token{}, &atlassian.Error{Op: "refresh", Class: atlassian.Ambiguous, Sent: true, Err: errors.New("502")}
	}
	tokens, err := c.em.Refresh(atlassiantest.RefreshRequest{ClientID: app.ClientID, ClientSecret: app.ClientSecret, RefreshToken: refresh})
	switch {
	case err != nil:
		return atlassian.Token{}, &atlassian.Error{Op: "refresh", Class: atlassian.Permanent, Sent: true, Err: err}
	case c.killed > 0 && c.posts%c.killed == 0:
		panic(killedProcess{})
	case c.lost > 0 && c.posts%c.lost == 0:
		return atlassian.Token{}, &atlassian.Error{Op: "refresh", Class: atlassian.Ambiguous, Sent: true, Err: errors.New("the answer was lost")}
	}
	return atlassian.Token{Access: tokens.Access, Refresh: tokens.Refresh, ExpiresIn: tokens.ExpiresIn, Scopes: tokens.Scopes}, nil
}

// invocation is a context whose deadline is of the counted time.
type invocation struct {
	context.Context
	deadline time.Time
}

func (i invocation) Deadline() (time.Time, bool) { return i.deadline, true }

// tick is one invocation, and what it reported; nothing if it was killed.
func (c *crowd) tick(t *testing.T, log *slog.Logger) (report fleet.Report, killed bool) {
	started := c.clock.Now()
	defer func() {
		if p := recover(); p != nil {
			require.Equal(t, killedProcess{}, p)
			killed = true
			c.start()
		}
		require.LessOrEqual(t, c.clock.Now().Sub(started), 120*time.Second, "the invocation outlives its time")
	}()
	report, _ = c.Tick(invocation{t.Context(), started.Add(120 * time.Second)}, log)
	require.Len(t, report.Connections, len(c.Connections))
	return report, false
}

// value is a roll-up of the last tick.
func (c *crowd) value(name string) (v float64, sent bool) {
	for _, m := range c.metrics {
		if m.Name == name && m.Connection == "" {
			return m.Value, true
		}
	}
	return 0, false
}

// announce appends the intent of a process that dies right after it.
func (c *crowd) announce(t *testing.T, conn family.Connection) {
	name := conn.Names().Ledger
	l := ledger.Ledger{Log: ledger.Parameter{Store: c.store.Store, Name: name}, Of: conn.Name}
	entries, err := c.store.Store.Read(t.Context(), name)
	require.NoError(t, err)
	base, err := l.Newest(t.Context(), entries[name])
	require.NoError(t, err)
	state, err := family.ParseState(base.State, base.Written, conn.Name)
	require.NoError(t, err)
	state = state.Intending("gone", state.Record.Refresh, 0, time.Time{})
	_, err = l.Put(t.Context(), ledger.NewDraft(conn.Name, base, state.Encode(), c.clock.Now(), "gone/1"))
	require.NoError(t, err)
}

// A thousand connections over a day. A tick serves all of them or reports which
// were left. Those in doubt are always served. No family is lost, though answers
// are lost and processes die.
func TestAThousandConnections(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 1000, 80, 8)
	c.killed, c.lost = 997, 101
	began := c.clock.Now()
	log := slog.New(slog.DiscardHandler)
	kills, most, least := 0, 0, 3600.0
	for n := 0; c.clock.Now().Before(began.Add(24 * time.Hour)); n++ {
		c.clock.Set(began.Add(time.Duration(n) * 5 * time.Minute))
		report, killed := c.tick(t, log)
		if killed {
			kills++
			continue
		}
		postponed, noted := 0, map[keeper.Action]int{}
		for _, o := range report.Connections {
			noted[o.Action]++
			if o.Action == keeper.Postponed {
				postponed++
			}
		}
		require.Zero(t, noted[keeper.Refused]+noted[keeper.Failed]+noted[keeper.Misconfigured], "%v", noted)
		told, _ := c.value(metrics.Postponed)
		require.EqualValues(t, postponed, told)
		_, alive := c.value(metrics.Heartbeat)
		require.Equal(t, postponed == 0, alive, "the heartbeat says that all were served")
		if c.clock.Now().Sub(began) > 2*time.Hour { // the first hours bring all in from one moment
			left, _ := c.value(metrics.AccessTokenSecondsRemaining)
			most, least = max(most, postponed), min(least, left)
		}
	}
	for _, f := range c.em.Families() {
		require.True(t, f.Alive(), "%+v", f.Death)
		require.Greater(t, f.Generation, 24, "nobody is left out for an hour")
	}
	require.Positive(t, kills)
	t.Logf("%d rotations, %d processes killed; after two hours at most %d postponed, and at least %.0f s left of an access token", c.posts, kills, most, least)
	require.Positive(t, most, "it is more than fits into a tick")
	require.Greater(t, least, 600.0)
}

// Half of the connections are in doubt for hours, for Atlassian answers their requests with a
// fault. Their attempts take more than a whole tick, and the others' access tokens never end.
func TestSickOnesDoNotStarveOthers(t *testing.T) {
	t.Parallel()
	const sick, n = 40, 80
	c := newCrowd(t, n, 80, 8)
	c.broken = map[string]bool{}
	began := c.clock.Now()
	log := slog.New(slog.DiscardHandler)
	least := 3600.0
	for tick := range 4 * 12 {
		c.clock.Set(began.Add(time.Duration(tick) * 5 * time.Minute))
		if tick == 12 {
			for _, conn := range c.Connections[:sick] {
				name := conn.Names().ClientID
				e, err := c.store.Store.Read(t.Context(), name)
				require.NoError(t, err)
				c.broken[e[name].Value.Reveal()] = true
			}
		}
		report, _ := c.tick(t, log)
		if tick < 24 {
			continue
		}
		for _, o := range report.Connections[sick:] {
			require.NotNil(t, o.AccessTokenSecondsRemaining)
			least = min(least, *o.AccessTokenSecondsRemaining)
		}
	}
	t.Logf("at least %.0f s left of a healthy one's access token", least)
	require.Greater(t, least, 300.0)
	attempts := map[string]int64{}
	for _, conn := range c.Connections[:sick] {
		e, err := c.store.Store.Read(t.Context(), conn.Names().Ledger)
		require.NoError(t, err)
		attempts[conn.Name] = e[conn.Names().Ledger].Version
	}
	clear(c.broken)
	for range 6 {
		c.clock.Advance(5 * time.Minute)
		c.tick(t, log)
	}
	for _, conn := range c.Connections[:sick] {
		e, err := c.store.Store.Read(t.Context(), conn.Names().Ledger)
		require.NoError(t, err)
		require.Greater(t, e[conn.Names().Ledger].Version, attempts[conn.Name], "the sick ones are not left out either")
	}
	for _, f := range c.em.Families() {
		require.True(t, f.Alive(), "%+v", f.Death)
	}
}

// Too many connections for the time: who is in doubt comes first, then whose
// access token ends first; the others are named, and no heartbeat is sent.
func TestWhoseTurnDoesNotComeIsReported(t *testing.T) {
	c := newCrowd(t, 60, 30, 2.5)
	log := slog.New(slog.DiscardHandler)
	for range 3 {
		c.tick(t, log)
	}
	c.clock.Advance(36 * time.Minute)
	c.announce(t, c.Connections[59])
	c.clock.Advance(3 * time.Minute)

	var logs bytes.Buffer
	report, _ := c.tick(t, slog.New(slog.NewJSONHandler(&logs, nil)))
	require.Equal(t, keeper.Replayed, report.Connections[59].Action, report.Connections[59].Reason)
	served := 0
	for _, o := range report.Connections {
		if o.Action != keeper.Postponed {
			served++
			continue
		}
		require.Contains(t, logs.String(), o.Connection)
		require.NotNil(t, o.FamilyDaysRemaining, "its family counts down all the same")
	}
	require.Greater(t, served, 30)
	require.Less(t, served, 60)
	_, alive := c.value(metrics.Heartbeat)
	require.False(t, alive)
	require.Contains(t, logs.String(), "the time was up")

	report, _ = c.tick(t, log)
	_, alive = c.value(metrics.Heartbeat)
	require.True(t, alive, "the next tick serves them: %v", report.Connections)
}
