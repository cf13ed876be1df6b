package health

import (
	"fmt"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func misconfigured(v view) (Verdict, bool) {
	out := Verdict{State: Misconfigured, Level: v.level(), Action: keeper.Misconfigured, Do: v.Commands.SetSecret}
	refusal := v.appRefusal()
	begins := v.CannotBegin != "" && (!v.RefreshToken.Value.IsZero() || v.Told() != nil)
	switch {
	case v.record.Refused() || v.LedgerErr != nil:
		return not()
	case begins:
		out.Reason, out.Do = v.CannotBegin, v.Commands.Authorize
	case v.missing() != "":
		out.Reason = v.missing() + " is missing or not filled in"
	case refusal != nil && refusal.Credentials != "" && refusal.Credentials != v.Credentials() && !v.appDenied():
		out.State, out.Do = Retrying, v.Commands.Tick
		out.Reason = "Atlassian refused the app's id or secret, and they have changed since: the next tick tries"
	case refusal != nil:
		out.Since = refusal.Since
		out.Reason, out.Do = v.refusedFor(refusal.Code)
	case v.decision.Action == family.Misconfigured && !v.State.Empty() && !v.appDenied(): // a token that is too large
		out.Reason, out.Do = v.decision.Reason, v.Commands.Authorize
	default:
		return not()
	}
	out.Line = fmt.Sprintf("%s: %s: %s", out.Level.word(), out.Reason, out.Do)
	return out, true
}

// appRefusal is the last failure, if Atlassian refused the app or the account; nil
// otherwise.
func (v view) appRefusal() *family.Failure {
	if f := v.record.LastFailure; f != nil && f.Class == atlassian.Configuration.String() {
		return f
	}
	return nil
}

// refusedFor says why Atlassian refuses the app or the account, with an OAuth error code, and
// which command helps: set-secret keeps the id.
func (v view) refusedFor(code string) (why, do string) {
	if other := family.OtherApp(v.Snapshot); other != "" {
		return other, v.Commands.Authorize
	}
	return fmt.Sprintf("Atlassian refuses the app's id or secret, or the account is inactive (%s): reactivate the account, or store the new secret", code), v.Commands.SetSecret
}

// missing are the app's parameters that hold nothing, where there is a family.
func (v view) missing() string {
	if v.record.AuthorizedAt.IsZero() || v.appDenied() {
		return ""
	}
	n, app := family.NamesOf(v.Connection), v.App()
	var names []string
	if app.ClientID == "" {
		names = append(names, n.ClientID)
	}
	if app.ClientSecret.IsZero() {
		names = append(names, n.ClientSecret)
	}
	return strings.Join(names, " and ")
}

func postponed(v view) (Verdict, bool) {
	if v.Tick == nil || v.Tick.Action != keeper.Postponed {
		return not()
	}
	do := "give ticks more time: ParameterStoreThroughput: higher, or keep some of the connections in another stack"
	out := Verdict{State: Postponed, Level: v.level(), Action: keeper.Postponed, Do: do, Since: v.Tick.At, Reason: v.Tick.Reason}
	out.Line = fmt.Sprintf("%s: the tick at %s had no time for it: if that lasts, %s", out.Level.word(), v.clock(v.Tick.At), do)
	return out, true
}

func failing(v view) (Verdict, bool) {
	out := Verdict{State: Failing, Level: v.level(), Action: keeper.Failed, Do: v.Commands.Doctor}
	f := v.record.LastFailure
	switch {
	case v.record.Refused() || v.LedgerErr != nil || v.decision.Action == family.Contended:
		return not()
	case v.Tick != nil && v.Tick.Action == keeper.Failed && v.Tick.At.After(v.record.RotatedAt):
		out.Since, out.Reason = v.Tick.At, v.Tick.Reason
		out.Line = fmt.Sprintf("%s: the tick at %s failed: %s: %s", out.Level.word(), v.clock(v.Tick.At), v.Tick.Reason, out.Do)
	case f != nil && (f.Class == atlassian.Transient.String() || f.Class == atlassian.Malformed.String()):
		out.Since = f.At
		if !f.Since.IsZero() {
			out.Since = f.Since
		}
		out.Reason = fmt.Sprintf("Atlassian does not rotate the token (%s, %d in a row); the family is kept, and every tick tries again", f.Class, f.Count)
		out.Line = fmt.Sprintf("%s: rotations fail since %s, and every tick tries again: an outage passes; if %s shows none: %s",
			out.Level.word(), v.clock(out.Since), "https://status.atlassian.com", out.Do)
	default:
		return not()
	}
	return out, true
}

func expiring(v view) (Verdict, bool) {
	left, known := v.left()
	if !known || left >= leastLife || v.record.Refused() {
		return not()
	}
	if _, gone := noTick(v); gone {
		return not() // which says more
	}
	out := Verdict{State: Expiring, Level: v.level(), Action: keeper.Failed, Do: v.Commands.Tick, Since: v.record.AccessExpiresAt, Reason: v.decision.Reason}
	what := "the access token works for " + Lasting(left) + " only"
	if left <= 0 {
		what = "the access token does not work since " + v.clock(v.record.AccessExpiresAt)
	}
	out.Line = fmt.Sprintf("%s: %s, and was not rotated: ask for a tick: %s", out.Level.word(), what, out.Do)
	return out, true
}

func siteLost(v view) (Verdict, bool) {
	if !v.record.SiteGone() || v.record.Refused() {
		return not()
	}
	do := "let the site's administrator unblock the app, or correct CLOUD_ID, or consent again and choose the site: " + v.Commands.Authorize
	out := Verdict{State: SiteLost, Level: Broken, Action: keeper.Idle, Do: do, Since: v.record.SiteAskedAt,
		Reason: "Atlassian does not list the site of CLOUD_ID among those that the access token reaches, though rotations succeed"}
	out.Line = fmt.Sprintf("BROKEN: at %s the access token did not reach the site of CLOUD_ID any more, so consumers fail: %s", v.clock(out.Since), do)
	return out, true
}

func foreign(v view) (Verdict, bool) {
	d := v.decision
	out := Verdict{State: Foreign, Level: v.level(), Action: keeper.Restored, Do: v.Commands.Tick}
	settled := v.Now.Sub(v.Written) >= settling
	switch {
	case v.State.Empty() || v.denied(v.Ledger) || d.Action == family.Contended:
		return not()
	case d.Candidate.Version > 0 && !v.record.Refused():
		out.Since, out.Reason = d.Candidate.Modified, d.Reason
		out.Line = fmt.Sprintf("%s: REFRESH_TOKEN holds an unknown token since %s: the next tick asks Atlassian about it: %s",
			out.Level.word(), v.clock(d.Candidate.Modified), out.Do)
	case d.Notice != "" && !v.copied():
		out.Reason = d.Notice
		out.Line = fmt.Sprintf("%s: %s: the family goes on, and the next tick publishes its token again: find out who wrote there, then: %s",
			out.Level.word(), d.Notice, out.Do)
	case settled && !v.record.Refused() && !v.denied(family.NamesOf(v.Connection).AccessToken) && family.FingerprintOf(v.AccessToken.Value) != v.record.Access:
		out.Since = v.AccessToken.Modified
		out.Reason = "ACCESS_TOKEN does not hold the newest access token, so consumers may fail"
		out.Line = fmt.Sprintf("%s: %s: the next tick mends it: %s", out.Level.word(), out.Reason, out.Do)
	default:
		return not()
	}
	return out, true
}

// settling is how long a tick may take from its entry to the last copy.
const settling = time.Minute

func notKept(v view) (Verdict, bool) {
	if !v.State.Empty() || v.Begin.Empty() {
		return not()
	}
	out := Verdict{State: NotKept, Level: v.level(), Action: keeper.Idle, Do: v.Commands.Tick, Reason: "the ledger is empty"}
	what := "tokens are stored, and the first tick has yet to take them over"
	if v.WithoutLedger() {
		out.Since = v.Told().RotatedAt
		out.Reason = "TOKEN_FAMILY tells that there was a ledger; where the stack has a LedgerPath, give it by --ledger-path"
		what = "there is no ledger " + v.Ledger + ", although there was one: if it was deleted, the next tick begins it again from the copies; where the stack has a LedgerPath, give --ledger-path"
	}
	out.Line = fmt.Sprintf("%s: %s: %s", out.Level.word(), what, out.Do)
	return out, true
}

func exposed(v view) (Verdict, bool) {
	if len(v.Open) == 0 {
		return not()
	}
	do := "delete what is of type String and store it again as SecureString; then consent again, since others may have read it: " + v.Commands.Authorize
	return Verdict{State: Exposed, Level: Attention, Action: keeper.Misconfigured, Do: do, Reason: strings.Join(v.Open, ", ") + ": not encrypted",
		Line: fmt.Sprintf("NEEDS ATTENTION: %s not encrypted: %s", isOrAre(v.Open), do)}, true
}

func isOrAre(names []string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	return strings.Join(names, " and ") + " are"
}

func consentDue(v view) (Verdict, bool) {
	left := v.ends.Sub(v.Now)
	if v.ends.IsZero() || left <= 0 || left.Hours()/24 >= v.Warning || v.record.Refused() {
		return not()
	}
	out := Verdict{State: ConsentDue, Level: Attention, Action: keeper.Idle, Do: v.Commands.Authorize, Until: v.ends,
		Reason: "Atlassian ends a family a fixed time after its consent, even if it is rotated"}
	when := "before then"
	if left.Hours()/24 < v.Last {
		when = "now"
	}
	out.Line = fmt.Sprintf("NEEDS ATTENTION: OK until %s, in %s: consent %s: %s", day(v.ends), Lasting(left), when, out.Do)
	return out, true
}
