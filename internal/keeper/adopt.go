package keeper

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// adopt begins a ledger with what the parameters tell. again means that the connection can be looked
// at anew, with its ledger.
func (t *tick) adopt(ctx context.Context, v view, out Outcome) (_ Outcome, again bool) {
	tokens, err := t.history(ctx, t.names.RefreshToken, v.RefreshToken.Version)
	if err != nil {
		return out.as(Failed, "the history of %s cannot be read: %v", t.names.RefreshToken, err), false
	}
	if n := len(tokens); n > 0 && tokens[n-1].Version > v.RefreshToken.Version {
		v.RefreshToken = family.FieldOf(tokens[n-1]) // the history was read later
	}
	v.Known = family.Newest(v.Known, t.invalid(ctx, v.copies[t.names.Ledger])...)
	records, err := t.records(ctx, v)
	switch {
	case errors.Is(err, store.ErrDenied):
		return out.as(Misconfigured, "%s cannot be read, so it is not known how old the token family is: %v", t.names.Family, err), false
	case err != nil:
		return out.as(Failed, "the history of %s cannot be read: %v", t.names.Family, err), false
	}
	state, why, owner, err := t.begins(ctx, v, t.memory.recall(tokens), records)
	if err != nil {
		return out.as(Failed, "%v", err), false
	}
	if why != "" || owner != "" {
		return unadopted(v, out, why, owner), false
	}
	switch _, err = t.append(ctx, v.base, state); {
	case err == nil:
		t.put(ctx, v, t.familyCopy(state.Record)) // from now on it tells that there was a ledger
	case errors.Is(err, store.ErrTooLarge): // only a person can mend that
		return out.as(Misconfigured, "%s holds more than the ledger can hold, so it is not spent: store the refresh token alone, or consent with fewer scopes (%v)", t.names.RefreshToken, err), false
	case !errors.Is(err, ledger.ErrOvertaken):
		return out.as(Failed, "the ledger cannot be begun, so nothing is spent: %v", err), false
	}
	t.log.Info("the ledger begins with the stored refresh token", "authorized_at", state.Record.AuthorizedAt, "source", state.Record.AuthorizedAtSource)
	return out.as(Contended, "the ledger has just begun"), true
}

// begins returns what a ledger begins with, or why with nothing, or the owner of a token in its
// way. A connection that holds the token of a known neighbour finds that at every tick without
// reading the others.
func (t *tick) begins(ctx context.Context, v view, tokens, records []store.Entry) (state family.State, why, owner string, err error) {
	for _, all := range []bool{false, true} {
		var own []store.Entry
		if own, owner, err = t.neighbours.without(ctx, t.parameters, tokens, all); err != nil {
			break
		}
		if !all && owner == "" {
			continue
		}
		if state, why = v.Adopt(own, records, t.conn.Policy); why == "" && v.newestKnown(state) {
			owner = ""
		}
		if why != "" || owner != "" {
			break
		}
		state.Inbox.Seen = min(state.Inbox.Seen, before(own, tokens)) // the report names the owner
	}
	return state, why, owner, err
}

// before is the version before the first one of all that some do not hold.
func before(some, all []store.Entry) int64 {
	for i, e := range all {
		if i >= len(some) || some[i].Version != e.Version {
			return e.Version - 1
		}
	}
	return math.MaxInt64
}

// newestKnown reports whether no other token can be newer than the one to begin with: that stands
// in REFRESH_TOKEN, or is known as the newest.
func (v view) newestKnown(s family.State) bool {
	told := v.Told()
	return s.Refresh == v.RefreshToken.Value || s.Record.Refresh == v.Known.Record.Refresh || told != nil && told.Refresh == s.Record.Refresh
}

// unadopted is the outcome where there is nothing to begin with. owner is the connection whose
// token REFRESH_TOKEN holds.
func unadopted(v view, out Outcome, why, owner string) Outcome {
	switch {
	case owner != "":
		return out.as(Misconfigured, "%s", OwnedBy(owner, v.Connection))
	case v.RefreshToken.Value.IsZero() && v.Told() == nil:
		return out.as(AwaitingConsent, "%s", why)
	}
	return out.as(Misconfigured, "%s", why)
}

// OwnedBy says that a connection's REFRESH_TOKEN holds a token of another one, and what to do.
func OwnedBy(owner, connection string) string {
	return fmt.Sprintf("%s holds a refresh token of %s, which would lose it: store this connection's own, or consent; if this connection is to replace the other, stop the schedule, copy the other's newest REFRESH_TOKEN and TOKEN_FAMILY here, delete the other's parameters, take it off the list, and start the schedule",
		family.NamesOf(connection).RefreshToken, owner)
}

// records are the versions of TOKEN_FAMILY that are kept. Where the history is denied, the
// newest one must do.
func (t *tick) records(ctx context.Context, v view) ([]store.Entry, error) {
	name := t.names.Family
	all, err := t.history(ctx, name, 0)
	newest := v.copies[name]
	if errors.Is(err, store.ErrDenied) && !slices.Contains(v.Denied, name) && (v.Told() != nil || newest.Value.IsZero()) {
		return []store.Entry{newest}, nil
	}
	return all, err
}

// invalid is what the entries of a ledger say that are valid no more: it was deleted, and put
// back or moved. They are no ledger, but they know tokens and the age.
func (j journal) invalid(ctx context.Context, newest store.Entry) (states []family.State) {
	if newest.Version == 0 {
		return nil
	}
	entries, err := j.history(ctx, j.names.Ledger, 0)
	if err != nil {
		entries = []store.Entry{newest}
	}
	for _, e := range entries {
		states = append(states, peek(e, j.conn.Name))
	}
	return states
}

// Aside is what the newest version of a ledger says where it is no valid entry.
func Aside(newest store.Entry, valid ledger.Entry, connection string) family.State {
	if newest.Version == valid.Version && !valid.State.IsZero() {
		return family.State{}
	}
	return peek(newest, connection)
}

// peek is what a version of a ledger says, valid or not; nothing where it cannot be read.
func peek(e store.Entry, connection string) family.State {
	entry := ledger.Peek(e, connection)
	state, _ := family.ParseState(entry.State, entry.Written, connection)
	return state
}
