package rotation

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// saveHeld saves a pair that an earlier tick of this process received.
func (t *tick) saveHeld(ctx context.Context, s family.Snapshot, d family.Decision, out Outcome) Outcome {
	h := t.state.held
	h.RefreshSaved = h.RefreshSaved && s.Token() == h.Record.Refresh
	in := family.Intent{Spending: h.Spent, Version: h.RefreshVersion, FirstSpend: h.FirstSpend, Attempt: h.Pair.SpentAt, Successor: h.Record.Refresh}
	if h.Record.FreshConsent() {
		in = family.Intent{Consent: true, Version: h.RefreshVersion, Successor: h.Record.Refresh} // it spent no refresh token
	}
	l, err := t.take(ctx, s, in)
	if err != nil {
		return out.as(Failed, "%s, and the lock cannot be taken: %v", d.Reason, err)
	}
	ctx, cancel := t.lasting(ctx)
	defer cancel()
	return t.save(ctx, l, out.as(Rotated, "%s", d.Reason))
}

// superseded reports whether the store holds something newer than the pair in memory.
func (t *tick) superseded(s family.Snapshot) bool {
	h := t.state.held
	if s.Lock != nil && s.Lock.Intent != nil && s.Lock.Intent.Spending == h.Record.Refresh {
		return true // it reached the store after all, and has been presented since
	}
	return s.Token() != h.Spent && family.Outranks(s.RefreshToken, s.Family, h.Record, h.Locked)
}

// save puts the held pair into the store: refresh token, access token, record,
// in this order, each until the invocation's deadline. success is the outcome
// if all goes well. Whatever could not be saved stays in memory, and the lock
// in place, for the next tick.
func (t *tick) save(ctx context.Context, l lease, success Outcome) Outcome {
	h := t.state.held
	t.describeHeld(&success)
	kept, err := t.saveRefresh(ctx, &l, h)
	if err == nil && kept {
		kept, err = t.saveAccess(ctx, h)
	}
	if err == nil && kept && !h.KeepFamily {
		err = t.saveRecord(ctx, h.Record, h.FamilyVersion, untilDeadline)
	}
	if err != nil {
		return success.as(Failed, "the received tokens are not all saved, and are kept in memory: %v", err)
	}
	t.state.held = nil
	t.release(ctx, l)
	if !kept {
		return success.as(Contended, "a newer consent or rotation was stored meanwhile and stays on top; ours is dropped")
	}
	return success
}

func (t *tick) describeHeld(out *Outcome) {
	out.describe(t.state.held.Record, t.Now(), t.conn.Policy)
}

// saveRefresh saves the refresh token unless something newer was written
// meanwhile (invariant 3); kept is false if so. Before each attempt the lock is
// made to name it, if it can be.
func (t *tick) saveRefresh(ctx context.Context, l *lease, h *family.Held) (kept bool, err error) {
	if h.RefreshSaved {
		return true, nil
	}
	name := t.names.RefreshToken
	var version int64
	var between []store.Entry
	for attempt := 0; ; attempt++ {
		t.announce(ctx, l, h.Record.Refresh)
		version, between, err = t.overwrite(ctx, name, h.Pair.Refresh, store.Encrypted, h.RefreshVersion, 1)
		if err == nil {
			break
		}
		if final(err) || !t.left(pause(attempt)+lastCall) || t.deadline.IsZero() && attempt == withoutDeadline {
			return false, err
		}
		t.log.Warn("the refresh token is not saved yet, and it is tried again", "error", err)
		t.Sleep(ctx, pause(attempt))
	}
	for len(between) > 0 {
		winner, err := t.winner(ctx, between, h)
		if err != nil {
			return false, err
		}
		if winner == nil {
			break
		}
		kept = false
		if version, between, err = t.overwrite(ctx, name, winner.Value, store.Encrypted, version, untilDeadline); err != nil {
			return false, err
		}
		if len(between) == 0 {
			return false, nil
		}
	}
	h.RefreshSaved = true
	return true, nil
}

// winner returns the last of the entries that outranks our pair, or nil. Over a
// consent, only a token that is known to be of a younger one wins: others come
// from a rotation of the family before it that was under way.
func (t *tick) winner(ctx context.Context, between []store.Entry, h *family.Held) (*store.Entry, error) {
	entries, err := t.reread(ctx, t.names.Family)
	if err != nil {
		return nil, err
	}
	stored := family.NewSnapshot(t.conn.Name, entries).Family
	for i := len(between) - 1; i >= 0; i-- {
		theirs := family.FieldOf(between[i])
		if h.Record.FreshConsent() && (stored == nil || stored.Refresh != family.FingerprintOf(theirs.Value)) {
			continue
		}
		if family.Outranks(theirs, stored, h.Record, h.Locked) {
			return &between[i], nil
		}
	}
	return nil, nil
}

// saveAccess saves the access token unless it belongs to a refresh token that
// has been replaced meanwhile.
func (t *tick) saveAccess(ctx context.Context, h *family.Held) (kept bool, err error) {
	if h.AccessSaved {
		return true, nil
	}
	value := t.conn.Policy.AccessFormat.EncodeAccessToken(h.Pair.Access, h.Pair.AccessExpiresAt)
	kept, err = t.overwriteWhile(ctx, t.names.AccessToken, value, store.Encrypted, h.AccessVersion, h.Record.Refresh, untilDeadline)
	h.AccessSaved = err == nil && kept
	return kept, err
}

// saveRecord saves TOKEN_FAMILY unless its refresh token has been replaced.
func (t *tick) saveRecord(ctx context.Context, r family.Record, version int64, attempts int) error {
	_, err := t.overwriteWhile(ctx, t.names.Family, r.Encode(), store.Plain, version, r.Refresh, attempts)
	return err
}

// overwriteWhile overwrites a parameter that belongs to a refresh token. If
// others wrote it in between and the store holds another refresh token by now,
// what they wrote last is put back on top and kept is false.
func (t *tick) overwriteWhile(ctx context.Context, name string, value atlassian.Secret, kind store.Kind, read int64, token family.Fingerprint, attempts int) (kept bool, err error) {
	version, between, err := t.overwrite(ctx, name, value, kind, read, attempts)
	for err == nil && len(between) > 0 {
		var current family.Fingerprint
		if current, err = t.currentToken(ctx); err != nil || current == token {
			return err == nil, err
		}
		theirs := between[len(between)-1]
		version, between, err = t.overwrite(ctx, name, theirs.Value, kind, version, attempts)
		if err == nil && len(between) == 0 {
			return false, nil
		}
	}
	return err == nil, err
}

// How often overwrite tries.
const (
	untilDeadline = 1 << 30
	fewAttempts   = 3
	// withoutDeadline bounds the attempts of an invocation that has no deadline.
	withoutDeadline = 20
	// lastCall is kept free at the end of an invocation, for the
	// metrics and the report.
	lastCall = 8 * time.Second
	// lastBreath is when calls that hang are given up before the invocation ends.
	lastBreath = 3 * time.Second
)

// lasting is ctx without its cancellation. It ends a moment before the platform
// would kill the process, and with it all that it holds in memory, of other
// connections too. A clock that jumped leaves time for a call all the same.
func (t *tick) lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = context.WithoutCancel(ctx)
	if t.deadline.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, max(t.deadline.Sub(t.Now())-lastBreath, lastCall))
}

// overwrite writes a value over the version that was read. It returns the
// version it wrote, and what others wrote in between, oldest first: PutParameter
// cannot refuse to overwrite, it can only tell afterwards.
func (t *tick) overwrite(ctx context.Context, name string, value atlassian.Secret, kind store.Kind, read int64, attempts int) (int64, []store.Entry, error) {
	version, err := t.write(ctx, name, value, kind, attempts)
	if err != nil {
		return 0, nil, err
	}
	first := read + 1
	if version <= read {
		first = 1 // deleted and created anew meanwhile
	}
	if first == version {
		return version, nil, nil
	}
	var history []store.Entry
	for attempt := 0; ; attempt++ {
		if history, err = t.history(ctx, name, first, version); !t.again(ctx, name, attempts, attempt, err) {
			break
		}
	}
	if err != nil {
		return version, nil, err
	}
	return version, slices.DeleteFunc(history, func(e store.Entry) bool { return e.Version >= version || e.Value == value }), nil
}

// history reads what a parameter held from one version to another, which must
// exist: an answer without it is stale, and is asked for again.
func (t *tick) history(ctx context.Context, name string, from, to int64) ([]store.Entry, error) {
	for attempt := 0; ; attempt++ {
		entries, err := t.Store.History(ctx, name, from)
		if err == nil && (len(entries) == 0 || entries[len(entries)-1].Version < to) {
			err = errStale
		}
		if err == nil || attempt == readAttempts-1 {
			return entries, err
		}
		t.Sleep(ctx, pause(attempt))
	}
}

// write writes a value, whatever is there, and returns the version it wrote.
func (t *tick) write(ctx context.Context, name string, value atlassian.Secret, kind store.Kind, attempts int) (int64, error) {
	for attempt := 0; ; attempt++ {
		version, err := t.Store.Write(ctx, name, value, kind)
		if err == nil {
			t.saw(name, version)
			return version, nil
		}
		if !t.again(ctx, name, attempts, attempt, err) {
			return 0, err
		}
	}
}

// again reports whether a write or its check that ended with err is to be tried
// again, after having waited for it.
func (t *tick) again(ctx context.Context, name string, attempts, attempt int, err error) bool {
	if t.deadline.IsZero() {
		attempts = min(attempts, withoutDeadline)
	}
	if err == nil || final(err) || attempt+1 >= attempts || !t.left(pause(attempt)+lastCall) {
		return false
	}
	t.log.Warn("a write or its check failed and is tried again", "parameter", name, "error", err)
	t.Sleep(ctx, pause(attempt))
	return true
}

// final reports whether a write was refused for what it is, so that trying
// again cannot help.
func final(err error) bool {
	return errors.Is(err, store.ErrTooLarge) || errors.Is(err, store.ErrEmpty) || errors.Is(err, store.ErrNotText) || errors.Is(err, store.ErrName)
}
