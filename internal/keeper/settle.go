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
	t.memory.keepAccess(r.Pair.Access, r.Pair.AccessExpiresAt)
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

// saving is a received pair on its way into the ledger.
type saving struct {
	*tick
	receipt *family.Receipt
	// base is the entry that the next one follows, and state what it says.
	base  ledger.Entry
	state family.State
	// draft is the entry in which the pair is the newest, or older if it is not kept, and
	// next what it says; nil where it must be composed. overtaken: what is based on base
	// means nothing.
	draft           *ledger.Draft
	next            family.State
	kept, overtaken bool
	// small: the ledger did not take the whole.
	small bool
}

// save appends the entry in which a received pair is the newest, and tries until
// the invocation ends. What it cannot save stays in memory.
func (t *tick) save(ctx context.Context, base ledger.Entry, state family.State, r *family.Receipt) (ledger.Entry, family.State, error) {
	t.memory.held = r
	s := saving{tick: t, receipt: r, base: base, state: state}
	for attempt := 0; ; attempt++ {
		entry, err := s.attempt(ctx)
		switch {
		case err == nil, errors.Is(err, errNewer):
			t.memory.held, t.memory.known = nil, s.next
			return entry, s.next, err
		case errors.Is(err, errDeferred):
			return s.base, s.state, err
		case s.overtaken && errors.Is(err, ledger.ErrOvertaken):
			continue
		case s.mayShrink(err):
			t.log.Warn("the received tokens are saved without their scopes and some older tokens: the ledger does not take the whole", "error", err)
			s.small, s.draft = true, nil
			continue
		}
		if final(err) || !t.clock.left(pause(attempt)+lastCall) || t.clock.deadline.IsZero() && attempt == withoutDeadline {
			return s.base, s.state, err
		}
		t.log.Warn("the received tokens are not saved yet, and it is tried again", "error", err)
		t.Sleep(ctx, pause(attempt))
	}
}

// attempt puts the entry once. After it was overtaken, the next attempt builds on
// what the other has written.
func (s *saving) attempt(ctx context.Context) (ledger.Entry, error) {
	if s.overtaken {
		base, state, err := s.reload(ctx)
		if err != nil {
			return ledger.Entry{}, err
		}
		s.base, s.state, s.draft, s.overtaken = base, state, nil, false
	}
	if s.draft == nil {
		if s.state.Defers(*s.receipt, s.Process, s.clock.now()) {
			return ledger.Entry{}, errDeferred
		}
		s.next, s.kept = s.state.Settle(*s.receipt)
		if !s.kept && s.next.Record.Past == s.state.Record.Past {
			return s.base, errNewer
		}
		if s.small {
			s.next = family.Smallest(s.next)
		}
		draft := s.tick.draft(s.base, s.next)
		s.draft = &draft
	}
	entry, err := s.ledger.Put(ctx, *s.draft)
	if s.overtaken = errors.Is(err, ledger.ErrOvertaken); err == nil {
		s.news(s.next)
	}
	if err == nil && !s.kept {
		err = errNewer
	}
	return entry, err
}

// mayShrink reports whether a smaller entry may be taken where the last one was not: it
// exceeded what a parameter can hold, or the standard tier, beyond which a key must allow more.
func (s *saving) mayShrink(err error) bool {
	return !s.small && s.draft != nil && (errors.Is(err, store.ErrTooLarge) || errors.Is(err, store.ErrDenied)) && s.next.Encode().Len() > family.Smallest(s.next).Encode().Len()
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

// adopt begins a ledger with what the parameters tell.
func (t *tick) adopt(ctx context.Context, v view, out Outcome) (_ Outcome, again bool) {
	tokens, err := t.params.history(ctx, t.names.RefreshToken, 0, v.RefreshToken.Version)
	if err != nil {
		return out.as(Failed, "the history of %s cannot be read: %v", t.names.RefreshToken, err), false
	}
	if n := len(tokens); n > 0 && tokens[n-1].Version > v.RefreshToken.Version {
		v.RefreshToken = family.FieldOf(tokens[n-1]) // the history was read later
	}
	v.Known = family.Newest(v.Known, t.params.unfit(ctx, v.copies[t.names.Ledger], t.conn.Name)...)
	records, err := v.records(ctx, t.params)
	switch {
	case errors.Is(err, store.ErrDenied):
		return out.as(Misconfigured, "%s cannot be read, so it is not known how old the token family is: %v", t.names.Family, err), false
	case err != nil:
		return out.as(Failed, "the history of %s cannot be read: %v", t.names.Family, err), false
	}
	state, why, owner, err := begins(ctx, t, v, t.memory.recall(tokens), records)
	if err != nil {
		return out.as(Failed, "%v", err), false
	}
	if why != "" || owner != "" && !v.tells(state) {
		return unadopted(v, out, why, owner), false
	}
	switch _, err = t.append(ctx, v.base, state); {
	case err == nil:
		t.put(ctx, v, t.told(state.Record)) // from now on it tells that there was a ledger
	case errors.Is(err, store.ErrTooLarge): // only a person can mend that
		return out.as(Misconfigured, "%s holds more than the ledger can hold, so it is not spent: store the refresh token alone, or consent with fewer scopes (%v)", t.names.RefreshToken, err), false
	case !errors.Is(err, ledger.ErrOvertaken):
		return out.as(Failed, "the ledger cannot be begun, so nothing is spent: %v", err), false
	}
	t.log.Info("the ledger begins with the stored refresh token", "authorized_at", state.Record.AuthorizedAt, "source", state.Record.AuthorizedAtSource)
	return out.as(Contended, "the ledger has just begun"), true
}

// tells reports whether the token to begin with is the one that is known as the newest, or
// stands in REFRESH_TOKEN, so that no other can be newer.
func (v view) tells(s family.State) bool {
	told := v.Told()
	return s.Refresh == v.RefreshToken.Value || s.Record.Refresh == v.Known.Record.Refresh || told != nil && told.Refresh == s.Record.Refresh
}

// unadopted is the outcome where there is nothing to begin with. owner has what REFRESH_TOKEN
// holds.
func unadopted(v view, out Outcome, why, owner string) Outcome {
	switch {
	case owner != "":
		return out.as(Misconfigured, "%s holds a refresh token of %s, which would lose it: store this connection's own, or consent; if this connection is to replace the other, delete the other's parameters first",
			family.NamesOf(v.Connection).RefreshToken, owner)
	case v.RefreshToken.Value.IsZero() && v.Told() == nil:
		return out.as(AwaitingConsent, "%s", why)
	}
	return out.as(Misconfigured, "%s", why)
}

// records are the kept versions of TOKEN_FAMILY, or the newest where the history is denied.
func (v view) records(ctx context.Context, params parameters) ([]store.Entry, error) {
	name := params.names.Family
	all, err := params.history(ctx, name, 0, 0)
	newest := v.copies[name]
	if errors.Is(err, store.ErrDenied) && !slices.Contains(v.Denied, name) && (v.Told() != nil || newest.Value.IsZero()) {
		return []store.Entry{newest}, nil
	}
	return all, err
}
