package rotation

import (
	"context"
	"slices"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// historyDepth is how far back the newest refresh token is looked for.
const historyDepth = 20

// restore puts the newest refresh token back on top where an older one was
// written over it: a spent token must not be presented, and the newest lives on
// in the store's history.
//
// Where the newest token is itself in doubt, the lock keeps saying so, and again
// is true: it may have to be presented in this very tick.
func (t *tick) restore(ctx context.Context, s family.Snapshot, d family.Decision, out Outcome) (_ Outcome, again bool) {
	var in family.Intent
	if s.Lock != nil && s.Lock.Intent != nil && s.Lock.Intent.Spending == d.Record.Refresh {
		in = *s.Lock.Intent
	}
	l, err := t.take(ctx, s, in)
	if err != nil {
		return t.notSpent(out, false, err), false
	}
	if in.Spending == "" {
		defer t.release(ctx, l)
	}
	name, top := t.names.RefreshToken, l.version
	history, err := t.history(ctx, name, top-historyDepth, top)
	if err != nil {
		return out.as(Failed, "%s, and its history cannot be read: %v", d.Reason, err), false
	}
	for _, e := range slices.Backward(history) {
		if family.FingerprintOf(family.FieldOf(e).Value) != d.Record.Refresh {
			continue
		}
		_, between, err := t.overwrite(ctx, name, e.Value, store.Encrypted, top, fewAttempts)
		if err != nil {
			return out.as(Failed, "%s, and it could not be restored: %v", d.Reason, err), false
		}
		if len(between) > 0 {
			last := between[len(between)-1]
			_, _, err = t.overwrite(ctx, name, last.Value, store.Encrypted, top, fewAttempts)
			return out.as(Contended, "%s; it was replaced again meanwhile, and that stays on top (%v)", d.Reason, err), false
		}
		return out.as(Contended, "%s; generation %d was restored from version %d of %s", d.Reason, d.Record.Generation, e.Version, name), in.Spending != ""
	}
	return out.as(Misconfigured, "%s, and the history of %s does not hold the newest: consent again", d.Reason, t.names.RefreshToken), false
}
