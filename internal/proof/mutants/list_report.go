package main

// reportMutants break what is reported, and what must not be reported.
var reportMutants = []mutant{
	{
		name: "metrics are published before the saves", breaks: "step 7",
		why: "a CloudWatch that hangs keeps a received token from being saved",
		edits: []edit{
			{"internal/fleet/fleet.go", "\tvar sick UnhealthyError\n", ""},
			{"internal/fleet/fleet.go", "\toutcomes := make([]keeper.Outcome, len(f.Connections))\n",
				"\tvar sick UnhealthyError\n\toutcomes := make([]keeper.Outcome, len(f.Connections))\n\tsick.metrics = f.publish(ctx, outcomes)\n"},
			{"internal/fleet/fleet.go", "if sick.metrics = f.publish(ctx, outcomes); sick.metrics != nil {", "if sick.metrics != nil {"},
		},
	},
	{
		name: "a lost family is reported as a failure", breaks: "invariant 5",
		why: "the page that asks for a new consent never goes out",
		edits: []edit{{"internal/metrics/metrics.go",
			"{FamilyLost, ended(keeper.Refused), true},", "{FamilyLost, ended(keeper.Failed), true},"}},
	},
	{
		name: "what was written over the token is not counted", breaks: "invariant 5",
		why: "nobody is told of it",
		edits: []edit{{"internal/metrics/metrics.go",
			"return o.Foreign != \"\" }, false},", "return false }, false},"}},
	},
	{
		name: "a doubt is reported as health", breaks: "invariant 5",
		why: "the invocation succeeds while a family hangs on the leeway",
		edits: []edit{{"internal/keeper/outcome.go",
			"case Idle, Rotated, Replayed, Restored, AwaitingConsent, Contended:", "case Idle, Rotated, Replayed, Restored, AwaitingConsent, Contended, InDoubt:"}},
	},
	{
		name: "wrong credentials end an urgent tick", breaks: "invariant 2",
		why: "a person may have put them right a second later, and the leeway is over at the next tick",
		edits: []edit{{"internal/keeper/outcome.go",
			" || a == Misconfigured", ""}},
	},
	{
		name: "the token is logged", breaks: "invariant 9",
		why: "whoever reads the log has the account",
		edits: []edit{{"internal/keeper/spend.go",
			"slog.String(\"token\", string(family.FingerprintOf(sp.token)))", "slog.String(\"token\", sp.token.Reveal())"}},
	},
	{
		name: "a reason quotes what is stored", breaks: "invariant 9",
		why: "a pasted answer holds tokens, and reasons go into logs and reports",
		edits: []edit{{"internal/family/inbox.go",
			"\"%s was written over%s: %s\", name, writer(f.By), reason)", "\"%s was written over%s: %s\", name, f.Value.Reveal(), reason)"}},
	},
	{
		name: "an error quotes the answer", breaks: "invariant 9",
		why: "a 200 that cannot be read holds tokens, and errors go into logs and reports",
		edits: []edit{{"pkg/atlassian/client.go",
			"RetryAfter: r.retryAfter(c), Sent: r.reach != unsent, Err: err,", "RetryAfter: r.retryAfter(c), Sent: r.reach != unsent, Err: reason(string(r.body)),"}},
	},
	{
		name: "an error quotes the record", breaks: "invariant 9",
		why: "a token that was stored in the wrong parameter is printed",
		edits: []edit{{"internal/family/record.go",
			"errors.New(\"is not the JSON that tokenkeeper writes\")", "fmt.Errorf(\"is not the JSON that tokenkeeper writes: %s\", value)"}},
	},
}
