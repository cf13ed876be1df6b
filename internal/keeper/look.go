package keeper

import (
	"context"
	"errors"
	"fmt"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// view is a connection as a tick has read it.
type view struct {
	family.Snapshot
	// base is the ledger's last valid entry.
	base ledger.Entry
	// copies are the parameters as they stand, untrimmed.
	copies map[string]store.Entry
}

// look reads the connection, and the history of its inbox where something in it
// is not judged yet.
func (t *tick) look(ctx context.Context) (view, error) {
	copies, denied, err := t.read(ctx)
	if err != nil {
		return view{}, err
	}
	v := view{Snapshot: family.NewSnapshot(t.conn, copies), copies: copies}
	v.Process, v.Denied = t.Process, denied
	v.Now = t.clock.set(v.Now)
	if v.base, err = t.newestEntry(ctx, t.memory.ledger, copies[t.names.Ledger]); err != nil {
		return view{}, err
	}
	v.Written = v.base.Written
	if v.State, err = t.memory.parse(v.base, t.conn.Name); err != nil {
		return view{}, fmt.Errorf("%s: its newest entry %w; restore an earlier version of its value, or delete it to begin anew from REFRESH_TOKEN and TOKEN_FAMILY", t.names.Ledger, err)
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
	if !v.State.Empty() && !v.InboxSettled() {
		err = t.readInbox(ctx, &v)
	}
	return v, err
}

// readInbox reads the history of REFRESH_TOKEN, and what tells who stored its values.
func (t *tick) readInbox(ctx context.Context, v *view) error {
	history, err := t.history(ctx, t.names.RefreshToken, v.RefreshToken.Version)
	if errors.Is(err, store.ErrDenied) {
		t.log.Error("a parameter's history cannot be read; only its newest version is judged", "parameter", t.names.RefreshToken, "error", err)
		history, v.Partial, err = []store.Entry{v.copies[t.names.RefreshToken]}, true, nil
	}
	v.Offer(t.memory.recall(history))
	if err == nil && v.Puzzles() {
		if access, err := t.history(ctx, t.names.AccessToken, 0); err == nil {
			t.memory.notePsoxysWrites(&v.Snapshot, access...)
		}
	}
	owners, unknown := t.neighbours.owners(ctx, t.parameters, family.Strangers(v.Snapshot)...)
	if v.Owners = owners; unknown != nil {
		t.log.Error("a token is not presented yet", "error", unknown)
		v.Snapshot = family.WithoutStrangers(v.Snapshot)
	}
	return err
}
