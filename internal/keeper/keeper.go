package keeper

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// TokenEndpoint is the one thing asked of Atlassian here; *atlassian.Client is one.
type TokenEndpoint interface {
	// Refresh presents a refresh token, once. Its error is an *atlassian.Error.
	Refresh(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error)
}

// Config is what a Keeper works with. Store, Token and Process are needed.
type Config struct {
	Store store.Store
	Token TokenEndpoint
	// Sites tells, once a day, whether a connection's site is still reached; nil asks
	// nobody.
	Sites SiteLister
	// Process names this process, uniquely among all that share the store.
	Process string
	// Now is the local clock; nil means time.Now. Times with a monotonic reading
	// let the keeper notice that it was paused.
	Now func() time.Time
	// Sleep waits between attempts; it returns early when ctx ends. nil means
	// [Sleep].
	Sleep func(ctx context.Context, d time.Duration)
	// Together runs what does not depend on each other, and returns when all is
	// done; nil means side by side.
	Together func(tasks ...func())
}

// Keeper keeps token families alive. One Keeper serves a whole process: it
// remembers what it received and could not save. Its methods may be called
// concurrently; those for one connection wait for each other.
type Keeper struct {
	Config
	mu    sync.Mutex
	conns map[string]*memory
	// asked is when this process asked for a connection's sites last.
	asked time.Time
	// entries counts the entries that this process has composed.
	entries atomic.Int64
	// neighbours tell whose a strange token is.
	neighbours neighbours
}

// New returns a Keeper.
func New(c Config) *Keeper {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Sleep == nil {
		c.Sleep = Sleep
	}
	if c.Together == nil {
		c.Together = together
	}
	k := &Keeper{Config: c, conns: map[string]*memory{}}
	k.neighbours.seen, k.neighbours.found, k.neighbours.claims = map[string]*seen{}, map[string]string{}, map[string]family.Fingerprint{}
	return k
}

// tick is one running tick, or consent, of one connection.
type tick struct {
	journal
	// lock is psoxy's lock, where this tick holds it, and lockedAt when taking it
	// began, by the local clock.
	lock     *psoxy.Lock
	lockedAt time.Time
	// interleaved: somebody may have written REFRESH_TOKEN between this tick's reading
	// and its writing.
	interleaved bool
}

// Tick looks after one connection: it reads, decides, and carries the decision
// out. It does not return before what it received is saved or the time is up,
// even when ctx is cancelled. What it does goes to log.
func (k *Keeper) Tick(ctx context.Context, conn family.Connection, log *slog.Logger) Outcome {
	t := k.open(ctx, conn, log)
	defer t.memory.mu.Unlock()
	defer t.neighbours.release(conn.Name)
	out := t.run(ctx).ofFamily(t.memory.known.Record)
	// psoxy's lock is kept in two cases. Another process is at work, and our lock may have
	// replaced its lock. Or what lies under our copy is not read yet, and psoxy would destroy it.
	if out.Action != Contended && !t.interleaved {
		t.unlock(ctx)
	}
	report(t.log, out)
	return out
}

// open begins work on a connection, once nobody else in this process is at it.
// The caller unlocks t.memory.mu.
func (k *Keeper) open(ctx context.Context, conn family.Connection, log *slog.Logger) *tick {
	p := parameters{Store: k.Store, conn: conn, names: conn.Names(), clock: &clock{local: k.Now}, sleep: k.Sleep, log: log.With(slog.String("connection", conn.Name))}
	p.clock.deadline, _ = ctx.Deadline()
	k.mu.Lock()
	m := k.conns[conn.Name]
	if m == nil {
		m = &memory{ledger: &ledger.Ledger{Log: ledger.Parameter{Store: k.Store, Name: p.names.Ledger}, Of: conn.Name}}
		k.conns[conn.Name] = m
	}
	k.mu.Unlock()
	m.mu.Lock()
	return &tick{journal: journal{Keeper: k, parameters: p, memory: m}}
}

// newMark is unique to one entry of a ledger.
func (k *Keeper) newMark() string {
	return k.Process + "/" + strconv.FormatInt(k.entries.Add(1), 10)
}

// rounds is how often a tick looks. It looks again after it has put something in order, and
// after it has taken psoxy's lock.
const rounds = 5

func (t *tick) run(ctx context.Context) (out Outcome) {
	var rotated Outcome // by an earlier round
	for range rounds {
		v, err := t.look(ctx)
		if err != nil {
			return Outcome{Connection: t.conn.Name, Urgent: true}.as(Failed, "reading the parameters failed: %v", err)
		}
		t.interleaved = false
		d := family.Decide(v.Snapshot, t.conn.Policy)
		var again bool
		if out, again = t.carryOut(ctx, v, d); !again && !t.interleaved {
			break
		}
		if out.Action == Rotated || out.Action == Replayed {
			rotated = out
		}
	}
	if out.Action == Idle && rotated.Action != "" {
		return out.as(rotated.Action, "%s", rotated.Reason)
	}
	return out
}

// carryOut carries a decision out. again means that this changed the situation, and
// that a new decision is needed.
func (t *tick) carryOut(ctx context.Context, v view, d family.Decision) (out Outcome, again bool) {
	out = Outcome{Connection: t.conn.Name, Urgent: d.Urgent(v.Now) || v.Held != nil}
	out.describe(v.State.Record, v.Now, t.conn.Policy)
	switch {
	case d.Action == family.SettleHeld:
		return t.settleHeld(ctx, v, d, out)
	case d.Action == family.Adopt:
		out, again = t.adopt(ctx, v, out)
		// Only a person can mend what is stored or denied; a spend in doubt cannot wait.
		out.Urgent = out.Urgent && (out.Action != Misconfigured || !d.FirstSpend.IsZero())
		return out, again
	case d.Action.Presents():
		return t.present(ctx, v, d, out)
	}
	return t.rest(ctx, v, d, out.as(d.Action, "%s", d.Reason)), false
}

// present presents a token, unless another connection has gone on with the family's.
// Beside psoxy that is done under psoxy's lock.
func (t *tick) present(ctx context.Context, v view, d family.Decision, out Outcome) (_ Outcome, again bool) {
	if family.OfOwnFamily(v.Snapshot, d) {
		other, err := t.neighbours.ahead(ctx, t.parameters, v.State, v.Now)
		waits := family.LeftAlone(v.State, v.Now) && t.memory.waitsFor(err, v.Now)
		switch {
		case other != "":
			return out.as(Misconfigured, "%s has gone on with the tokens of this connection, and would lose them: delete the parameters of this one, or consent for it", other), false
		case waits && !d.Urgent(v.Now):
			return out.as(Failed, "%v; for ten minutes nothing is presented", err), false
		case err != nil:
			t.log.Warn("a token is presented though another connection may have gone on with it", "error", err)
		}
	}
	if !v.Shared() || t.lock != nil {
		return presentClaimed(ctx, t, v, d, out)
	}
	switch err := t.takeLock(ctx, v, d); {
	case errors.Is(err, store.ErrDenied):
		return out.as(Misconfigured, "psoxy's lock cannot be taken, and without it nothing may be presented beside psoxy: %v", err), false
	case err != nil:
		return out.as(Contended, "psoxy's lock cannot be taken: %v", err), !errors.Is(err, psoxy.ErrLocked)
	}
	return out, true // what was read may have changed before
}

// rest ends a tick that presents nothing: it repairs copies, and asks about the site.
func (t *tick) rest(ctx context.Context, v view, d family.Decision, out Outcome) Outcome {
	if d.Action == family.Contended || v.State.Empty() {
		return out
	}
	out.Urgent = out.Urgent && out.Action.Unfinished()
	t.noteDeletion(ctx, &v)
	out = t.publish(ctx, v, d, out)
	if out.Action.Healthy() {
		out = t.askSite(ctx, v, out)
	}
	return out
}
