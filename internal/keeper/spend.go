package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// spend is the presenting of one refresh token, as it was decided on what was read.
type spend struct {
	*tick
	view     view
	decision family.Decision
	// token is what is presented. candidate: it is not the ledger's own.
	token     atlassian.Secret
	candidate bool
	// base is the entry of the intent, and state what it says.
	base  ledger.Entry
	state family.State
	// since is when the intent began to be written, by the local clock, and
	// announced the same by the store's.
	since, announced time.Time
	// until is when the leeway ends: that of the first attempt or, for a probe, of the last
	// one. It is zero if that is over.
	until time.Time
	// doubt: an attempt, in this tick or before, may have spent the token. last is the time of
	// the newest such attempt.
	doubt bool
	last  time.Time
	// unbelieved are the refresh tokens of answers that may be believed later.
	unbelieved []atlassian.Secret
	// pair is what was received. Its refresh token is the presented one where the
	// answer held none.
	pair *family.Pair
	// failure is why the pair does not count; nil if it does.
	failure *atlassian.Error
}

// rotate intends, presents the token, and settles what that yields. again: a candidate was not
// accepted, and the family's own token may be due, or the other way round.
func (t *tick) rotate(ctx context.Context, v view, d family.Decision, out Outcome) (_ Outcome, again bool) {
	sp, err := t.intend(ctx, v, d)
	switch {
	case errors.Is(err, ledger.ErrOvertaken):
		return out.as(Contended, "nothing was spent: %v", err), true // where the ledger was deleted, it is begun anew at once
	case err != nil && sp.doubt:
		return out.as(InDoubt, "the token in doubt was not presented: %v", err), false
	case err != nil:
		return out.as(Failed, "nothing was spent: %v", err), false
	}
	ctx, cancel := t.clock.uncancelled(ctx)
	defer cancel()
	t.log.Info("presenting a refresh token", slog.String("why", d.Reason),
		slog.String("token", string(family.FingerprintOf(sp.token))), slog.Int("generation", v.State.Record.Generation))
	sp.present(ctx)
	if sp.failure != nil {
		return sp.failed(ctx, out)
	}
	action := Rotated
	if sp.doubt {
		action = Replayed
	}
	r := v.Received(*sp.pair, d.Candidate)
	v.base, v.State = sp.base, sp.state
	out = t.settle(ctx, v, r, d, out.as(action, "%s", d.Reason))
	if sp.pair.Access.IsZero() && out.Action.Healthy() && !t.clock.now().Before(r.Record.AccessExpiresAt) {
		out = out.as(Failed, "the refresh token is rotated and safe, but Atlassian's answer held no usable access token and the one before is over: the next attempt comes within minutes")
	}
	return out, d.Keep && !sp.candidate && out.Action.Healthy() // a candidate's turn comes now
}

// pauses are the waits before a token whose answer was lost is presented again
// in the same tick. All of it lies inside the leeway and the lease.
var pauses = []time.Duration{0, time.Second, 4 * time.Second}

// present presents the token, and again while that may help and the lease has time
// for it.
//
// An answer without a believable refresh token is asked for again: if the token was spent
// all the same, only a replay inside the leeway brings its successor. See [family.Belief].
// If no answer of a tick holds a successor, and an earlier tick received none either, the
// token counts as unspent, and is kept.
func (sp *spend) present(ctx context.Context) {
	withheld, earlier := 0, sp.doubt
	for attempt, wait := range pauses {
		if attempt > 0 {
			sp.Sleep(ctx, wait)
			if sp.lock != nil && sp.lock.Check(ctx) != nil || sp.overtaken(ctx) || sp.inTime() != nil {
				return
			}
		}
		at := sp.clock.now()
		token, err := sp.post(ctx, sp.patience(attempt))
		if err != nil {
			sp.failure = err
			if err.Class == atlassian.Ambiguous {
				sp.lost(at)
				sp.log.Warn("the answer was lost: the refresh token may be spent", "error", err)
			}
			if !sp.again(err) {
				return
			}
			continue
		}
		if err := sp.unlikely(at, token); err != nil {
			sp.countAsLost(at, "", err)
			continue
		}
		sp.receive(at, token)
		if !token.Refresh.IsZero() {
			return
		}
		if withheld++; withheld == len(pauses) && earlier {
			return
		}
		sp.countAsLost(at, codeWithheld, errNoSuccessor)
	}
}

// patience is how long an answer is waited for. Where the last one did not come in time, the
// tick's last attempt waits as long as the lease and the invocation allow.
func (sp *spend) patience(attempt int) time.Duration {
	if attempt+1 < len(pauses) || !errors.Is(sp.failure, context.DeadlineExceeded) {
		return family.PostTimeout
	}
	left := family.Lease - family.SaveReserve - elapsed(sp.since, sp.clock.local())
	if !sp.clock.deadline.IsZero() {
		left = min(left, sp.clock.deadline.Sub(sp.clock.local())-family.SaveReserve)
	}
	return max(left, family.PostTimeout)
}

// post sends one token request, with a deadline below the lease.
func (sp *spend) post(ctx context.Context, patience time.Duration) (atlassian.Token, *atlassian.Error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	token, err := sp.Token.Refresh(ctx, sp.view.App(), sp.token)
	var e *atlassian.Error
	switch {
	case err == nil:
		return token, nil
	case errors.As(err, &e):
		return atlassian.Token{}, e
	}
	return atlassian.Token{}, &atlassian.Error{Op: "refresh", Class: atlassian.Ambiguous, Sent: true, Err: err}
}

// again reports whether another attempt under the same intent may bring more than a failure.
func (sp *spend) again(e *atlassian.Error) bool {
	switch e.Class {
	case atlassian.Ambiguous:
		return !sp.longOver()
	case atlassian.Transient: // a rate limit that names no time is not waited for within the leeway
		return !e.Sent || sp.doubt && !sp.longOver() && e.RetryAfter == 0
	case atlassian.Permanent, atlassian.Malformed: // inside the leeway, refusals have been mistaken
		return sp.doubt && !sp.until.IsZero() && !sp.state.Inbox.TakesTurns(sp.state.Record)
	}
	return false
}

// unlikely is why the refresh token of an answer to an attempt is not believed.
func (sp *spend) unlikely(at time.Time, token atlassian.Token) error {
	why, believed := sp.state.Record.Unlikely(sp.token, token.Refresh, at)
	if why == "" {
		return nil
	}
	if believed != family.Never && !slices.Contains(sp.unbelieved, token.Refresh) {
		sp.unbelieved = append(sp.unbelieved, token.Refresh)
	}
	differ := len(sp.unbelieved) == len(pauses)
	if believed == family.IfAllDiffer && differ || believed == family.AtLast && (differ || sp.longOver()) {
		return nil
	}
	return fmt.Errorf("the answer's refresh token is not believed: %s", why)
}

// receive takes an answer. The presented token is kept where it held no other.
func (sp *spend) receive(at time.Time, token atlassian.Token) {
	sp.failure = nil
	sp.pair = &family.Pair{Refresh: cmp.Or(token.Refresh, sp.token), Access: family.Publishable(sp.view.Snapshot, token.Access, token.Refresh), Scopes: token.Scopes,
		SpentAt: at, AccessExpiresAt: at.Add(token.ExpiresIn)}
	if lost := lostScopes(sp.state.Record.Scopes, token.Scopes); len(lost) > 0 {
		sp.log.Warn("the access token has lost scopes: the account's newest consent to this app has fewer, and consumers may fail; consent again with all of them", "scopes", lost)
	}
	if sp.pair.Access.IsZero() {
		sp.log.Warn("the answer held no usable access token: ACCESS_TOKEN is left as it is until the next rotation")
	}
}

// lostScopes are the scopes that an answer does not name any more. An answer that names none
// tells nothing. The scope offline_access is about the refresh token.
func lostScopes(before, now []string) []string {
	if len(now) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(before), func(s string) bool { return s == "offline_access" || slices.Contains(now, s) })
}

// codeWithheld stands for an error code in the record.
const codeWithheld = "refresh_token_withheld"

var errNoSuccessor = errors.New("the answer held no refresh token")

// countAsLost takes a success without a usable successor for a lost answer.
func (sp *spend) countAsLost(at time.Time, code string, why error) {
	sp.log.Warn("the answer held no usable successor: it counts as lost", "error", why)
	sp.lost(at)
	sp.failure = &atlassian.Error{Op: "refresh", Class: atlassian.Ambiguous, Code: code, Status: 200, Sent: true, Err: why}
}

// lost notes an attempt whose outcome is not known. A probe may have been the first attempt to
// arrive, and have opened a leeway of its own.
func (sp *spend) lost(at time.Time) {
	if sp.doubt, sp.last = true, at; sp.until.IsZero() {
		sp.until = at.Add(family.Leeway - requestTime)
	}
}

// longOver reports whether the token has been in doubt for long.
func (sp *spend) longOver() bool {
	first := sp.decision.FirstSpend
	return !first.IsZero() && family.LongOver(first, sp.announced)
}
