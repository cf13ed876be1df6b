package main

// doubtMutants break what happens to a token that may be spent.
var doubtMutants = []mutant{
	{
		name: "a token in doubt is presented as if it were not", breaks: "invariant 2", quick: true,
		why: "it is presented after the leeway too, which revokes the family",
		edits: []edit{{"internal/family/decide.go",
			"if doubt, ok := doubtOf(s, r); ok {\n\t\td := doubt.decide", "if doubt, ok := doubtOf(s, r); ok && false {\n\t\td := doubt.decide"}},
	},
	{
		name: "a replay at 11 minutes", breaks: "invariant 2", quick: true,
		why: "the leeway is over: it revokes the family",
		edits: []edit{{"internal/family/doubt.go",
			"case elapsed < Leeway-LeewayMargin:", "case elapsed < Leeway+LeewayMargin:"}},
	},
	{
		name: "the leeway counts from the last attempt", breaks: "invariant 2",
		why: "Atlassian counts from the first that arrived",
		edits: []edit{{"internal/family/doubt.go",
			"d, found = doubt{since: since, last: last}, true", "d, found = doubt{since: later(since, last), last: last}, true"}},
	},
	{
		name: "the leeway counts by a clock that was wrong", breaks: "invariant 2",
		why: "a token seems to be inside the leeway when it is not: presenting it revokes the family",
		edits: []edit{{"internal/family/lock.go",
			"if last.Equal(first) && (after", "if false && (after"}},
	},
	{
		name: "a take-over forgets the first spend", breaks: "invariant 6", quick: true,
		why: "after the next crash the leeway seems to begin anew",
		edits: []edit{{"internal/rotation/spend.go",
			"first: d.FirstSpend, doubt:", "first: t.Now(), doubt:"}},
	},
	{
		name: "the record forgets the first spend", breaks: "invariant 2",
		why: "psoxy deletes a stale lock, and with it all that tells of the doubt",
		edits: []edit{{"internal/rotation/failure.go",
			"f.FirstSpend = sp.first", "f.FirstSpend = f.At"}},
	},
	{
		name: "the lock alone tells of a doubt", breaks: "invariant 2",
		why: "psoxy deletes a stale lock, and with it all that tells of the doubt",
		edits: []edit{{"internal/family/doubt.go",
			"if !found {\n\t\t\treturn doubt{", "if !found && false {\n\t\t\treturn doubt{"}},
	},
	{
		name: "the last tick inside the leeway tries once", breaks: "invariant 2",
		why: "a few seconds' fault of the store costs the family",
		edits: []edit{{"internal/rotation/keeper.go",
			"&& d.LastChance(now)", "&& d.LastChance(now) && false"}},
	},
	{
		name: "a pause before the lock is written ages an attempt", breaks: "invariant 2",
		why: "the leeway of the request that followed is given up while it lasts",
		edits: []edit{{"internal/family/lock.go",
			"paused > 0 && paused < LockStale", "paused > 0 && false"}},
	},
	{
		name: "wrong credentials end an urgent tick", breaks: "invariant 2",
		why: "a person may have put them right a second later, and the leeway is over at the next tick",
		edits: []edit{{"internal/rotation/outcome.go",
			" || a == Misconfigured", ""}},
	},
	{
		name: "a failed attempt makes a tick less urgent", breaks: "invariant 2",
		why: "it hides the time of the one before, whose leeway ends sooner",
		edits: []edit{{"internal/refresher/refresher.go",
			"!outcomes[t.i].Action.Unfinished() })", "!outcomes[t.i].Urgent })"}},
	},
	{
		name: "a contended connection is looked at again at once", breaks: "invariant 7",
		why: "a read just after another's writes shows the past, and what was replaced is presented",
		edits: []edit{{"internal/refresher/refresher.go",
			"pause < settled", "pause < 0"}},
	},
	{
		name: "a tick that cannot read is over at once", breaks: "invariant 2",
		why: "it may be the last one inside the leeway",
		edits: []edit{{"internal/rotation/keeper.go",
			"none.Urgent = true", "none.Urgent = false"}},
	},
	{
		name: "an urgent connection is served once", breaks: "invariant 2",
		why: "a few seconds' fault of the store costs the family",
		edits: []edit{{"internal/refresher/refresher.go",
			"return !outcomes[t.i].Urgent", "return true || outcomes[t.i].Urgent"}},
	},
	{
		name: "psoxy's stale lock is no intent", breaks: "invariant 6",
		why: "what psoxy lost could have been saved inside the leeway",
		edits: []edit{{"internal/family/doubt.go",
			"case l.Intent == nil && !s.RefreshToken.Modified.After(l.Modified):", "case false:"}},
	},
	{
		name: "psoxy's stale lock is an intent for ever", breaks: "invariant 6",
		why: "a token that psoxy wrote since is taken for the one it spent",
		edits: []edit{{"internal/family/doubt.go",
			"case l.Intent == nil && !s.RefreshToken.Modified.After(l.Modified):", "case l.Intent == nil:"}},
	},
	{
		name: "the late probe never comes", breaks: "invariant 2",
		why: "a family whose only request never arrived waits for ever, though it lives",
		edits: []edit{{"internal/family/doubt.go",
			"return Decision{Action: LateProbe, Reason: \"presented at \" + clock(d.since) +", "return Decision{Action: HoldInDoubt, Reason: \"presented at \" + clock(d.since) +"}},
	},
	{
		name: "the late probe comes too early", breaks: "invariant 2",
		why: "a process that still holds the answer loses the family it could have saved",
		edits: []edit{{"internal/family/doubt.go",
			"if !d.answered && now.Before(d.last.Add(2*Leeway)) {", "if false {"}},
	},
	{
		name: "the late probe ends a living access token", breaks: "invariant 2",
		why: "the token that a spend yielded works for up to an hour, and is revoked with the family",
		edits: []edit{{"internal/family/doubt.go",
			"if now.Before(expires) {", "if now.Before(expires) && false {"}},
	},
	{
		name: "restoring a token forgets that it is in doubt", breaks: "invariant 2",
		why:   "it is presented after the leeway as if for the first time",
		edits: []edit{{"internal/rotation/restore.go", "in = *s.Lock.Intent", "_ = in"}},
	},
	{
		name: "a held pair outlives its own spend", breaks: "invariant 6",
		why:   "saving it writes over the intent of who presented it, and the first spend is forgotten",
		edits: []edit{{"internal/rotation/save.go", "s.Lock.Intent.Spending == h.Record.Refresh {", "false {"}},
	},
}
