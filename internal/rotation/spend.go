package rotation

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// rotate takes the lock, presents the refresh token and saves what it yields.
func (t *tick) rotate(ctx context.Context, s family.Snapshot, d family.Decision, out Outcome) Outcome {
	sp := spend{snapshot: s, record: d.Record, first: d.FirstSpend, doubt: d.Action != family.Rotate}
	if f := d.Record.LastFailure; sp.doubt && f != nil && f.Token == d.Record.Refresh {
		sp.withheld = f.Code == codeWithheld
	}
	attempt := t.Now()
	if sp.first.IsZero() {
		sp.first = attempt
	}
	var err error
	sp.lease, err = t.take(ctx, s, family.Intent{Spending: sp.record.Refresh, Version: s.RefreshToken.Version, FirstSpend: sp.first, Attempt: attempt})
	if err != nil {
		return t.notSpent(out, sp.doubt, err)
	}
	if err := t.inTime(sp.lease); err != nil {
		if !sp.doubt {
			t.release(ctx, sp.lease)
		}
		return t.notSpent(out, sp.doubt, err)
	}

	// From here on nothing that is received may be given up because a caller
	// lost interest: only the deadline ends it.
	ctx, cancel := t.lasting(ctx)
	defer cancel()
	t.log.Info("presenting the refresh token", slog.String("why", d.Reason),
		slog.String("token", string(sp.record.Refresh)), slog.Int("generation", sp.record.Generation))
	t.present(ctx, &sp)
	if sp.failure != nil {
		return t.failed(ctx, sp, out)
	}
	t.state.held = &family.Held{
		Pair: *sp.pair, Record: sp.record.Succeed(*sp.pair), Spent: s.Token(), FirstSpend: sp.first, Locked: sp.lease.locked,
		RefreshVersion: sp.lease.version, AccessVersion: s.AccessToken.Version, FamilyVersion: s.FamilyVersion,
		RefreshSaved: sp.pair.Refresh == s.RefreshToken.Value, KeepFamily: s.FamilyErr != nil,
	}
	success := Rotated
	if sp.doubt {
		success = Replayed
	}
	return t.save(ctx, sp.lease, out.as(success, "%s", d.Reason))
}

// notSpent is the outcome of a tick that had no lock, or not enough time.
func (t *tick) notSpent(out Outcome, doubt bool, err error) Outcome {
	var lost errLost
	switch {
	case errors.As(err, &lost):
		return out.as(Contended, "%v", err)
	case doubt:
		return out.as(InDoubt, "the token in doubt was not presented: %v", err)
	}
	return out.as(Failed, "nothing was spent: %v", err)
}

// spend is the presenting of one refresh token.
type spend struct {
	lease    lease
	snapshot family.Snapshot
	// record describes the family before the spend, and with what came of it.
	record family.Record
	// first is when the token was first presented, in this tick or before.
	first time.Time
	// doubt: an attempt, in this tick or before, may have spent the token.
	doubt bool
	// withheld: the last answer of an earlier tick held no refresh token.
	withheld bool
	// pair is what was received. Its refresh token is the presented one where
	// the answer held none.
	pair *family.Pair
	// failure is set where no successor was received, nor the lack of one confirmed.
	failure *atlassian.Error
}

// pauses are the waits before a token whose answer was lost is presented again
// in the same tick. All of it lies inside the leeway and the lease.
var pauses = []time.Duration{0, time.Second, 4 * time.Second}

// present presents the refresh token, and again while its answer is lost and
// the lease has time for it.
//
// An answer without a refresh token is asked for again: if the token was spent
// all the same, only a replay inside the leeway brings its successor. Only where
// all answers of a tick are of that kind, after the last of an earlier one, the
// token is taken for unspent, and kept.
func (t *tick) present(ctx context.Context, sp *spend) {
	withheld := 0
	for attempt, wait := range pauses {
		if attempt > 0 {
			t.Sleep(ctx, wait)
			if t.inTime(sp.lease) != nil {
				return
			}
		}
		at := t.Now()
		token, err := t.post(ctx, sp.snapshot)
		if err != nil {
			sp.failure = err
			if err.Class != atlassian.Ambiguous {
				return
			}
			sp.doubt = true
			t.log.Warn("the answer was lost: the refresh token may be spent", "error", err)
			continue
		}
		sp.pair = &family.Pair{Refresh: token.Refresh, Access: token.Access, Scopes: token.Scopes,
			SpentAt: at, AccessExpiresAt: token.ExpiresAt(at)}
		sp.failure = nil
		if !token.Refresh.IsZero() {
			return
		}
		sp.pair.Refresh = sp.snapshot.RefreshToken.Value
		if withheld++; withheld == len(pauses) && sp.withheld {
			return
		}
		t.log.Warn("the answer held no refresh token: asking again, in this tick or the next")
		sp.doubt = true
		sp.failure = &atlassian.Error{Op: "refresh", Class: atlassian.Ambiguous, Code: codeWithheld, Status: 200, Sent: true, Err: errNoSuccessor}
	}
}

// codeWithheld stands for an error code in the record.
const codeWithheld = "refresh_token_withheld"

var errNoSuccessor = errors.New("the answer held no refresh token")

// post sends one token request, with a deadline well below the lease.
func (t *tick) post(ctx context.Context, s family.Snapshot) (atlassian.Token, *atlassian.Error) {
	ctx, cancel := context.WithTimeout(ctx, family.PostTimeout)
	defer cancel()
	token, err := t.Token.Refresh(ctx, s.App(), s.RefreshToken.Value)
	var e *atlassian.Error
	switch {
	case err == nil:
		return token, nil
	case errors.As(err, &e):
		return atlassian.Token{}, e
	}
	return atlassian.Token{}, &atlassian.Error{Op: "refresh", Class: atlassian.Ambiguous, Sent: true, Err: err}
}
