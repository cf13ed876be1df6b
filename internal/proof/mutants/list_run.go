package main

import "slices"

// runMutants break what is around the protocol where there is no Lambda: the timer,
// what Prometheus sees, and the face for other programs.
var runMutants = slices.Concat(in("internal/fleet",
	change{name: "a tick on a timer has no deadline", breaks: "invariant 1", why: "a store that hangs ends the ticks, and nobody knows how long a stop takes",
		old: "context.WithTimeout(ctx, TickTime)", new: "context.WithCancel(ctx)"},
	change{name: "a stop does not wait for the tick", breaks: "step 5", why: "each update of the service may lose what was just received",
		old: "\t\ttick(one)\n\t\tcancel()\n", new: "\t\tgo func() {\n\t\t\ttick(one)\n\t\t\tcancel()\n\t\t}()\n"},
	change{name: "who fails comes first again", breaks: "the promise", why: "connections that Atlassian does not answer keep all others from their turns",
		old: "out.since = tried.Add(before)", new: ""},
	change{name: "a doubt of long ago comes first", breaks: "the promise", why: "no haste saves it, and whom haste would save waits behind it",
		old: "case in != nil && now.Sub(in.First) < family.Leeway:", new: "case in != nil:"},
	change{name: "new connections come before overdue ones", breaks: "the promise", why: "hundreds that begin at once leave all others without access tokens",
		old: "since: now.Add(before / 2)}", new: "}"},
	change{name: "a denied ledger hides how the others are", breaks: "the promise", why: "a doubt beside it is not served first",
		old: "if !errors.Is(err, store.ErrDenied) {\n\t\treturn entries, err", new: "if err == nil || true {\n\t\treturn entries, err"},
	change{name: "a survey takes its time", breaks: "the promise", why: "while the store is slow nobody is served at all",
		old: "if f.Now().Sub(began) < surveyTime {", new: "{"},
	change{name: "who is unknown comes in the same order at each tick", breaks: "the promise", why: "the last ones are never served while the store is slow",
		old: "first = turned(first, f.Now())", new: ""},
), in("internal/metrics/exporter",
	change{name: "a tick that served some shows as a heartbeat", breaks: "step 7", why: "connections that are never served are missed by nobody",
		old: "\tif !postponed {\n", new: "\tif len(outcomes) > 0 {\n"},
	change{name: "a tick that reads nothing hides what ends", breaks: "step 7", why: "the alert on an access token that expires ends with the store that is down",
		old: "if o.Action == keeper.AwaitingConsent || e.ends[o.Connection] == nil {", new: "{"},
), in("pkg/keeper",
	change{name: "a consent without a refresh token is saved", breaks: "invariant 3", why: "a family that cannot be kept replaces one that can",
		old: "case g.Token.Refresh.IsZero():", new: "case g.Token.Access.IsZero():"},
	change{name: "a program's call may last for ever", breaks: "invariant 1", why: "a database that hangs keeps a tick from ending, and with it all later ones",
		old: "return context.WithTimeout(ctx, callTime)", new: "return context.WithCancel(ctx)"},
))
