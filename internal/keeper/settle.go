package keeper

import (
	"context"
	"errors"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

var (
	// errNewer: what the ledger holds is newer, and stays.
	errNewer = errors.New("a newer consent or rotation was saved meanwhile, and stays")
	// errDeferred: the received pair may be dead; see [family.State.Defers].
	errDeferred = errors.New("another process has presented the same refresh token since, and its answer comes first")
)

// settle puts a received pair into the ledger and publishes it. v ends with the intent. success
// is the outcome if all goes well.
func (t *tick) settle(ctx context.Context, v view, r *family.Receipt, d family.Decision, success Outcome) Outcome {
	t.memory.access = r.Pair.Access
	v, err := t.save(ctx, v, r)
	switch {
	case errors.Is(err, errNewer):
		return success.as(Contended, "%v; ours is dropped", err)
	case err != nil:
		success.describe(r.Record, t.clock.now(), t.conn.Policy)
		return success.as(Failed, "the received tokens are not saved, and are kept in memory: %v", err)
	}
	d.Keep = d.Keep && d.Candidate.Version == 0
	success.describe(v.State.Record, t.clock.now(), t.conn.Policy)
	return t.publish(ctx, v, d, success)
}

// settleHeld saves a pair that an earlier tick of this process received. again
// is true when that is done: what has become due since then can be done.
func (t *tick) settleHeld(ctx context.Context, v view, d family.Decision, out Outcome) (_ Outcome, again bool) {
	ctx, cancel := t.clock.uncancelled(ctx)
	defer cancel()
	_, err := t.save(ctx, v, t.memory.held)
	switch {
	case errors.Is(err, errNewer):
		t.log.Warn("a newer consent or rotation is saved: the tokens held in memory are dropped")
		return out.as(Contended, "%v", err), true
	case err != nil:
		return out.as(Failed, "%s: %v", d.Reason, err), false
	}
	return out.as(Rotated, "%s", d.Reason), true
}

// save appends the entry in which a received pair is the newest, and tries until
// the invocation ends. What it cannot save stays in memory. It returns the view on top
// of that entry.
func (t *tick) save(ctx context.Context, v view, r *family.Receipt) (view, error) {
	t.memory.held = r
	s := saving{tick: t, receipt: r, base: v.base, state: v.State}
	for attempt := 0; ; attempt++ {
		entry, err := s.attempt(ctx)
		switch {
		case err == nil, errors.Is(err, errNewer):
			t.memory.held, t.memory.known = nil, s.next
			v.base, v.State = entry, s.next
			return v, err
		case errors.Is(err, errDeferred):
			return v, err
		case errors.Is(err, ledger.ErrOvertaken):
			continue
		case s.mayShrink(err):
			t.log.Warn("the received tokens are saved without their scopes and some older tokens: the ledger does not take the whole", "error", err)
			s.small, s.draft = true, nil
			continue
		}
		if final(err) || !t.clock.left(pause(attempt)+lastCall) || t.clock.deadline.IsZero() && attempt == withoutDeadline {
			return v, err
		}
		t.log.Warn("the received tokens are not saved yet, and it is tried again", "error", err)
		t.Sleep(ctx, pause(attempt))
	}
}

// saving is a received pair on its way into the ledger.
type saving struct {
	*tick
	receipt *family.Receipt
	// base is the entry that the next one follows, and state what it says. overtaken: another
	// entry follows it already, so both must be read again.
	base      ledger.Entry
	state     family.State
	overtaken bool
	// draft is the next entry; nil where it must be composed. next is what it says. kept: the
	// pair is the newest there, and not an older one.
	draft *ledger.Draft
	next  family.State
	kept  bool
	// small: the ledger did not take the whole.
	small bool
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
			return ledger.Entry{}, errNewer
		}
		if s.small {
			s.next = family.Smallest(s.next)
		}
		s.draft = new(s.journal.draft(s.base, s.next))
	}
	entry, err := s.memory.ledger.Put(ctx, *s.draft)
	if err != nil {
		s.overtaken = errors.Is(err, ledger.ErrOvertaken)
		return entry, err
	}
	s.news(s.next)
	if !s.kept {
		return entry, errNewer
	}
	return entry, nil
}

// mayShrink reports whether a smaller entry may be taken where the last one was not. That
// exceeded what a parameter can hold, or the standard tier, beyond which a key must allow more.
func (s *saving) mayShrink(err error) bool {
	return !s.small && (errors.Is(err, store.ErrTooLarge) || errors.Is(err, store.ErrDenied)) && s.next.Encode().Len() > family.Smallest(s.next).Encode().Len()
}
