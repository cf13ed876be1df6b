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

// neighbours are the connections that are served side by side.
type neighbours struct {
	mu  sync.Mutex
	all []family.Connection
}

// Introduce tells the keeper of all connections that are served side by side. What is a token
// of one is not presented for another one: that would spend it, and its own connection would
// lose the family.
func (k *Keeper) Introduce(all []family.Connection) {
	k.neighbours.mu.Lock()
	defer k.neighbours.mu.Unlock()
	k.neighbours.all = slices.Clone(all)
}

// owners returns which neighbours of a connection own one of the tokens, by the tokens'
// fingerprints. An error means that this is not known, so the tokens cannot be presented.
func (n *neighbours) owners(ctx context.Context, of string, p parameters, tokens ...atlassian.Secret) (map[family.Fingerprint]string, error) {
	n.mu.Lock()
	all := slices.DeleteFunc(slices.Clone(n.all), func(c family.Connection) bool { return c.Name == of })
	n.mu.Unlock()
	if len(tokens) == 0 {
		return nil, nil
	}
	unknown := "it is not known whether another connection owns what " + p.names.RefreshToken + " holds"
	owners := map[family.Fingerprint]string{}
	for some := range slices.Chunk(all, store.NamesPerCall/2) {
		entries, err := parametersOf(ctx, p, some)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", unknown, err)
		}
		for _, c := range some {
			state, err := stateOf(ctx, p, c, entries)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", unknown, err)
			}
			for _, token := range tokens {
				if family.Owns(state, token) {
					owners[family.FingerprintOf(token)] = c.Name
				}
			}
		}
	}
	return owners, nil
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

// stateOf is what a connection's ledger says or, where it was deleted, what TOKEN_FAMILY tells.
func stateOf(ctx context.Context, p parameters, c family.Connection, entries map[string]store.Entry) (family.State, error) {
	n := c.Names()
	l := ledger.Ledger{Log: ledger.Parameter{Store: p.Store, Name: n.Ledger}, Of: c.Name}
	e, err := l.Newest(ctx, entries[n.Ledger])
	if err != nil {
		return family.State{}, fmt.Errorf("%s: %w", n.Ledger, err)
	}
	state, err := family.ParseState(e.State, e.Written, c.Name)
	if told := family.NewSnapshot(c, entries).Told(); err == nil && state.Empty() && told != nil {
		state.Record = *told
	}
	return state, err
}

// parametersOf reads TOKEN_LEDGER and TOKEN_FAMILY of some connections. Those to which access is
// denied are missing.
func parametersOf(ctx context.Context, p parameters, some []family.Connection) (map[string]store.Entry, error) {
	var names []string
	for _, c := range some {
		names = append(names, c.Names().Ledger, c.Names().Family)
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
