package main

import "slices"

// reportMutants break what is reported, and what must not be reported.
var reportMutants = slices.Concat([]mutant{{
	name: "metrics are published before the saves", breaks: "step 7",
	why: "a CloudWatch that hangs keeps a received token from being saved",
	edits: []edit{
		{"internal/fleet", "\tvar sick UnhealthyError\n", ""},
		{"internal/fleet", "\toutcomes := make([]keeper.Outcome, len(f.Connections))\n",
			"\tvar sick UnhealthyError\n\toutcomes := make([]keeper.Outcome, len(f.Connections))\n\tsick.metrics = f.publish(ctx, outcomes)\n"},
		{"internal/fleet", "if sick.metrics = f.publish(ctx, outcomes); sick.metrics != nil {", "if sick.metrics != nil {"},
	},
}}, in("internal/metrics",
	change{name: "a lost family is reported as a failure", breaks: "invariant 5", why: "the page that asks for a new consent never goes out",
		old: "{FamilyLost, func(o keeper.Outcome, _ float64) bool { return o.Lost || o.Action == keeper.Refused }, true},", new: "{FamilyLost, ended(keeper.Failed), true},"},
	change{name: "what was written over the token is not counted", breaks: "invariant 5", why: "nobody is told of it",
		old: "return o.Foreign != \"\" }, false},", new: "return false }, false},"},
), in("internal/keeper",
	change{name: "nobody is told that the access token is written over", breaks: "the promise", why: "consumers fail between two ticks, and every report is healthy",
		old: "cmp.Or(d.Notice, accessWrittenOver(t, v))", new: "cmp.Or(d.Notice)"},
	change{name: "psoxy's access token is a foreign one", breaks: "invariant 5", why: "people look for a writer that has the right",
		old: "t.memory.access.IsZero() || v.Shared() ||", new: "t.memory.access.IsZero() ||"},
	change{name: "the token is logged", breaks: "invariant 9", why: "whoever reads the log has the account",
		old: "slog.String(\"token\", string(family.FingerprintOf(sp.token)))", new: "slog.String(\"token\", sp.token.Reveal())"},
), in("internal/family",
	change{name: "a late copy counts as written over", breaks: "invariant 5", why: "people look for a writer that does not exist",
		old: " != r.Access && found.Modified.After(r.active())", new: " != r.Access"},
	change{name: "a consent by hand keeps the site of the one before", breaks: "invariant 10", why: "a cloud id that a person stored is written over",
		old: "own.CloudID, own.SiteURL = \"\", \"\"", new: "_ = site"},
	change{name: "a doubt is reported as health", breaks: "invariant 5", why: "the invocation succeeds while a family hangs on the leeway",
		old: "case Idle, Rotated, Replayed, Restored, AwaitingConsent, Contended:", new: "case Idle, Rotated, Replayed, Restored, AwaitingConsent, Contended, InDoubt:"},
	change{name: "wrong credentials end an urgent tick", breaks: "invariant 2", why: "a person may have put them right a second later, and the leeway is over at the next tick",
		old: " || a == Misconfigured", new: ""},
	change{name: "a reason quotes what is stored", breaks: "invariant 9", why: "a pasted answer holds tokens, and reasons go into logs and reports",
		old: "\"%s was written over%s: %s\", name, writer(f.By), reason)", new: "\"%s was written over%s: %s\", name, f.Value.Reveal(), reason)"},
	change{name: "an error quotes the record", breaks: "invariant 9", why: "a token that was stored in the wrong parameter is printed",
		old: "Record{}, errors.New(\"is not the JSON that tokenkeeper writes\")", new: "Record{}, fmt.Errorf(\"is not the JSON that tokenkeeper writes: %s\", value)"},
), in("pkg/atlassian",
	change{name: "an error quotes the answer", breaks: "invariant 9", why: "a 200 that cannot be read holds tokens, and errors go into logs and reports",
		old: "RetryAfter: r.retryAfter(c), Sent: r.reach != unsent, Err: err,", new: "RetryAfter: r.retryAfter(c), Sent: r.reach != unsent, Err: reason(string(r.body)),"},
))
