package keeper

import (
	"context"
	"errors"
	"slices"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// errNewer: a newer consent or rotation is in the ledger, and stays.
var errNewer = errors.New("a newer consent or rotation was saved meanwhile, and stays")

// settle puts a received pair into the ledger and publishes it. success is the
// outcome if all goes well.
func (t *tick) settle(ctx context.Context, v view, base ledger.Entry, state family.State, r *family.Receipt, d family.Decision, success Outcome) Outcome {
	t.keepAccess(r.Pair)
	base, state, err := t.save(ctx, base, state, r)
	switch {
	case errors.Is(err, errNewer):
		return success.as(Contended, "%v; ours is dropped", err)
	case err != nil:
		success.describe(r.Record, t.clock.now(), t.conn.Policy)
		return success.as(Failed, "the received tokens are not saved, and are kept in memory: %v", err)
	}
	v.State, v.base = state, base
	d.Keep = d.Keep && d.Candidate.Version == 0
	success.describe(state.Record, t.clock.now(), t.conn.Policy)
	return t.publish(ctx, v, d, success)
}

// errDeferred: another process has presented the same token since.
var errDeferred = errors.New("another process has presented the same refresh token since, and its answer comes first")

// rescueAfter is how many attempts to settle fail before the successor is also
// written to REFRESH_TOKEN, where any keeper finds it as a candidate. The tokens of
// a consent are not: its caller has set them aside, with all that is known of them.
const rescueAfter = 4

// save appends the entry in which a received pair is the newest, and tries until
// the invocation ends. What it cannot save stays in memory.
func (t *tick) save(ctx context.Context, base ledger.Entry, state family.State, r *family.Receipt) (ledger.Entry, family.State, error) {
	t.memory.held = r
	var draft *ledger.Draft
	var next family.State
	overtaken := false // what is based on an overtaken entry means nothing
	for attempt := 0; ; attempt++ {
		err := error(nil)
		if overtaken {
			on, now, again := t.reload(ctx)
			if err = again; err == nil {
				base, state, draft, overtaken = on, now, nil, false
			}
		}
		if draft == nil {
			if state.Defers(*r, t.Process, t.clock.now()) {
				return base, state, errDeferred
			}
			var kept bool
			if next, kept = state.Settle(*r); !kept {
				t.memory.held, t.memory.dropped = nil, t.memory.dropped.With(r.Record.Refresh)
				return base, state, errNewer
			}
			d := t.draft(base, next)
			draft = &d
		}
		if !overtaken {
			var entry ledger.Entry
			if entry, err = t.memory.ledger.Put(ctx, *draft); err == nil {
				t.memory.held, t.memory.known = nil, next
				return entry, next, nil
			}
			if overtaken = errors.Is(err, ledger.ErrOvertaken); overtaken {
				continue
			}
		}
		if (attempt == rescueAfter || final(err)) && (r.Record.Consent == "" || !r.Record.FreshConsent()) {
			t.rescue(ctx, r)
		}
		if final(err) || !t.clock.left(pause(attempt)+lastCall) || t.clock.deadline.IsZero() && attempt == withoutDeadline {
			return base, state, err
		}
		t.log.Warn("the received tokens are not saved yet, and it is tried again", "error", err)
		t.Sleep(ctx, pause(attempt))
	}
}

// reload reads the ledger again.
func (t *tick) reload(ctx context.Context) (ledger.Entry, family.State, error) {
	found, err := t.params.Read(ctx, t.names.Ledger)
	if err != nil {
		return ledger.Entry{}, family.State{}, err
	}
	base, err := t.params.settled(ctx, t.memory.ledger, found[t.names.Ledger])
	if err != nil {
		return ledger.Entry{}, family.State{}, err
	}
	state, err := family.ParseState(base.State, base.Written, t.conn.Name)
	return base, state, err
}

// rescue writes the successor to REFRESH_TOKEN, and then its record to
// TOKEN_FAMILY, because the ledger takes no writes and the process may end.
// TOKEN_FAMILY never names a token that is nowhere.
func (t *tick) rescue(ctx context.Context, r *family.Receipt) {
	_, err := t.Store.Write(ctx, t.names.RefreshToken, r.Pair.Refresh, store.Encrypted)
	if err == nil {
		_, err = t.Store.Write(ctx, t.names.Family, r.Record.Encode(), store.Plain)
	}
	if err != nil {
		t.log.Error("the received refresh token could not be written to REFRESH_TOKEN and TOKEN_FAMILY either", "error", err)
	}
}

// settleHeld saves a pair that an earlier tick of this process received. again
// is true when that is done: what has become due since then can be done.
func (t *tick) settleHeld(ctx context.Context, v view, d family.Decision, out Outcome) (_ Outcome, again bool) {
	ctx, cancel := t.clock.uncancelled(ctx)
	defer cancel()
	_, _, err := t.save(ctx, v.base, v.State, t.memory.held)
	switch {
	case errors.Is(err, errNewer):
		t.log.Warn("a newer consent or rotation is saved: the tokens held in memory are dropped")
		return out.as(Contended, "%v", err), true
	case err != nil:
		return out.as(Failed, "%s: %v", d.Reason, err), false
	}
	return out.as(Rotated, "%s", d.Reason), true
}

// keepAccess remembers the newest access token.
func (t *tick) keepAccess(p family.Pair) {
	t.memory.access, t.memory.expires = p.Access, p.AccessExpiresAt
}

// adopt begins a ledger with what the parameters tell.
func (t *tick) adopt(ctx context.Context, v view, out Outcome) (_ Outcome, again bool) {
	tokens, err := t.params.history(ctx, t.names.RefreshToken, 0, v.RefreshToken.Version)
	if err != nil {
		return out.as(Failed, "the history of %s cannot be read: %v", t.names.RefreshToken, err), false
	}
	records, err := t.params.history(ctx, t.names.Family, 0, 0)
	switch {
	case errors.Is(err, store.ErrDenied) && slices.Contains(v.Denied, t.names.Family):
		return out.as(Misconfigured, "%s cannot be read, so it is not known how old the token family is: %v", t.names.Family, err), false
	case errors.Is(err, store.ErrDenied):
		records = []store.Entry{v.copies[t.names.Family]}
	case err != nil:
		return out.as(Failed, "the history of %s cannot be read: %v", t.names.Family, err), false
	}
	state, why := v.Adopt(tokens, records, t.conn.Policy)
	if known, newest := v.Restore(t.memory.known, records); newest {
		state, why = known, ""
	}
	switch {
	case why != "" && v.RefreshToken.Value.IsZero() && v.Family == nil:
		return out.as(AwaitingConsent, "%s", why), false
	case why != "":
		return out.as(Misconfigured, "%s", why), false
	}
	_, err = t.append(ctx, v.base, state)
	if err != nil && !errors.Is(err, ledger.ErrOvertaken) {
		return out.as(Failed, "the ledger cannot be begun, so nothing is spent: %v", err), false
	}
	t.memory.judged = family.Judged{}
	t.log.Info("the ledger begins with the stored refresh token", "authorized_at", state.Record.AuthorizedAt, "source", state.Record.AuthorizedAtSource)
	return out.as(Contended, "the ledger has just begun"), true
}
