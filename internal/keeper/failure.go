package keeper

import (
	"context"
	"errors"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// failed settles a spend that yielded no successor: it writes down what is
// known. A refusal counts only if its entry is valid on top of the intent: then
// the refused token was still the newest (invariant 4).
func (sp *spend) failed(ctx context.Context, out Outcome) (_ Outcome, again bool) {
	e, otherApp := sp.blamed()
	v, d := sp.view, sp.decision
	f := failureOf(ctx, sp, e)
	definite := sp.definite(f)
	sp.doubt = sp.doubt && !definite
	var left *family.Intent
	if sp.doubt {
		left = sp.state.Intent.Left(v.State, sp.last)
		if d.Yields { // that one had its time
			left.Owner = ""
		}
	}
	state := sp.state.Failed(f, left)
	entry, err := sp.writeDown(ctx, state)
	switch {
	case errors.Is(err, ledger.ErrOvertaken):
		return out.as(Contended, "another entry was written while the token was presented; what came of it (%v) is looked at again", e), true
	case err != nil && definite:
		return out.as(Failed, "Atlassian did not accept the refresh token (%v), and the ledger cannot be written to confirm that it is the newest: %v", e, err), false
	case err != nil:
		sp.log.Error("the failure could not be written down", "error", err)
	default:
		v.State, v.base = state, entry
	}
	if sp.candidate && definite {
		out = sp.explainStranger(out, e)
		out.Foreign = out.Reason
		return out, true
	}
	out = sp.explain(out, e, otherApp)
	out.Urgent = out.Urgent || sp.doubt && d.FirstSpend.IsZero() // the leeway has just begun to run
	out.describe(v.State.Record, sp.clock.now(), sp.conn.Policy)
	return sp.publish(ctx, v, d, out), definite || anothersTurn(sp, v, e) // somebody may have stored a newer token meanwhile
}

// failureOf is a failure as it is written down. A doubt counts from when the store wrote the
// intent.
func failureOf(ctx context.Context, sp *spend, e *atlassian.Error) family.Failure {
	v := sp.view
	f := family.Failure{Class: e.Class.String(), Code: e.Code, Token: family.FingerprintOf(sp.token), Credentials: v.Credentials()}
	if sp.doubt {
		sp.dateIntent(ctx)
		if sp.candidate {
			f.FirstSpend = sp.state.Intent.First
		}
	}
	if f.At = sp.clock.now(); e.RetryAfter > 0 {
		f.RetryAt = f.At.Add(e.RetryAfter)
	}
	if e.Class == atlassian.Transient && e.Sent {
		f.RetryAt = family.Spaced(f, v.State.Record, sp.candidate)
	}
	return f
}

// anothersTurn reports whether a failure leaves the tick to another token: that of a candidate
// whose rate is limited to the own one, that of a blocked own one to what was stored again.
func anothersTurn(sp *spend, v view, e *atlassian.Error) bool {
	if sp.candidate {
		return e.Class == atlassian.Transient && e.Sent && !sp.doubt
	}
	return e.Class == atlassian.Malformed && family.Insisted(v.Snapshot)
}

// blamed is the failure, with another app's id taken for its cause where that was used for the
// own token: then a refusal is a fault of the configuration, and says nothing about the token.
// otherApp says so for people; it is "" where the app is the right one.
func (sp *spend) blamed() (e *atlassian.Error, otherApp string) {
	e = new(*sp.failure)
	if !sp.candidate { // it may be that app's
		otherApp = family.OtherApp(sp.view.Snapshot)
	}
	if otherApp != "" && e.Class == atlassian.Permanent {
		e.Class = atlassian.Configuration
	}
	return e, otherApp
}

// definite reports whether a failure settles the spend. A candidate that is refused
// is looked at again a minute later. A refusal of the own token in doubt settles
// nothing before its leeway is over: until then another replay can do no harm, and
// refusals have been mistaken.
func (sp *spend) definite(f family.Failure) bool {
	permanent, malformed := f.Class == atlassian.Permanent.String(), f.Class == atlassian.Malformed.String()
	switch {
	case sp.candidate:
		return permanent || malformed
	case sp.doubt && f.At.Before(sp.until):
		return false
	}
	return permanent || malformed && sp.state.Record.Fail(f).Refused()
}

// writeDown appends the entry of a failure. Where the ledger was deleted while the
// token was presented, a doubt and what is known of a candidate begin it anew.
func (sp *spend) writeDown(ctx context.Context, state family.State) (ledger.Entry, error) {
	entry, err := sp.append(ctx, sp.base, state)
	if errors.Is(err, ledger.ErrOvertaken) && (sp.doubt || sp.candidate) {
		if base, now, again := sp.reload(ctx); again == nil && now.Empty() { // it was deleted
			return sp.append(ctx, base, state)
		}
	}
	return entry, err
}

// explain names a failure, but for the refusal of a candidate; see blamed for otherApp.
func (sp *spend) explain(out Outcome, e *atlassian.Error, otherApp string) Outcome {
	switch {
	case sp.doubt && e.Class == atlassian.Permanent:
		return out.as(InDoubt, "Atlassian refused a refresh token whose answer was lost before; it is presented again until the leeway is over (%v)", e)
	case e.Class == atlassian.Permanent:
		return out.as(Refused, "Atlassian refused the refresh token: it expired or was revoked; %s (%v)", sp.state.Remedy(sp.names.RefreshToken), e)
	case e.Class == atlassian.Configuration && otherApp != "":
		return out.as(Misconfigured, "%s; the token family is kept (%v)", otherApp, e)
	case e.Class == atlassian.Configuration:
		return out.as(Misconfigured, "Atlassian refused the app's credentials, or the account is inactive; the token family is kept: check CLIENT_ID, CLIENT_SECRET and the account (%v)", e)
	case sp.doubt && sp.longOver():
		return out.as(InDoubt, "the refresh token may be spent and its answer is lost; it is presented again every few minutes (%v)", e)
	case sp.doubt:
		return out.as(InDoubt, "the refresh token may be spent and its answer is lost; it is presented again within the leeway (%v)", e)
	case e.Class == atlassian.Malformed:
		return out.as(Failed, "Atlassian answered that it cannot read the request; the refresh token is kept, and the request is repeated; %s may hold no whole token (%v)", sp.names.RefreshToken, e)
	}
	return out.as(Failed, "the refresh token was not spent; the next tick tries again (%v)", e)
}

// explainStranger names the refusal of a token that was written over the family's own.
func (sp *spend) explainStranger(out Outcome, e *atlassian.Error) Outcome {
	if sp.state.Record.Refused() {
		return out.as(Refused, "Atlassian refused the refresh token, and a token in %s, too: %s (%v)", sp.names.RefreshToken, sp.state.Remedy(sp.names.RefreshToken), e)
	}
	return out.as(Restored, "a token that was written over %s was not accepted by Atlassian, and the family goes on with its own (%v)", sp.names.RefreshToken, e)
}
