package rotation

import (
	"context"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// reconcile finishes a rotation that was interrupted after REFRESH_TOKEN was
// written: it puts on top what belongs there, and saves its record. The intent
// of the interrupted rotation stays in the lock until then, so that this can be
// interrupted too.
//
// again is true when that is done, and what is due since then can be.
func (t *tick) reconcile(ctx context.Context, s family.Snapshot, d family.Decision, out Outcome) (_ Outcome, again bool) {
	l, err := t.take(ctx, s, *s.Lock.Intent)
	if err != nil {
		return t.notSpent(out, false, err), false
	}
	history, err := t.history(ctx, t.names.RefreshToken, s.Lock.Intent.Version, l.version)
	if err != nil {
		return out.as(Failed, "%s, and cannot be read: %v", d.Reason, err), false
	}
	top, record := s.Reconciled(history, t.conn.Policy)
	if record.Refresh != s.Token() {
		t.log.Warn("a newer refresh token lies under the one that was written last: it is put back on top",
			"parameter", t.names.RefreshToken, "version", top.Version)
		_, between, err := t.overwrite(ctx, t.names.RefreshToken, top.Value, store.Encrypted, l.version, fewAttempts)
		if err != nil || len(between) > 0 {
			return out.as(Contended, "%s; it was written again meanwhile, or could not be: %v", d.Reason, err), false
		}
	}
	if s.FamilyErr == nil {
		if err := t.saveRecord(ctx, record, s.FamilyVersion, fewAttempts); err != nil {
			return out.as(Failed, "%s, and the record could not be saved: %v", d.Reason, err), false
		}
	}
	t.release(ctx, l)
	return out.as(Contended, "%s", d.Reason), true
}
