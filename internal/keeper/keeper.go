package keeper

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync"
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
	mu      sync.Mutex
	conns   map[string]*memory
	entries int
	// neighbours tell whose a strange token is.
	neighbours neighbours
	// asked is when this process asked for a connection's sites last.
	asked time.Time
}

// memory is what a process remembers of a connection between ticks.
type memory struct {
	mu     sync.Mutex
	ledger *ledger.Ledger
	// held is a pair that is not in the ledger yet.
	held *family.Receipt
	// known is what the ledger said last. One that was deleted may have begun anew
	// without it.
	known family.State
	// access is the newest access token that this process received or read, and
	// expires when it does: so that a copy can be repaired, or get another form.
	access  atlassian.Secret
	expires time.Time
	// entry is the ledger's entry that was parsed last, and state what it says.
	entry ledger.Entry
	state family.State
	// siteAfter is when Atlassian may be asked for the sites again.
	siteAfter time.Time
	// judged is what was judged of REFRESH_TOKEN.
	judged family.Judged
	// left is the last lock of psoxy's that was read. Psoxy deletes a stale one.
	left family.Field
	// wrote are psoxy's access tokens, as far as was read, and met is a lock of psoxy's that
	// kept a tick from taking its own.
	wrote []family.Field
	met   family.Field
	// told is TOKEN_FAMILY as it was read last, and inbox what REFRESH_TOKEN held then.
	told  store.Entry
	inbox atlassian.Secret
	// versions are the last ones of REFRESH_TOKEN that were read.
	versions []store.Entry
}

// note notes what versions of ACCESS_TOKEN tell of psoxy.
func (m *memory) note(s *family.Snapshot, versions ...store.Entry) {
	if wrote := family.PsoxysWrites(s.State.Record, versions...); len(wrote) > 0 {
		m.wrote = wrote
	}
	s.Wrote, s.Met = m.wrote, m.met
}

// compare compares what was read with what this process knows. Where the ledger
// was deleted and has begun anew without the tokens that are known, these are
// settled once more.
func (m *memory) compare(s *family.Snapshot, access store.Entry) {
	if s.State.Record.Refresh != m.known.Record.Refresh {
		m.left = family.Field{} // it told of another token
	}
	if lock := s.PsoxysLock(); lock.Version > 0 {
		m.left = lock
	}
	m.note(s, access)
	s.Left = m.left
	if !s.State.Empty() {
		if m.held == nil && !s.State.Knows(m.known) {
			m.held = m.known.Receipt()
		}
		m.known = s.State
	}
	newest := s.State.Record
	if m.held == nil && newest.Access != "" && family.FingerprintOf(s.AccessToken.Value) == newest.Access {
		m.keepAccess(s.AccessToken.Value, newest.AccessExpiresAt)
	}
	s.Held, s.Known = m.held, m.known
	s.HoldsAccess = family.FingerprintOf(m.access) == newest.Access && !m.access.IsZero()
}

// recall returns versions of REFRESH_TOKEN with the values that this process has read. On
// Google Cloud psoxy destroys those under the one it adds.
func (m *memory) recall(versions []store.Entry) []store.Entry {
	for i, e := range versions {
		if at := m.remembered(e); e.Value.IsZero() && at >= 0 {
			versions[i].Value = m.versions[at].Value
		}
	}
	m.remember(versions...)
	return versions
}

// remember remembers the last versions of REFRESH_TOKEN that were read.
func (m *memory) remember(versions ...store.Entry) {
	const kept = 8
	for _, e := range versions[max(0, len(versions)-kept):] {
		if !e.Value.IsZero() && m.remembered(e) < 0 {
			m.versions = append(m.versions[max(0, len(m.versions)-kept+1):], e)
		}
	}
}

// remembered is the place of a version that is remembered, or -1.
func (m *memory) remembered(e store.Entry) int {
	return slices.IndexFunc(m.versions, func(o store.Entry) bool { return o.Version == e.Version && o.Modified.Equal(e.Modified) })
}

// parse reads what an entry says, once.
func (m *memory) parse(e ledger.Entry, connection string) (family.State, error) {
	if e != m.entry || e.Version == 0 {
		state, err := family.ParseState(e.State, e.Written, connection)
		if err != nil {
			return family.State{}, err
		}
		if e.Version <= m.entry.Version { // begun anew, perhaps by a process that has judged less
			m.judged = family.Judged{}
		}
		m.entry, m.state = e, state
	}
	return m.state, nil
}

// keepAccess remembers the newest access token.
func (m *memory) keepAccess(token atlassian.Secret, expires time.Time) {
	m.access, m.expires = token, expires
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
	return &Keeper{Config: c, conns: map[string]*memory{}}
}

// tick is one running tick, or consent, of one connection.
type tick struct {
	*Keeper
	journal
	memory *memory
	names  family.Names
	// lock is psoxy's lock, where this tick holds it, and lockedAt when taking it
	// began, by the local clock.
	lock     *psoxy.Lock
	lockedAt time.Time
	// interleaved: somebody may have written REFRESH_TOKEN between this tick's reading
	// and its writing.
	interleaved bool
	log         *slog.Logger
}

// Tick looks after one connection: it reads, decides, and carries the decision
// out. It does not return before what it received is saved or the time is up,
// even when ctx is cancelled. What it does goes to log.
func (k *Keeper) Tick(ctx context.Context, conn family.Connection, log *slog.Logger) Outcome {
	t := k.open(ctx, conn, log)
	defer t.memory.mu.Unlock()
	out := t.run(ctx).of(t.memory.known.Record)
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
	t := &tick{Keeper: k, journal: journal{conn: conn}, names: conn.Names(), log: log.With(slog.String("connection", conn.Name))}
	k.mu.Lock()
	t.memory = k.conns[conn.Name]
	if t.memory == nil {
		t.memory = &memory{ledger: &ledger.Ledger{Log: ledger.Parameter{Store: k.Store, Name: t.names.Ledger}, Of: conn.Name}}
		k.conns[conn.Name] = t.memory
	}
	k.mu.Unlock()
	t.memory.mu.Lock()
	t.clock = &clock{local: k.Now}
	t.clock.deadline, _ = ctx.Deadline()
	t.params = parameters{Store: k.Store, names: t.names, clock: t.clock, sleep: k.Sleep, log: t.log}
	t.ledger, t.mark = t.memory.ledger, k.newMark
	t.news = func(s family.State) { k.neighbours.note(conn.Name, s, t.memory.told, t.memory.inbox) }
	return t
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

// view is a connection as it was looked at, with the ledger's entry.
type view struct {
	family.Snapshot
	base ledger.Entry
	// copies are the parameters as they stand, untrimmed.
	copies map[string]store.Entry
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
		return guarded(ctx, t, v, d, out)
	}
	return t.rest(ctx, v, d, out.as(d.Action, "%s", d.Reason)), false
}

// guarded presents a token, once it is known that no neighbour has gone on with the ledger's own,
// and beside psoxy under its lock.
func guarded(ctx context.Context, t *tick, v view, d family.Decision, out Outcome) (_ Outcome, again bool) {
	if d.Candidate.Version == 0 && family.LeftAlone(v.State, v.Now) {
		if other := t.neighbours.ahead(ctx, t.conn.Name, t.params, v.State); other != "" {
			return out.as(Misconfigured, "%s has gone on with the tokens of this connection, and would lose them: delete the parameters of this one, or consent for it", other), false
		}
	}
	if !v.Shared() || t.lock != nil {
		return t.rotate(ctx, v, d, out)
	}
	switch err := t.takeLock(ctx, v, d); {
	case errors.Is(err, store.ErrDenied):
		return out.as(Misconfigured, "psoxy's lock cannot be taken, and without it nothing may be presented beside psoxy: %v", err), false
	case err != nil:
		return out.as(Contended, "psoxy's lock cannot be taken: %v", err), !errors.Is(err, psoxy.ErrLocked)
	}
	return out, true // what was read may have changed before
}

// rest ends a tick that presents nothing: copies are repaired, and the site is asked
// for.
func (t *tick) rest(ctx context.Context, v view, d family.Decision, out Outcome) Outcome {
	if d.Action == family.Contended || v.State.Empty() {
		return out
	}
	out.Urgent = out.Urgent && out.Action.Unfinished()
	t.note(ctx, &v)
	out = t.publish(ctx, v, d, out)
	if out.Action.Healthy() {
		out = t.askSite(ctx, v, out)
	}
	return out
}

// look reads the connection, and the history of its inbox where something in it
// is not judged yet.
func (t *tick) look(ctx context.Context) (view, error) {
	copies, denied, err := t.params.read(ctx)
	if err != nil {
		return view{}, err
	}
	v := view{Snapshot: family.NewSnapshot(t.conn, copies), copies: copies}
	v.Process, v.Denied = t.Process, denied
	v.Now = t.clock.set(v.Now)
	if v.base, err = t.params.settled(ctx, t.ledger, copies[t.names.Ledger]); err != nil {
		return view{}, err
	}
	v.Written = v.base.Written
	if v.State, err = t.memory.parse(v.base, t.conn.Name); err != nil {
		return view{}, describeState(t.names.Ledger, err)
	}
	t.memory.told, t.memory.inbox = v.Family, v.RefreshToken.Value
	t.news(v.State)
	v.Aside = Aside(copies[t.names.Ledger], v.base, t.conn.Name)
	v.Snapshot = family.Corrected(v.Snapshot)
	v.Judged = t.memory.judged
	if t.lock != nil && t.lock.Value == v.Lock.Value {
		v.Lock = family.Field{}
	} else {
		t.lock = nil // another tick has taken it over
	}
	t.memory.compare(&v.Snapshot, copies[t.names.AccessToken])
	v.AccessFormat = family.Form(v.Snapshot)
	t.memory.remember(copies[t.names.RefreshToken])
	if v.State.Empty() || v.InboxSettled() {
		return v, nil
	}
	err = t.offer(ctx, &v)
	return v, err
}

// offer reads the history of REFRESH_TOKEN.
func (t *tick) offer(ctx context.Context, v *view) error {
	history, err := t.params.history(ctx, t.names.RefreshToken, 0, v.RefreshToken.Version)
	if errors.Is(err, store.ErrDenied) {
		t.log.Error("a parameter's history cannot be read; only its newest version is judged", "parameter", t.names.RefreshToken, "error", err)
		history, v.Partial, err = []store.Entry{v.copies[t.names.RefreshToken]}, true, nil
	}
	v.Offer(t.memory.recall(history))
	if err == nil && v.Puzzles() {
		if access, err := t.params.history(ctx, t.names.AccessToken, 0, 0); err == nil {
			t.memory.note(&v.Snapshot, access...)
		}
	}
	owners, unknown := t.neighbours.owners(ctx, t.conn.Name, t.params, family.Strangers(v.Snapshot)...)
	if v.Owners = owners; unknown != nil {
		t.log.Error("a token is not presented yet", "error", unknown)
		v.Snapshot = family.WithoutStrangers(v.Snapshot)
	}
	return err
}

// newMark is unique to one entry of a ledger.
func (k *Keeper) newMark() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.entries++
	return k.Process + "/" + strconv.Itoa(k.entries)
}
