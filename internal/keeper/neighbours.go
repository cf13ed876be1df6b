package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// neighbours are the connections that are served side by side, and what is known of each.
type neighbours struct {
	mu  sync.Mutex
	all []family.Connection
	// round counts the times that they were introduced: the ticks.
	round int
	seen  map[string]*seen
	// found is the neighbour by which a token, or a connection, was answered last. It is asked
	// first: where it still owns the token, the others need not be read.
	found map[string]string
	// claims are the tokens that connections present now.
	claims map[string]family.Fingerprint
	// looking: one reading of the neighbours serves all that ask. Connections that are served
	// side by side ask at the same time.
	looking sync.Mutex
}

// seen is what a connection's ledger, TOKEN_FAMILY and REFRESH_TOKEN said in a round.
type seen struct {
	round int
	// at is the local time at which that was read.
	at    time.Time
	state family.State
	// told is, like what a ledger says, what TOKEN_FAMILY tells. It is parsed once, and not for
	// every connection that asks: their number would count twice.
	told  func() family.State
	inbox atlassian.Secret
	// damaged: the ledger says nothing that can be understood. What TOKEN_FAMILY tells is owned,
	// and what REFRESH_TOKEN holds: it would otherwise keep all others from beginning.
	damaged bool
	// unread is why the last reading failed, at the given local time; nil if it did not.
	unread error
	tried  time.Time
}

// recently is how long a reading of a neighbour counts before the own token is presented. If that
// neighbour has presented the same token since, its leeway is still open: ours is a replay then,
// which does no harm.
const recently = family.Leeway - family.Lease

// restTime is how long a failed reading counts. Each of thousands that ask would otherwise
// repeat it, and a store that throttles would never recover.
const restTime = 5 * time.Second

// Introduce tells the keeper, at the begin of a tick, of all connections that are served side by
// side. What is a token of one is not presented for another one: that would spend it, and its
// own connection would lose the family.
func (k *Keeper) Introduce(all []family.Connection) {
	k.neighbours.mu.Lock()
	defer k.neighbours.mu.Unlock()
	k.neighbours.all = slices.Clone(all)
	k.neighbours.round++
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, m := range k.conns {
		if !slices.ContainsFunc(all, func(c family.Connection) bool { return c.Name == name }) {
			m.forget()
		}
	}
}

// note notes what a connection's ledger says now, and what TOKEN_FAMILY and REFRESH_TOKEN held
// last: at the given local time.
func (n *neighbours) note(connection string, at time.Time, state family.State, told store.Entry, inbox atlassian.Secret) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen[connection] = &seen{round: n.round, at: at, state: state, told: toldBy(connection, told), inbox: inbox}
}

// toldBy parses a connection's TOKEN_FAMILY once it is asked for.
func toldBy(connection string, told store.Entry) func() family.State {
	return sync.OnceValue(func() (state family.State) {
		c := family.Connection{Name: connection}
		if r := family.NewSnapshot(c, map[string]store.Entry{c.Names().Family: told}).Told(); r != nil {
			state.Record = *r
		}
		return state
	})
}

// owners returns which neighbours of a connection own one of the tokens, by the tokens'
// fingerprints. An error means that this is not known, so the tokens cannot be presented.
// Neighbours that were not looked at in this round are read: once for all that ask.
func (n *neighbours) owners(ctx context.Context, p parameters, tokens ...atlassian.Secret) (map[family.Fingerprint]string, error) {
	owners := n.recalled(ctx, p, tokens)
	if !slices.ContainsFunc(tokens, func(t atlassian.Secret) bool { return owners[family.FingerprintOf(t)] == "" }) {
		return owners, nil
	}
	others := n.others(p.conn.Name)
	if err := n.look(ctx, p, others, 0); err != nil {
		return nil, fmt.Errorf("it is not known whether another connection owns what %s holds: %w", p.names.RefreshToken, err)
	}
	return n.owning(p.conn.Name, others, tokens), nil
}

// Owner returns the connection, of those that were introduced, that owns what another one's ledger
// is to begin with; "" without one.
func (k *Keeper) Owner(ctx context.Context, conn family.Connection, token atlassian.Secret, log *slog.Logger) (string, error) {
	t := k.open(ctx, conn, log)
	defer t.memory.mu.Unlock()
	if err := t.neighbours.look(ctx, t.parameters, []family.Connection{conn}, 0); err != nil {
		return "", err
	}
	owners, err := t.neighbours.owners(ctx, t.parameters, token)
	return owners[family.FingerprintOf(token)], err
}

// recalled is what the neighbours that owned tokens when these were asked about last still own.
func (n *neighbours) recalled(ctx context.Context, p parameters, tokens []atlassian.Secret) map[family.Fingerprint]string {
	var asked []string
	for _, t := range tokens {
		asked = append(asked, string(family.FingerprintOf(t)))
	}
	some := n.answered(p.conn.Name, asked...)
	if n.look(ctx, p, some, 0) != nil {
		return nil
	}
	return n.owning(p.conn.Name, some, tokens)
}

// owning returns which of some neighbours own tokens.
func (n *neighbours) owning(of string, some []family.Connection, tokens []atlassian.Secret) map[family.Fingerprint]string {
	ours := n.said(of).inbox
	owners, marks := map[family.Fingerprint]string{}, make([]family.Mark, len(tokens))
	for i, token := range tokens {
		marks[i] = family.MarkOf(token)
	}
	for _, c := range some {
		s := n.said(c.Name)
		for i, m := range marks {
			moved := tokens[i] == s.inbox && (tokens[i] != ours || s.damaged) && !s.inbox.IsZero() // a person has put it right
			if moved || family.Owns(s.state, m) || family.Owns(s.told(), m) {
				owner := family.FingerprintOf(tokens[i])
				owners[owner] = c.Name
				n.answer(string(owner), c.Name)
			}
		}
	}
	return owners
}

// ahead returns the neighbour that has gone on with a connection's own tokens; "" without one. An
// error means that this is not known.
func (n *neighbours) ahead(ctx context.Context, p parameters, own family.State, now time.Time) (by string, err error) {
	of, within := p.conn.Name, recently
	if family.LeftAlone(own, now) {
		within = 0
	}
	for _, some := range [][]family.Connection{n.answered(of, of), n.others(of)} {
		if err = n.look(ctx, p, some, within); err != nil {
			err = fmt.Errorf("it is not known whether another connection has gone on with this one's tokens: %w", err)
		}
		for _, c := range some {
			if s := n.said(c.Name); family.Ahead(s.state, own, now) || family.Ahead(s.told(), own, now) {
				n.answer(of, c.Name)
				return c.Name, nil
			}
		}
	}
	return "", err
}

// answer notes by which neighbour something was answered, and answered are the neighbours by
// which it was.
func (n *neighbours) answer(asked, by string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.found[asked] = by
}

func (n *neighbours) answered(of string, asked ...string) []family.Connection {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(n.all), func(c family.Connection) bool {
		return c.Name == of || !slices.ContainsFunc(asked, func(a string) bool { return n.found[a] == c.Name })
	})
}

// lookTime is what must be left of the invocation to look at some more neighbours.
const lookTime = family.PostTimeout + family.SaveReserve

var errNotAsked = errors.New("the store fails, or the invocation has no time left to look at all neighbours")

// look looks at those of some neighbours that were not looked at in this round, nor within the given
// time. Two calls that fail tell that the store is away: then the others are not asked for.
func (n *neighbours) look(ctx context.Context, p parameters, some []family.Connection, within time.Duration) error {
	if len(some) > 0 {
		some = n.missing(some, p.clock.local(), within)
	}
	if len(some) == 0 || len(n.unseen(some, p.clock.local())) == 0 {
		return n.unread(some)
	}
	n.looking.Lock()
	defer n.looking.Unlock()
	failures := 0
	for few := range slices.Chunk(n.unseen(some, p.clock.local()), store.NamesPerCall/3) {
		var entries map[string]store.Entry
		failed := errNotAsked
		if failures < 2 && p.clock.left(lookTime) {
			if entries, failed = parametersOf(ctx, p, few); failed != nil {
				failures, failed = failures+1, fmt.Errorf("%s and its neighbours: %w", few[0].Names().Ledger, failed)
			}
		}
		for _, c := range few {
			n.read(ctx, p, c, entries, failed)
		}
	}
	return n.unread(some)
}

func (n *neighbours) others(of string) []family.Connection {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(n.all), func(c family.Connection) bool { return c.Name == of })
}

// missing are those of some connections that were not seen within the given time.
func (n *neighbours) missing(some []family.Connection, now time.Time, within time.Duration) []family.Connection {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(some), func(c family.Connection) bool {
		s := n.seen[c.Name]
		return s != nil && elapsed(s.at, now) < within
	})
}

// unseen are those of some connections that are to be looked at.
func (n *neighbours) unseen(some []family.Connection, now time.Time) []family.Connection {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(some), func(c family.Connection) bool {
		s := n.seen[c.Name]
		return s != nil && (s.round == n.round || s.unread != nil && elapsed(s.tried, now) < restTime)
	})
}

// unread is why some connections could not be looked at in this round; each reason once.
func (n *neighbours) unread(some []family.Connection) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	var errs []error
	for _, c := range some {
		if s := n.seen[c.Name]; s != nil && s.unread != nil && !slices.Contains(errs, s.unread) {
			errs = append(errs, s.unread)
		}
	}
	return errors.Join(errs...)
}

// said is what a connection's parameters said last.
func (n *neighbours) said(connection string) seen {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.seen[connection]; s != nil {
		return *s
	}
	return seen{told: func() family.State { return family.State{} }}
}

// read notes what the parameters of a neighbour say, or why they could not be read. Where the
// newest version of a ledger is no entry of it, the last valid one tells. What the connection
// itself has noted meanwhile is newer.
func (n *neighbours) read(ctx context.Context, p parameters, c family.Connection, entries map[string]store.Entry, failed error) {
	names := c.Names()
	now := &seen{at: p.clock.local(), told: toldBy(c.Name, entries[names.Family]), inbox: family.FieldOf(entries[names.RefreshToken]).Value}
	err := failed
	if err == nil {
		now.state, now.damaged, err = stateOf(ctx, p, c, entries[names.Ledger])
	}
	if now.damaged && !now.told().Empty() {
		p.log.Warn("a ledger beside this one is damaged: what it owns is known by its copies", "error", err)
		err = nil
	}
	old := n.said(c.Name)
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.seen[c.Name]; s != nil && s.round == n.round {
		return
	}
	if err != nil {
		old.unread, old.tried = err, p.clock.local()
		n.seen[c.Name] = &old
		return
	}
	now.round = n.round
	n.seen[c.Name] = now
}

// stateOf is what a neighbour's ledger says, given its newest version.
func stateOf(ctx context.Context, p parameters, c family.Connection, newest store.Entry) (s family.State, damaged bool, err error) {
	name := c.Names().Ledger
	e := ledger.Peek(newest, c.Name)
	if e.State.IsZero() && newest.Version > 0 {
		l := ledger.Ledger{Log: ledger.Parameter{Store: p.Store, Name: name}, Of: c.Name}
		if e, err = l.Newest(ctx, newest); err != nil {
			return s, false, fmt.Errorf("%s: %w", name, err)
		}
	}
	if s, err = family.ParseState(e.State, e.Written, c.Name); err != nil {
		return family.State{}, true, fmt.Errorf("%s: %w", name, err)
	}
	return s, false, nil
}

// without returns versions of REFRESH_TOKEN without those that neighbours own, and the owner of
// the newest of these; "" if there are none. What was stored before those is no token to begin
// with: it may be an older one. Unless all are asked, only those that were owners before are.
func (n *neighbours) without(ctx context.Context, p parameters, versions []store.Entry, all bool) (own []store.Entry, owner string, err error) {
	var tokens []atlassian.Secret
	for _, e := range versions {
		tokens = append(tokens, family.FieldOf(e).Value)
	}
	owners := n.recalled(ctx, p, tokens)
	if all {
		owners, err = n.owners(ctx, p, tokens...)
	}
	for i, e := range versions {
		if one := owners[family.FingerprintOf(tokens[i])]; one != "" {
			owner = one
		} else {
			own = append(own, e)
		}
	}
	return own, owner, err
}

// parametersOf reads TOKEN_LEDGER, TOKEN_FAMILY and REFRESH_TOKEN of some connections. Those to
// which access is denied are missing.
func parametersOf(ctx context.Context, p parameters, some []family.Connection) (map[string]store.Entry, error) {
	var names []string
	for _, c := range some {
		names = append(names, c.Names().Ledger, c.Names().Family, c.Names().RefreshToken)
	}
	entries, err := p.Read(ctx, names...)
	if !errors.Is(err, store.ErrDenied) {
		return entries, err
	}
	entries = map[string]store.Entry{}
	for _, name := range names {
		one, err := p.Read(ctx, name)
		if err != nil && !errors.Is(err, store.ErrDenied) {
			return nil, err
		}
		maps.Copy(entries, one)
	}
	return entries, nil
}
