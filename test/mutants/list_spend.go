package main

// spendMutants break the request and what its endings mean.
var spendMutants = []mutant{
	{
		name: "a lost answer counts as not spent", breaks: "invariant 5", quick: true,
		why: "the spent token is presented again after the leeway, which revokes the family",
		edits: []edit{{"internal/rotation/spend.go",
			"sp.doubt = true\n\t\t\tt.log.Warn(\"the answer was lost", "t.log.Warn(\"the answer was lost"}},
	},
	{
		name: "a request that reached nobody counts as lost", breaks: "invariant 5",
		why: "a rate limit is answered with more requests at once",
		edits: []edit{{"internal/rotation/spend.go",
			"if err.Class != atlassian.Ambiguous {", "if err.Class == atlassian.Permanent {"}},
	},
	{
		name: "a refusal is believed without a read", breaks: "invariant 4", quick: true,
		why: "a consent that came meanwhile is taken for a dead family",
		edits: []edit{{"internal/rotation/failure.go",
			"} else if changed {", "} else if false && changed {"}},
	},
	{
		name: "a refused token is presented again and again", breaks: "invariant 4",
		why: "a dead family is hammered every five minutes for as long as nobody looks",
		edits: []edit{{"internal/family/decide.go",
			"if s.refused(r) {", "if false {"}},
	},
	{
		name: "a refusal outlives the credentials it was given for", breaks: "invariant 4",
		why: "a family that was refused under another app's id sleeps after the id is put right",
		edits: []edit{{"internal/family/snapshot.go",
			"return r.Refused() && (r.LastFailure.Credentials == \"\" || r.LastFailure.Credentials == s.Credentials())", "return r.Refused()"}},
	},
	{
		name: "refused credentials are presented again at once", breaks: "invariant 5",
		why: "a mistyped client secret becomes an attack on the token endpoint",
		edits: []edit{{"internal/family/decide.go",
			"since >= 0 && since < wait {", "since >= 0 && since < 0 {"}},
	},
	{
		name: "corrected credentials have to wait", breaks: "invariant 5",
		why: "the engineer who mended the secret sees no effect for up to an hour",
		edits: []edit{{"internal/family/decide.go",
			"if f.Credentials == s.Credentials() && since", "if since"}},
	},
	{
		name: "Retry-After is ignored", breaks: "invariant 5",
		why: "Atlassian asked to be left alone",
		edits: []edit{{"internal/family/decide.go",
			"wait > 0 && wait <= maxRetryAfter {", "wait > maxRetryAfter {"}},
	},
	{
		name: "an answer without a refresh token ends it", breaks: "invariant 2",
		why: "if Atlassian rotated all the same, only a replay inside the leeway brings the successor",
		edits: []edit{{"internal/rotation/spend.go",
			"if withheld++; withheld == len(pauses) && sp.withheld {", "if withheld++; withheld > 0 {"}},
	},
	{
		name: "one tick's answers without a refresh token are believed", breaks: "invariant 2",
		why: "the tick after it can still replay inside the leeway",
		edits: []edit{{"internal/rotation/spend.go",
			"withheld == len(pauses) && sp.withheld {", "withheld == len(pauses) {"}},
	},
	{
		name: "an answer without a refresh token empties it", breaks: "invariant 3",
		why: "the token that is still alive is overwritten",
		edits: []edit{{"internal/rotation/spend.go",
			"sp.pair.Refresh = sp.snapshot.RefreshToken.Value", "sp.pair.Refresh = atlassian.Secret{}"}},
	},
	{
		name: "a token is spent whose successor may not fit", breaks: "step 5",
		why: "the successor cannot be stored, and exists in memory only",
		edits: []edit{{"internal/family/decide.go",
			"case len(token) > store.MaxValueBytes-tokenGrowth:", "case false:"}},
	},
	{
		name: "a request has no deadline", breaks: "step 4",
		why: "it hangs until the invocation is killed, and with it the time to save",
		edits: []edit{{"internal/rotation/spend.go",
			"context.WithTimeout(ctx, family.PostTimeout)", "context.WithCancel(ctx)"}},
	},
	{
		name: "a cancelled invocation drops what it received", breaks: "step 5", quick: true,
		why: "the successor is in memory, and the save is given up",
		edits: []edit{{"internal/rotation/spend.go",
			"ctx, cancel := t.lasting(ctx)", "_, cancel := t.lasting(ctx)"}},
	},
	{
		name: "a cancelled invocation drops what it held", breaks: "step 5",
		why: "the successor is in memory since an earlier tick, and the save is given up",
		edits: []edit{{"internal/rotation/save.go",
			"ctx, cancel := t.lasting(ctx)", "_, cancel := t.lasting(ctx)"}},
	},
	{
		name: "a save may hang until the process is killed", breaks: "step 5",
		why: "what the other connections hold in memory is lost with it, and the metrics of all",
		edits: []edit{{"internal/rotation/save.go",
			"return context.WithTimeout(ctx, max(t.deadline.Sub(t.Now())-lastBreath, lastCall))", "return context.WithCancel(ctx)"}},
	},
}
