package health

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

func not() (Verdict, bool) { return Verdict{}, false }

func unreadable(v view) (Verdict, bool) {
	switch {
	case v.LedgerErr != nil:
		do := "restore an earlier version of its value, or delete it: the next tick then begins again from REFRESH_TOKEN and TOKEN_FAMILY"
		return Verdict{State: LedgerUnreadable, Level: Broken, Action: keeper.Failed, Do: do, Reason: v.LedgerErr.Error(), Since: v.Written,
			Line: fmt.Sprintf("BROKEN: %s cannot be used, and no tick works: %v: %s", v.Ledger, v.LedgerErr, do)}, true
	case v.denied(v.Ledger) && v.Told() == nil && v.found():
		do := cmp.Or(v.Commands.Ask, v.Commands.Doctor)
		return Verdict{State: LedgerUnreadable, Level: Attention, Action: keeper.Failed, Do: do, Reason: "access is denied",
			Line: fmt.Sprintf("NEEDS ATTENTION: you may not read %s, and TOKEN_FAMILY does not tell either: ask the deployed function: %s", v.Ledger, do)}, true
	}
	return not()
}

func absent(v view) (Verdict, bool) {
	if v.found() || v.Configured {
		return not()
	}
	do := "check --connection, the account and the region; for a first consent: " + v.Commands.Authorize
	if v.Local {
		do = "check --connection and --store; for a first consent: " + v.Commands.Authorize
	}
	if len(v.Similar) > 0 {
		do = "did you mean --connection " + strings.Join(v.Similar, " or --connection ") + "?"
	}
	where := ""
	if v.Place != "" {
		where = " in " + v.Place
	}
	return Verdict{State: NotFound, Level: Broken, Action: keeper.AwaitingConsent, Do: do, Reason: "none of its parameters exist",
		Line: fmt.Sprintf("NOT FOUND: none of the parameters of %s exist%s: %s", v.Connection, where, do)}, true
}

func awaiting(v view) (Verdict, bool) {
	begins := v.CannotBegin != "" && (!v.RefreshToken.Value.IsZero() || v.Told() != nil)
	if !v.record.AuthorizedAt.IsZero() || begins || v.LedgerErr != nil || v.denied(v.Ledger) || !v.found() && !v.Configured {
		return not()
	}
	out := Verdict{State: AwaitingConsent, Level: Attention, Action: keeper.AwaitingConsent, Do: v.Commands.Authorize,
		Reason: cmp.Or(v.CannotBegin, "there is no refresh token yet"),
		Line:   "NEEDS ATTENTION: nobody has consented yet: " + v.Commands.Authorize}
	if c := v.Consent; c != nil && c.Needs != "" {
		out.Until = c.Until
		out.Line = fmt.Sprintf("NEEDS ATTENTION: the tokens of a consent wait until %s for a decision (%s): finish it where it was begun, or begin again: %s", v.clock(c.Until), c.Needs, out.Do)
	} else if c != nil {
		out.Until = c.Until
		out.Line = fmt.Sprintf("NEEDS ATTENTION: nobody has consented yet, and a consent is under way until %s: if nobody finishes it: %s", v.clock(c.Until), out.Do)
	}
	return out, true
}

func lost(v view) (Verdict, bool) {
	f := v.record.LastFailure
	if !v.record.Refused() {
		return not()
	}
	since := f.At
	if !f.Since.IsZero() {
		since = f.Since
	}
	reason := fmt.Sprintf("Atlassian refused the refresh token (%s)", cmp.Or(f.Code, "no error code"))
	out := Verdict{State: Lost, Level: Broken, Action: keeper.Refused, Do: v.Commands.Authorize, Since: since, Until: v.record.AccessExpiresAt, Reason: reason}
	if c := v.consumers(); c != "" {
		out.Reason += "; " + c
	}
	switch {
	case v.decision.Candidate.Version > 0:
		reason += ", and REFRESH_TOKEN holds another token"
	case f.Credentials != "" && f.Credentials != v.Credentials():
		reason += ", and CLIENT_ID or CLIENT_SECRET have changed since"
	default:
		out.Line = fmt.Sprintf("LOST since %s: consent now: %s", v.clock(since), out.Do)
		return out, true
	}
	out.State, out.Level, out.Do = Retrying, v.level(), v.Commands.Tick
	out.Line = fmt.Sprintf("%s: %s: the next tick tries: %s", out.Level.word(), reason, out.Do)
	return out, true
}

func pastAge(v view) (Verdict, bool) {
	if v.ends.IsZero() || v.record.Refused() {
		return not()
	}
	out := Verdict{State: PastAge, Level: Broken, Action: keeper.Refused, Do: v.Commands.Authorize, Since: v.ends}
	switch {
	case !v.Now.Before(v.ends):
		out.Reason = "Atlassian ends a family a fixed time after its consent, even if it is rotated"
		if v.record.RotatedAt.After(v.ends) {
			out.Reason += "; this one was still rotated at " + v.clock(v.record.RotatedAt)
		}
		out.Line = fmt.Sprintf("PAST ITS AGE since %s (%s): consent now: %s", day(v.ends), Lasting(v.Now.Sub(v.ends)), out.Do)
	case !v.Now.Before(v.inactive):
		out.Since = v.inactive
		out.Reason = fmt.Sprintf("Atlassian ends a family that is not used for %s", Lasting(family.InactivityLimit))
		out.Line = fmt.Sprintf("PAST ITS AGE since %s, because nobody rotated it for %s: consent now: %s",
			day(v.inactive), Lasting(v.Now.Sub(v.inactive)+family.InactivityLimit), out.Do)
	default:
		return not()
	}
	return out, true
}

func noTick(v view) (Verdict, bool) {
	then := v.Snapshot
	then.Now = v.Now.Add(-grace)
	switch {
	case v.LedgerErr != nil || v.record.AuthorizedAt.IsZero() || v.WithoutLedger(), v.changed().After(then.Now):
		return not()
	case !v.acts(v.decision) || !v.acts(family.Decide(then, v.Policy)):
		return not()
	}
	seen := v.Seen()
	out := Verdict{State: NoTick, Level: v.level(), Action: keeper.Failed, Do: v.Commands.Doctor, Since: seen,
		Reason: "the next tick would act, and should have acted before: " + v.decision.Reason}
	doubt := ""
	if !v.decision.FirstSpend.IsZero() {
		out.Level, doubt = Broken, ", while the answer to a rotation is lost"
	}
	if c := v.consumers(); c != "" {
		out.Reason += "; " + c
	}
	last := "no tick has come yet"
	if !seen.IsZero() {
		last = fmt.Sprintf("no tick since %s (%s)", v.clock(seen), Lasting(v.Now.Sub(seen)))
	}
	out.Line = fmt.Sprintf("%s: %s%s: see why: %s", out.Level.word(), last, doubt, out.Do)
	return out, true
}

// copied reports whether REFRESH_TOKEN holds the newest token, so that what was
// there before has been corrected.
func (v view) copied() bool { return family.FingerprintOf(v.RefreshToken.Value) == v.record.Refresh }

// acts reports whether a tick that decides so writes something. When a parameter
// was deleted nobody knows, so that is no sign.
func (v view) acts(d family.Decision) bool {
	a := d.Action
	return a.Presents() || a == family.Adopt || a == family.SettleHeld ||
		a == family.Idle && d.Notice != "" && v.RefreshToken.Version > 0 && !v.copied()
}

// soonest is when the candidate in doubt was presented first whose leeway ends first; the
// newest's where all are over.
func soonest(pending []family.Pending, now time.Time) time.Time {
	first := pending[0].First
	for _, p := range pending {
		if now.Before(p.First.Add(family.Leeway)) && p.First.Before(first) {
			first = p.First
		}
	}
	return first
}

func inDoubt(v view) (Verdict, bool) {
	d, pending := v.decision, v.State.Inbox.Pending
	own := !d.FirstSpend.IsZero() && d.Action != family.Contended && d.Candidate.Version == 0
	if v.record.Refused() || !own && len(pending) == 0 || d.Action == family.Contended {
		return not()
	}
	first := d.FirstSpend
	what := "the answer to a rotation is lost"
	if !own {
		first, what = soonest(pending, v.Now), "the answer about what somebody wrote to REFRESH_TOKEN is lost"
	}
	out := Verdict{State: InDoubt, Level: v.level(), Action: keeper.InDoubt, Since: first, Do: v.Commands.Tick, Reason: d.Reason}
	if until := first.Add(family.Leeway); v.Now.Before(until) {
		out.Until = until
		out.Line = fmt.Sprintf("IN DOUBT until %s: %s, and each tick asks again until then: see that ticks go on: %s", v.clock(until), what, out.Do)
		return out, true
	}
	out.Line = fmt.Sprintf("IN DOUBT since %s: %s, and %s are over: a tick finds out whether a consent is needed: %s",
		v.clock(first), what, Lasting(family.Leeway), out.Do)
	return out, true
}
