package keeper

import (
	"context"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
)

// journal reads and appends the entries of one connection's ledger.
type journal struct {
	*Keeper
	parameters
	memory *memory
}

func (j journal) draft(base ledger.Entry, state family.State) ledger.Draft {
	return ledger.NewDraft(j.conn.Name, base, state.Encode(), j.clock.now(), j.newMark())
}

// append appends an entry on top of base, and tries a few times if need be.
func (j journal) append(ctx context.Context, base ledger.Entry, state family.State) (e ledger.Entry, err error) {
	draft := j.draft(base, state)
	err = j.retry(ctx, func() error {
		e, err = j.memory.ledger.Put(ctx, draft)
		return err
	})
	if err != nil {
		return e, err
	}
	j.clock.notBefore(e.Written)
	j.news(state)
	return e, nil
}

func (j journal) reload(ctx context.Context) (ledger.Entry, family.State, error) {
	found, err := j.Read(ctx, j.names.Ledger)
	if err != nil {
		return ledger.Entry{}, family.State{}, err
	}
	base, err := j.newestEntry(ctx, j.memory.ledger, found[j.names.Ledger])
	if err != nil {
		return ledger.Entry{}, family.State{}, err
	}
	state, err := family.ParseState(base.State, base.Written, j.conn.Name)
	return base, state, err
}

// news tells what the ledger says now to the connections that are served beside this one.
func (j journal) news(state family.State) {
	j.neighbours.note(j.conn.Name, j.clock.read, state, j.memory.told, j.memory.inbox)
}
