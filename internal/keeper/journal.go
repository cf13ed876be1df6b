package keeper

import (
	"context"
	"errors"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
)

// journal reads and appends the ledger's entries in a tick.
type journal struct {
	conn   family.Connection
	ledger *ledger.Ledger
	params parameters
	clock  *clock
	// mark is unique to one entry.
	mark func() string
	// news is told what the ledger says now.
	news func(family.State)
}

// draft composes an entry on top of base.
func (j journal) draft(base ledger.Entry, state family.State) ledger.Draft {
	return ledger.NewDraft(j.conn.Name, base, state.Encode(), j.clock.now(), j.mark())
}

// append appends an entry on top of base, and tries a few times if need be.
func (j journal) append(ctx context.Context, base ledger.Entry, state family.State) (e ledger.Entry, err error) {
	draft, overtaken := j.draft(base, state), false
	err = j.params.retry(ctx, fewAttempts, func() error {
		e, err = j.ledger.Put(ctx, draft)
		overtaken = errors.Is(err, ledger.ErrOvertaken)
		if overtaken {
			return nil
		}
		return err
	})
	switch {
	case overtaken:
		return e, ledger.ErrOvertaken
	case err != nil:
		return e, err
	}
	j.clock.least(e.Written)
	j.news(state)
	return e, nil
}

// reload reads the ledger again.
func (j journal) reload(ctx context.Context) (ledger.Entry, family.State, error) {
	name := j.params.names.Ledger
	found, err := j.params.Read(ctx, name)
	if err != nil {
		return ledger.Entry{}, family.State{}, err
	}
	base, err := j.params.settled(ctx, j.ledger, found[name])
	if err != nil {
		return ledger.Entry{}, family.State{}, err
	}
	state, err := family.ParseState(base.State, base.Written, j.conn.Name)
	return base, state, err
}
