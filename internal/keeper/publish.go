package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// publication is one copy of what the ledger says.
type publication struct {
	name  string
	value atlassian.Secret
	kind  store.Kind
	// interleaved: somebody may have written this parameter since it was read.
	interleaved bool
	err         error
}

// publish writes the copies that differ, side by side. It adds to the outcome the
// copies that could not be written, and foreign values that were found. The value of
// REFRESH_TOKEN is left alone until it is judged.
//
// After a rotation TOKEN_FAMILY is left to the next tick, so that a rotation stays at four
// writes: it is for people. If somebody has written REFRESH_TOKEN meanwhile, it is written at once.
func (t *tick) publish(ctx context.Context, v view, d family.Decision, out Outcome) Outcome {
	t.memory.judged = d.Judged
	all := t.copies(v, d, out.Action == Rotated || out.Action == Replayed)
	var tasks []func()
	for i, p := range all {
		tasks = append(tasks, func() { all[i] = t.put(ctx, v, p) })
	}
	t.Together(tasks...)
	t.interleaved = slices.ContainsFunc(all, func(p publication) bool { return p.interleaved && p.name == t.names.RefreshToken })
	if t.interleaved { // should the ledger be deleted, TOKEN_FAMILY tells what lies under our copy
		all = append(all, t.put(ctx, v, t.familyCopy(v.State.Record)))
	}
	if notice := cmp.Or(d.Notice, accessWrittenOver(t, v)); notice != "" {
		out.Foreign = notice
		if out.Action == Idle {
			out = out.as(Restored, "%s; the copy is published again", notice)
		}
	}
	for _, p := range all {
		if p.err != nil {
			return p.unpublished(out)
		}
	}
	return out
}

// accessWrittenOver says that somebody wrote over the access token since it was published, which
// ends before its time for consumers; "" if nobody did. Beside psoxy that is its right.
func accessWrittenOver(t *tick, v view) string {
	if !isNewest(t.memory.access, v.State.Record) || v.Shared() || !family.AccessWrittenOver(v.Snapshot) {
		return ""
	}
	return t.names.AccessToken + " was written over: it holds another access token than the newest"
}

func (p parameters) familyCopy(r family.Record) publication {
	return publication{name: p.names.Family, value: r.Encode(), kind: store.Plain}
}

// put writes a copy that has a value, unless it was read to be there.
func (t *tick) put(ctx context.Context, v view, p publication) publication {
	if p.value.IsZero() || v.copies[p.name].Value == p.value {
		return p
	}
	attempts, written := 0, int64(0)
	p.err = t.retry(ctx, func() (err error) {
		attempts++
		written, err = t.Store.Write(ctx, p.name, p.value, p.kind)
		return err
	})
	if p.err != nil {
		t.log.Error("a copy could not be published", "parameter", p.name, "error", p.err)
	}
	p.interleaved = attempts > 1 || written > v.copies[p.name].Version+1
	return p
}

// noteDeletion appends an entry that says that REFRESH_TOKEN was deleted, before it is written
// again.
func (j journal) noteDeletion(ctx context.Context, v *view) {
	if !v.Deleted() {
		return
	}
	state := v.State
	state.Inbox = family.Inbox{Failure: state.Inbox.Failure}
	if entry, err := j.append(ctx, v.base, state); err == nil {
		v.State, v.base = state, entry
	}
}

func (t *tick) copies(v view, d family.Decision, rotated bool) (all []publication) {
	n, r := t.names, v.State.Record
	add := func(name string, value atlassian.Secret, kind store.Kind) {
		all = append(all, publication{name: name, value: value, kind: kind})
	}
	psoxys := d.Keep && v.Shared() && !rotated // it belongs to what is not judged yet
	if held := t.memory.access; isNewest(held, r) && !psoxys {
		add(n.AccessToken, v.AccessFormat.EncodeAccessToken(held, r.AccessExpiresAt), store.Encrypted)
	}
	if !d.Keep {
		add(n.RefreshToken, v.State.Refresh, store.Encrypted)
	}
	if !rotated || !r.Succeeds(v.Told()) {
		all = append(all, t.familyCopy(r))
	}
	if r.SiteMissing == 0 || v.CloudID.Value.IsZero() { // or a person may have corrected it
		add(n.CloudID, atlassian.NewSecret(r.CloudID), store.Plain)
	}
	// What cannot be read is written when it must have changed.
	return slices.DeleteFunc(all, func(p publication) bool { return !rotated && slices.Contains(v.Denied, p.name) })
}

// unpublished is the outcome where a copy could not be written. Consumers need
// the access token; the other copies are for people.
func (p publication) unpublished(out Outcome) Outcome {
	if !out.Action.Healthy() {
		return out
	}
	reason := fmt.Sprintf("the tokens are safe in the ledger, but %s cannot be written: %v", p.name, p.err)
	if errors.Is(p.err, store.ErrDenied) || errors.Is(p.err, store.ErrUnwritable) {
		return out.as(Misconfigured, "%s", reason)
	}
	return out.as(Failed, "%s", reason)
}

// together runs tasks side by side. A panic of one is the caller's.
func together(tasks ...func()) {
	var wait sync.WaitGroup
	panics := make([]any, len(tasks))
	for i, task := range tasks {
		wait.Go(func() {
			defer func() { panics[i] = recover() }()
			task()
		})
	}
	wait.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
}
