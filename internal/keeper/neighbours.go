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
	owners := map[family.Fingerprint]string{}
	for some := range slices.Chunk(all, store.NamesPerCall) {
		entries, err := ledgersOf(ctx, p, some)
		if err != nil {
			return nil, fmt.Errorf("it is not known whether another connection owns what %s holds: %w", p.names.RefreshToken, err)
		}
		for _, c := range some {
			e := ledger.Peek(entries[c.Names().Ledger], c.Name)
			state, err := family.ParseState(e.State, e.Written, c.Name)
			for _, token := range tokens {
				if err == nil && family.Owns(state, token) {
					owners[family.FingerprintOf(token)] = c.Name
				}
			}
		}
	}
	return owners, nil
}

// ledgersOf reads the ledgers of some connections. Those to which access is denied are
// missing.
func ledgersOf(ctx context.Context, p parameters, some []family.Connection) (map[string]store.Entry, error) {
	var names []string
	for _, c := range some {
		names = append(names, c.Names().Ledger)
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
