package keeper

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
)

const (
	// requestTime is what a token request takes to arrive.
	requestTime = 10 * time.Second
	// yieldTime is left to another process to save what it holds.
	yieldTime = 30 * time.Second
)

// intend appends the intent to present a token (invariant 1), unless there is no time for that:
// then a doubt would be announced for nothing. The error says why the token is not presented.
func (t *tick) intend(ctx context.Context, v view, d family.Decision) (sp *spend, err error) {
	if v.Told() == nil && !slices.Contains(v.Denied, t.names.Family) { // should the ledger be deleted, it tells that there was one
		t.put(ctx, v, t.familyCopy(v.State.Record))
	}
	if d.Yields {
		// If the ledger takes this entry, a process that holds the successor can save it now.
		// Then our intent comes too late.
		if v.base, err = t.append(ctx, v.base, v.State); err == nil {
			t.Sleep(ctx, yieldTime)
		}
	}
	sp = newSpend(t, v, d)
	if err == nil {
		err = sp.inTime()
	}
	if err == nil {
		sp.base, err = sp.append(ctx, v.base, sp.state)
	}
	if err == nil {
		err = sp.inTime()
	}
	return sp, err
}

func newSpend(t *tick, v view, d family.Decision) *spend {
	sp := &spend{tick: t, view: v, decision: d, token: v.Presented(d), candidate: d.Candidate.Version > 0, since: t.clock.local(), announced: t.clock.now(),
		state: v.Intending(d), doubt: !d.FirstSpend.IsZero(), last: d.LastSpend}
	if t.lock != nil {
		sp.since = t.lockedAt
	}
	switch d.Action {
	case family.Replay:
		sp.until = d.FirstSpend.Add(family.Leeway - requestTime)
	case family.Rotate:
		sp.until = sp.announced.Add(family.Leeway - requestTime)
	case family.Probe:
		if sp.announced.Before(d.LastSpend.Add(family.Leeway - family.LeewayMargin)) { // it may have been the first to arrive
			sp.until = d.LastSpend.Add(family.Leeway - requestTime)
		}
	}
	return sp
}

// inTime reports, at this very moment, whether lease and invocation have time
// left for a token request and the save after it. A process that was paused since
// it intended finds that they have not.
func (sp *spend) inTime() error {
	const need = family.PostTimeout + family.SaveReserve
	if held := elapsed(sp.since, sp.clock.local()); held+need > family.Lease {
		return fmt.Errorf("the intent is %s old already, too old to begin a token request under it", held.Round(time.Second))
	}
	if !sp.until.IsZero() && sp.clock.now().After(sp.until) {
		return errors.New("the leeway is over but for the time that a request takes")
	}
	if !sp.clock.left(need) {
		return fmt.Errorf("less than %s are left of this invocation, too little for a token request and for saving its answer: raise the function's time-out", need)
	}
	return nil
}

// overtaken reports whether the intent is not the ledger's newest entry any more: a
// consent, or a deletion, came between. Then nothing is presented under it
// (invariant 1). Where the ledger cannot be read, the lease tells.
func (sp *spend) overtaken(ctx context.Context) bool {
	_, _, ours, err := sp.newest(ctx)
	return err == nil && !ours
}

// dateIntent reads when the store wrote the intent. Without an answer it is
// dated by what was known of the store's clock just before.
func (sp *spend) dateIntent(ctx context.Context) {
	if base, state, ours, _ := sp.newest(ctx); ours {
		sp.state, sp.base = state, base
	} else {
		sp.state = family.Dated(sp.state, sp.announced)
	}
}

// newest reads the ledger's newest entry. ours reports whether it is this spend's
// intent.
func (sp *spend) newest(ctx context.Context) (base ledger.Entry, state family.State, ours bool, err error) {
	base, state, err = sp.reload(ctx)
	in := state.Intent
	ours = base.Version == sp.base.Version && in != nil && in.Owner == sp.Process && in.Token == family.FingerprintOf(sp.token)
	return base, state, ours, err
}
