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
	sp.blameApp()
	e, v, d := sp.failure, sp.view, sp.decision
	candidate := d.Candidate.Version > 0
	f := family.Failure{Class: e.Class.String(), Code: e.Code, Token: family.FingerprintOf(sp.token), Credentials: v.Credentials()}
	if sp.doubt {
		sp.dateIntent(ctx) // the doubt counts from when the store wrote the intent
		if candidate {
			f.FirstSpend = sp.state.Intent.First
		}
	}
	if f.At = sp.clock.now(); e.RetryAfter > 0 {
		f.RetryAt = f.At.Add(e.RetryAfter)
	}
	if e.Class == atlassian.Transient && e.Sent {
		f.RetryAt = family.Spaced(f, v.State.Record)
	}
	definite := sp.definite(f, candidate)
	sp.doubt = sp.doubt && !definite
	state := sp.state.Failed(f, sp.doubt, sp.last)
	entry, err := sp.writeDown(ctx, state, candidate)
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
	out = sp.explain(out, candidate)
	out.Urgent = out.Urgent || sp.doubt && d.FirstSpend.IsZero() // the leeway has just begun to run
	if candidate && definite {
		out.Foreign = out.Reason
		return out, true
	}
	out.describe(v.State.Record, sp.clock.now(), sp.conn.Policy)
	return sp.publish(ctx, v, d, out), definite // somebody may have stored a newer token meanwhile
}

// blameApp turns another app's refusal of the own token into a fault of the configuration:
// it says nothing about the token.
func (sp *spend) blameApp() {
	if sp.failure.Class != atlassian.Permanent || sp.otherApp() == "" {
		return
	}
	e := *sp.failure
	e.Class = atlassian.Configuration
	sp.failure = &e
}

// otherApp says that the family's own token was presented by another app; "" if not.
func (sp *spend) otherApp() string {
	if sp.decision.Candidate.Version > 0 { // it may be that app's
		return ""
	}
	return family.OtherApp(sp.view.Snapshot)
}

// definite reports whether a failure settles the spend. A candidate that is refused
// is looked at again a minute later. A refusal of the own token in doubt settles
// nothing before its leeway is over: until then another replay can do no harm, and
// refusals have been mistaken.
func (sp *spend) definite(f family.Failure, candidate bool) bool {
	permanent := f.Class == atlassian.Permanent.String()
	switch {
	case candidate:
		return permanent || f.Class == atlassian.Malformed.String()
	case sp.doubt && !sp.until.IsZero() && f.At.Before(sp.until):
		return false
	}
	return permanent || f.Class == atlassian.Malformed.String() && sp.state.Record.Fail(f).Refused()
}

// writeDown appends the entry of a failure. Where the ledger was deleted while the
// token was presented, a doubt and what is known of a candidate begin it anew.
func (sp *spend) writeDown(ctx context.Context, state family.State, candidate bool) (ledger.Entry, error) {
	entry, err := sp.append(ctx, sp.base, state)
	if errors.Is(err, ledger.ErrOvertaken) && (sp.doubt || candidate) {
		if base, now, again := sp.reload(ctx); again == nil && now.Empty() { // it was deleted
			return sp.append(ctx, base, state)
		}
	}
	return entry, err
}

// explain names a failure.
func (sp *spend) explain(out Outcome, candidate bool) Outcome {
	e, doubt := sp.failure, sp.doubt
	switch {
	case doubt && e.Class == atlassian.Permanent:
		return out.as(InDoubt, "Atlassian refused a refresh token whose answer was lost before; it is presented again until the leeway is over (%v)", e)
	case candidate && !doubt && (e.Class == atlassian.Permanent || e.Class == atlassian.Malformed):
		return sp.explainStranger(out)
	case e.Class == atlassian.Permanent:
		return out.as(Refused, "Atlassian refused the refresh token: it expired or was revoked; %s (%v)", sp.state.Remedy(sp.names.RefreshToken), e)
	case e.Class == atlassian.Configuration && sp.otherApp() != "":
		return out.as(Misconfigured, "%s; the token family is kept (%v)", sp.otherApp(), e)
	case e.Class == atlassian.Configuration:
		return out.as(Misconfigured, "Atlassian refused the app's credentials, or the account is inactive; the token family is kept: check CLIENT_ID, CLIENT_SECRET and the account (%v)", e)
	case doubt && sp.longOver():
		return out.as(InDoubt, "the refresh token may be spent and its answer is lost; it is presented again every few minutes (%v)", e)
	case doubt:
		return out.as(InDoubt, "the refresh token may be spent and its answer is lost; it is presented again within the leeway (%v)", e)
	case e.Class == atlassian.Malformed:
		return out.as(Failed, "Atlassian answered that it cannot read the request; the refresh token is kept, and the request is repeated; %s may hold no whole token (%v)", sp.names.RefreshToken, e)
	}
	return out.as(Failed, "the refresh token was not spent; the next tick tries again (%v)", e)
}

// explainStranger names the refusal of a token that was written over the family's own.
func (sp *spend) explainStranger(out Outcome) Outcome {
	if sp.state.Record.Refused() {
		return out.as(Refused, "Atlassian refused the refresh token, and a token in %s, too: %s (%v)", sp.names.RefreshToken, sp.state.Remedy(sp.names.RefreshToken), sp.failure)
	}
	return out.as(Restored, "a token that was written over %s was not accepted by Atlassian, and the family goes on with its own (%v)", sp.names.RefreshToken, sp.failure)
}

// dateIntent reads when the store wrote the intent. Without an answer it is
// dated by what was known of the store's clock just before.
func (sp *spend) dateIntent(ctx context.Context) {
	if base, state, ours, err := sp.newest(ctx); err == nil && ours {
		sp.state, sp.base = state, base
	} else if sp.state.Intent.First.IsZero() {
		in := *sp.state.Intent
		in.First = sp.announced
		sp.state.Intent = &in
	}
}
