package keeper

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

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
	seen  map[string]seen
}

// seen is what a connection's ledger, TOKEN_FAMILY and REFRESH_TOKEN said in a round.
type seen struct {
	round  int
	state  family.State
	family store.Entry
	inbox  atlassian.Secret
}

// Introduce tells the keeper, at the begin of a tick, of all connections that are served side by
// side. What is a token of one is not presented for another one: that would spend it, and its
// own connection would lose the family.
func (k *Keeper) Introduce(all []family.Connection) {
	k.neighbours.mu.Lock()
	defer k.neighbours.mu.Unlock()
	k.neighbours.all = slices.Clone(all)
	k.neighbours.round++
}

// note notes what a connection's ledger says now, and what TOKEN_FAMILY and REFRESH_TOKEN held
// last.
func (n *neighbours) note(connection string, state family.State, told store.Entry, inbox atlassian.Secret) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seen == nil {
		n.seen = map[string]seen{}
	}
	n.seen[connection] = seen{n.round, state, told, inbox}
}

// owners returns which neighbours of a connection own one of the tokens, by the tokens'
// fingerprints. An error means that this is not known, so the tokens cannot be presented.
// Neighbours that were not looked at in this round are read: once for all that ask.
func (n *neighbours) owners(ctx context.Context, of string, p parameters, tokens ...atlassian.Secret) (map[family.Fingerprint]string, error) {
	if len(tokens) == 0 {
		return nil, nil
	}
	if err := n.look(ctx, of, p); err != nil {
		return nil, fmt.Errorf("it is not known whether another connection owns what %s holds: %w", p.names.RefreshToken, err)
	}
	ours := n.said(family.Connection{Name: of}).inbox
	owners, marks := map[family.Fingerprint]string{}, make([]family.Mark, len(tokens))
	for i, token := range tokens {
		marks[i] = family.MarkOf(token)
	}
	for _, c := range n.others(of, false) {
		s := n.said(c)
		for i, m := range marks {
			moved := tokens[i] == s.inbox && tokens[i] != ours && !s.inbox.IsZero() // a person has put it right
			if moved || family.Owns(s.state, m) || family.Owns(s.told(c), m) {
				owners[family.FingerprintOf(tokens[i])] = c.Name
			}
		}
	}
	return owners, nil
}

// ahead returns the neighbour that has gone on with a connection's own tokens; "" without one, or
// where that is not known.
func (n *neighbours) ahead(ctx context.Context, of string, p parameters, own family.State) string {
	if err := n.look(ctx, of, p); err != nil {
		p.log.Warn("it is not known whether another connection has gone on with this one's tokens", "error", err)
	}
	for _, c := range n.others(of, false) {
		if s := n.said(c); family.Ahead(s.state, own) || family.Ahead(s.told(c), own) {
			return c.Name
		}
	}
	return ""
}

// look looks at the neighbours of a connection that were not looked at in this round.
func (n *neighbours) look(ctx context.Context, of string, p parameters) error {
	var errs []error
	for some := range slices.Chunk(n.others(of, true), store.NamesPerCall/3) {
		errs = append(errs, n.read(ctx, p, some))
	}
	return errors.Join(errs...)
}

// others are the neighbours of a connection, or those that were not looked at in this round.
func (n *neighbours) others(of string, unseen bool) []family.Connection {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(n.all), func(c family.Connection) bool {
		s, known := n.seen[c.Name]
		return c.Name == of || unseen && known && s.round == n.round
	})
}

// said is what a connection's parameters said last.
func (n *neighbours) said(c family.Connection) seen {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.seen[c.Name]
}

// told is, like what a ledger says, what TOKEN_FAMILY tells.
func (s seen) told(c family.Connection) (state family.State) {
	if r := family.NewSnapshot(c, map[string]store.Entry{c.Names().Family: s.family}).Told(); r != nil {
		state.Record = *r
	}
	return state
}

// read looks at some neighbours. Where the newest version of a ledger is no entry of it, the last
// valid one tells.
func (n *neighbours) read(ctx context.Context, p parameters, some []family.Connection) error {
	entries, err := parametersOf(ctx, p, some)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range some {
		names := c.Names()
		newest := entries[names.Ledger]
		e := ledger.Peek(newest, c.Name)
		if e.State.IsZero() && newest.Version > 0 {
			l := ledger.Ledger{Log: ledger.Parameter{Store: p.Store, Name: names.Ledger}, Of: c.Name}
			e, err = l.Newest(ctx, newest)
		}
		state, unread := family.ParseState(e.State, e.Written, c.Name)
		if err = errors.Join(err, unread); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", names.Ledger, err))
			continue
		}
		n.note(c.Name, state, entries[names.Family], family.FieldOf(entries[names.RefreshToken]).Value)
	}
	return errors.Join(errs...)
}

// without returns versions of REFRESH_TOKEN without those that neighbours own, and the owner of
// the newest of these; "" if there are none. What was stored before those is no token to begin
// with: it may be an older one.
func (n *neighbours) without(ctx context.Context, of string, p parameters, versions []store.Entry) (own []store.Entry, owner string, err error) {
	var tokens []atlassian.Secret
	for _, e := range versions {
		tokens = append(tokens, family.FieldOf(e).Value)
	}
	owners, err := n.owners(ctx, of, p, tokens...)
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
