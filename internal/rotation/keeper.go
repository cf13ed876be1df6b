package rotation

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// TokenEndpoint is the one thing asked of Atlassian here; *atlassian.Client is one.
type TokenEndpoint interface {
	// Refresh presents a refresh token, once. Its error is an *atlassian.Error.
	Refresh(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error)
}

// Connection is one connection and its policy.
type Connection struct {
	// Name is the prefix of its parameters' names.
	Name   string
	Policy family.Policy
}

// Config is what a Keeper works with. All fields are needed.
type Config struct {
	Store store.Store
	Token TokenEndpoint
	// Now is the clock. Times with a monotonic reading, as time.Now's, let the
	// keeper notice that it was paused.
	Now func() time.Time
	// Sleep waits between attempts to save; it returns early when ctx ends.
	Sleep func(ctx context.Context, d time.Duration)
	// Process names this process, uniquely among all that share the store; it
	// holds no "/".
	Process string
}

// Keeper keeps token families alive. One Keeper serves a whole process: it
// remembers what it received and could not save, and what it wrote. Its methods
// may be called concurrently; ticks of one connection wait for each other.
type Keeper struct {
	Config
	mu    sync.Mutex
	conns map[string]*connState
	taken int
}

// connState is what a process remembers of a connection between ticks.
type connState struct {
	mu    sync.Mutex
	names family.Names
	// held is received and not saved; see family.Held.
	held *family.Held
	// overtaken is the lock of another that this process last began to take over.
	overtaken *family.Lock
	// seen are the newest versions this process read or wrote.
	seen map[string]sighting
}

// New returns a Keeper.
func New(c Config) *Keeper {
	return &Keeper{Config: c, conns: map[string]*connState{}}
}

// tick is one tick of one connection under way.
type tick struct {
	*Keeper
	conn  Connection
	names family.Names
	state *connState
	// repaired: this tick has put the store in order, and begun anew.
	repaired bool
	// deadline is when the invocation ends; zero if it does not.
	deadline time.Time
	log      *slog.Logger
}

// Tick looks after one connection: it reads, decides, and carries the decision
// out. It does not return before what it received is saved or the time is up,
// even when ctx is cancelled. What it does goes to log.
func (k *Keeper) Tick(ctx context.Context, conn Connection, log *slog.Logger) Outcome {
	t := k.open(ctx, conn, log)
	defer t.state.mu.Unlock()
	out := t.run(ctx)
	t.report(out)
	return out
}

// open begins work on a connection, once nobody else in this process is at it.
// The caller unlocks t.state.mu.
func (k *Keeper) open(ctx context.Context, conn Connection, log *slog.Logger) *tick {
	k.mu.Lock()
	state := k.conns[conn.Name]
	if state == nil {
		state = &connState{names: family.NamesOf(conn.Name), seen: map[string]sighting{}}
		k.conns[conn.Name] = state
	}
	k.mu.Unlock()
	state.mu.Lock()
	t := &tick{Keeper: k, conn: conn, names: state.names, state: state,
		log: log.With(slog.String("connection", conn.Name))}
	t.deadline, _ = ctx.Deadline()
	return t
}

func (t *tick) run(ctx context.Context) Outcome {
	none := Outcome{Connection: t.conn.Name}
	s, err := t.read(ctx)
	if err != nil {
		none.Urgent = true // for all that is known
		return none.as(Failed, "reading the parameters failed: %v", err)
	}
	if t.state.held != nil && t.superseded(s) {
		t.log.Warn("a newer consent or rotation is stored: the tokens held in memory are dropped")
		t.state.held = nil
	}
	s.Held = t.state.held

	now := t.Now()
	d := family.Decide(s, now, t.conn.Policy)
	out := none
	out.describe(d.Record, now, t.conn.Policy)
	again := false
	switch d.Action {
	case family.SaveHeld:
		out = t.saveHeld(ctx, s, d, out)
	case family.Restore:
		out, again = t.restore(ctx, s, d, out)
	case family.Reconcile:
		out, again = t.reconcile(ctx, s, d, out)
	case family.Rotate, family.Replay, family.LateProbe:
		out = t.rotate(ctx, s, d, out)
	default:
		out = out.as(reported[d.Action], "%s", d.Reason)
	}
	if again && !t.repaired {
		t.repaired = true
		return t.run(ctx)
	}
	out.Urgent = out.Action.Unfinished() && d.LastChance(now)
	return out
}

// reported maps the decisions that do nothing to their names in the report.
var reported = map[family.Action]Action{
	family.Idle:          Idle,
	family.AwaitConsent:  AwaitingConsent,
	family.Misconfigured: Misconfigured,
	family.Contended:     Contended,
	family.StayStopped:   Refused,
	family.HoldInDoubt:   InDoubt,
	family.HoldRetry:     Failed,
}

// read reads the whole connection in one call.
func (t *tick) read(ctx context.Context) (family.Snapshot, error) {
	n := t.names
	entries, err := t.reread(ctx, n.ClientID, n.ClientSecret, n.RefreshToken, n.AccessToken, n.Family, n.Lock)
	if err != nil {
		return family.Snapshot{}, err
	}
	for _, name := range []string{n.ClientSecret, n.RefreshToken, n.AccessToken} {
		if e, ok := entries[name]; ok && e.Kind == store.Plain {
			t.log.Warn("a secret is stored as a String, unencrypted: store it as a SecureString", "parameter", name)
		}
	}
	s := family.NewSnapshot(t.conn.Name, entries)
	s.Process = t.Process
	return s, nil
}

// errStale: the store answered with less than this process has already seen.
var errStale = errors.New("the store keeps answering with an older version than this process has seen")

// reread reads the given names, and again if the call fails or its answer is stale.
func (t *tick) reread(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	for attempt := 0; ; attempt++ {
		entries, err := t.Store.Read(ctx, names...)
		if err == nil && t.stale(entries) {
			err = errStale
		}
		if err == nil {
			for _, name := range names {
				if name == t.names.RefreshToken || name == t.names.Family {
					t.saw(name, entries[name].Version)
				}
			}
			return entries, nil
		}
		if attempt == readAttempts-1 || ctx.Err() != nil {
			return nil, err
		}
		t.Sleep(ctx, pause(attempt))
	}
}

// sighting is the newest version of a parameter this process knows, and since when.
type sighting struct {
	version int64
	at      time.Time
}

// staleFor is how long a lower version counts as a stale read. After that the
// parameter must have been deleted and created anew.
const staleFor = 2 * time.Minute

// stale reports whether an answer misses a version that this process knows.
func (t *tick) stale(entries map[string]store.Entry) bool {
	for name, seen := range t.state.seen {
		if e, ok := entries[name]; ok && e.Version < seen.version && elapsed(seen.at, t.Now()) < staleFor {
			return true
		}
	}
	return false
}

// saw remembers a version that was read or written.
func (t *tick) saw(name string, version int64) {
	if version != t.state.seen[name].version {
		t.state.seen[name] = sighting{version, t.Now()}
	}
}

// owner names one taking of a lock.
func (k *Keeper) owner() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.taken++
	return k.Process + "/" + strconv.Itoa(k.taken)
}

// left reports whether the invocation has at least d left.
func (t *tick) left(d time.Duration) bool {
	return t.deadline.IsZero() || t.deadline.Sub(t.Now()) >= d
}

func (t *tick) report(o Outcome) {
	level := slog.LevelInfo
	if !o.Action.Healthy() {
		level = slog.LevelError
	}
	attrs := []slog.Attr{slog.String("action", string(o.Action)), slog.String("reason", o.Reason), slog.Int("generation", o.Generation)}
	if o.FamilyDaysRemaining != nil {
		attrs = append(attrs, slog.Float64("family_days_remaining", *o.FamilyDaysRemaining))
	}
	t.log.LogAttrs(context.Background(), level, "tick", attrs...)
}

// How often reads and the calls around the lock are tried, and how long the
// pauses between attempts are.
const (
	readAttempts = 3
	firstPause   = 200 * time.Millisecond
	longestPause = 3 * time.Second
)

// pause is the wait after the given attempt, counted from 0.
func pause(attempt int) time.Duration {
	return min(longestPause, firstPause<<min(attempt, 10))
}

// elapsed is the time from a to b by the clock that saw more of it: the
// monotonic one misses a suspended machine, the wall clock can be set back.
func elapsed(a, b time.Time) time.Duration {
	return max(b.Sub(a), b.Round(0).Sub(a.Round(0)))
}
