package keeper_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// parameters are the connection's as they really are. A keeper may see others.
type parameters struct {
	t   *testing.T
	mem *memstore.Store
}

func (p parameters) put(name, value string) {
	_, err := p.mem.Write(context.Background(), name, atlassian.NewSecret(value), store.Encrypted)
	require.NoError(p.t, err)
}

func (p parameters) get(name string) store.Entry {
	entries, err := p.mem.Read(context.Background(), name)
	require.NoError(p.t, err)
	return entries[name]
}

func (p parameters) record() family.Record {
	r, err := family.ParseRecord(p.get(names.Family).Value.Reveal(), conn)
	require.NoError(p.t, err)
	return r
}

func (p parameters) remove(name string) {
	p.t.Helper()
	require.NoError(p.t, p.mem.Delete(context.Background(), name))
}

// ledger is what the newest version of the ledger says.
func (p parameters) ledger() family.State {
	p.t.Helper()
	e := p.get(names.Ledger)
	var entry struct{ State json.RawMessage }
	require.NoError(p.t, json.Unmarshal([]byte(e.Value.Reveal()), &entry))
	s, err := family.ParseState(atlassian.NewSecret(string(entry.State)), e.Modified, conn)
	require.NoError(p.t, err)
	return s
}

// versions are those of the given parameters.
func (p parameters) versions(of []string) map[string]int64 {
	all := map[string]int64{}
	for _, name := range of {
		all[name] = p.get(name).Version
	}
	return all
}
