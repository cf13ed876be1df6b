package main

// saveMutants break the save: its order, and what is newer.
var saveMutants = []mutant{
	{
		name: "the access token is saved first", breaks: "step 5", quick: true,
		why: "a crash in between loses the refresh token, of the two the one that nobody can re-issue",
		edits: []edit{
			{"internal/rotation/save.go", "kept, err := t.saveRefresh(ctx, &l, h)", "kept, err := t.saveAccess(ctx, h)"},
			{"internal/rotation/save.go", "kept, err = t.saveAccess(ctx, h)", "kept, err = t.saveRefresh(ctx, &l, h)"},
		},
	},
	{
		name: "the record is not saved", breaks: "step 5",
		why: "the countdown and the lineage are lost, and every tick rotates",
		edits: []edit{{"internal/rotation/save.go",
			"if err == nil && kept && !h.KeepFamily {", "if false {"}},
	},
	{
		name: "a save is tried once", breaks: "step 5",
		why: "one throttled call, and the successor hangs on this process's memory",
		edits: []edit{{"internal/rotation/save.go",
			"if err == nil || final(err) || attempt+1 >= attempts ||", "if err == nil || final(err) || attempts > 0 ||"}},
	},
	{
		name: "a pair that could not be saved is forgotten", breaks: "step 5", quick: true,
		why: "the process holds the only copy, and throws it away",
		edits: []edit{{"internal/rotation/save.go",
			"\tif err != nil {\n\t\treturn success.as(Failed, \"the received tokens",
			"\tif err != nil {\n\t\tt.state.held = nil\n\t\treturn success.as(Failed, \"the received tokens"}},
	},
	{
		name: "a pair in memory covers a new consent", breaks: "invariant 3",
		why: "a person consented meanwhile, and it is overwritten",
		edits: []edit{{"internal/rotation/keeper.go",
			"if t.state.held != nil && t.superseded(s) {", "if false && t.superseded(s) {"}},
	},
	{
		name: "the returned version is ignored", breaks: "invariant 3", quick: true,
		why: "what others wrote in between is covered and never looked at",
		edits: []edit{{"internal/rotation/save.go",
			"if first == version {", "if first <= version {"}},
	},
	{
		name: "a history that cannot be read is passed over", breaks: "invariant 3",
		why: "a throttled read hides the consent that was overwritten",
		edits: []edit{{"internal/rotation/save.go",
			"return version, nil, err\n", "return version, nil, nil\n"}},
	},
	{
		name: "a stale history is believed", breaks: "invariant 3",
		why: "it lacks the consent that was overwritten",
		edits: []edit{{"internal/rotation/save.go",
			"if err == nil && (len(entries) == 0 || entries", "if err == nil && len(entries) > 0 && (false || entries"}},
	},
	{
		name: "an unknown token is overwritten", breaks: "invariant 3",
		why: "it may be a new consent, which nobody can repeat for us",
		edits: []edit{{"internal/family/pair.go",
			"return ours.Chain == \"\" || chainOf(theirs.Value) != ours.Chain", "return false"}},
	},
	{
		name: "another token of our family passes for a consent", breaks: "invariant 3",
		why: "what psoxy received earlier covers what we received later",
		edits: []edit{{"internal/family/pair.go",
			"return ours.Chain == \"\" || chainOf(theirs.Value) != ours.Chain", "return true"}},
	},
	{
		name: "an older consent wins", breaks: "invariant 3",
		why: "the newest family is covered by an older one",
		edits: []edit{{"internal/family/pair.go",
			"return stored.AuthorizedAt.After(ours.AuthorizedAt)", "return stored.AuthorizedAt.Before(ours.AuthorizedAt)"}},
	},
	{
		name: "within a family the older spend wins", breaks: "invariant 3",
		why: "the sibling that was received first covers the one received last",
		edits: []edit{{"internal/family/pair.go",
			"&& stored.RotatedAt.After(ours.RotatedAt)", "&& !stored.RotatedAt.After(ours.RotatedAt)"}},
	},
	{
		name: "a record's time outweighs the store's clock", breaks: "invariant 3",
		why: "a process whose clock was ahead covers what was received after it",
		edits: []edit{{"internal/family/pair.go",
			"return !theirs.Modified.Before(locked) && stored", "return stored"}},
	},
	{
		name: "what was seen is forgotten when something else is read", breaks: "invariant 3",
		why: "a stale read is believed after all",
		edits: []edit{{"internal/rotation/keeper.go",
			"for _, name := range names {\n", "for _, name := range []string{t.names.RefreshToken, t.names.Family} {\n"}},
	},
	{
		name: "the winner is not put back on top", breaks: "invariant 3",
		why: "we know that ours is the older one, and leave it there",
		edits: []edit{{"internal/rotation/save.go",
			"if winner == nil {\n\t\t\tbreak\n\t\t}", "if winner == nil {\n\t\t\tbreak\n\t\t}\n\t\tif true {\n\t\t\treturn false, nil\n\t\t}"}},
	},
	{
		name: "an older token on top is taken for the newest", breaks: "invariant 3",
		why: "presenting a generation that is long spent revokes the family",
		edits: []edit{{"internal/family/decide.go",
			"if s.Family != nil && slices.Contains(s.Family.Previous, r.Refresh) {", "if s.Family != nil && slices.Contains(s.Family.Previous, r.Refresh) && false {"}},
	},
	{
		name: "an interrupted rotation is left as it is", breaks: "invariant 3",
		why: "a token that a crashed process wrote over a consent stays on top",
		edits: []edit{{"internal/family/decide.go",
			"if s.interrupted() {", "if s.interrupted() && false {"}},
	},
	{
		name: "an interrupted rotation covers a consent", breaks: "invariant 3",
		why: "the newest consent lies under an older family's token",
		edits: []edit{{"internal/family/interrupted.go",
			"case theirs.Version != 0:", "case theirs.Version != 0 && ours.Version == 0:"}},
	},
	{
		name: "what another keeper saved counts as a person's", breaks: "invariant 7",
		why: "the elder of two siblings is put on top, and its presenting can kill the family",
		edits: []edit{{"internal/family/interrupted.go",
			"case s.Family != nil && fp == s.Family.Refresh && s", "case false && s"}},
	},
	{
		name: "what a consent replaced counts as its family's", breaks: "invariant 3",
		why: "a rotation that was interrupted beside a consent puts the old family's token over the new one",
		edits: []edit{{"internal/family/record.go",
			"age <= r.Generation {", "age > 0 {"}},
	},
	{
		name: "what a person wrote counts as the keeper's", breaks: "invariant 3",
		why: "a new consent is given the old family's age, and may lie under its token",
		edits: []edit{{"internal/family/interrupted.go",
			"case fp == in.Successor || base.Chain", "case true || base.Chain"}},
	},
	{
		name: "what the keeper wrote counts as a person's", breaks: "invariant 3",
		why: "every crash restarts the countdown, and nobody is told of day 365",
		edits: []edit{{"internal/family/interrupted.go",
			"case fp == in.Successor || base.Chain", "case base.Chain"}},
	},
	{
		name: "a record that cannot be read is overwritten", breaks: "invariant 3",
		why: "the time of the consent is in it, and a newer version may read it",
		edits: []edit{{"internal/rotation/spend.go",
			"KeepFamily: s.FamilyErr != nil", "KeepFamily: false"}},
	},
	{
		name: "a stale read is believed", breaks: "invariant 3",
		why: "the token of the generation before is presented, which revokes the family",
		edits: []edit{{"internal/rotation/keeper.go",
			"e.Version < seen.version && elapsed(", "e.Version < seen.version && false && elapsed("}},
	},
}
