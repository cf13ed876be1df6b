package main

// lineageMutants break what is known about a family: its birth and its end.
var lineageMutants = []mutant{
	{
		name: "a rotation restarts the countdown", breaks: "step 5",
		why: "nobody is told that the family dies on day 365",
		edits: []edit{{"internal/family/record.go",
			"next := r\n", "next := r\n\tnext.AuthorizedAt = stamp(pair.SpentAt)\n"}},
	},
	{
		name: "a rotation that died before its record restarts the countdown", breaks: "invariant 3",
		why: "nobody is told that the family dies on day 365",
		edits: []edit{{"internal/family/snapshot.go",
			"l.Intent.Spending == s.Family.Refresh {\n\t\treturn true", "l.Intent.Spending == s.Family.Refresh {\n\t\treturn false"}},
	},
	{
		name: "psoxy's rotation restarts the countdown", breaks: "invariant 3",
		why: "in shared mode nobody is ever told that the family dies",
		edits: []edit{{"internal/family/snapshot.go",
			"return p.AccessFormat == PsoxyJSON &&", "return p.AccessFormat == \"\" &&"}},
	},
	{
		name: "a new consent does not restart the countdown", breaks: "invariant 4",
		why: "after a refusal the new family is given the old one's age",
		edits: []edit{{"internal/family/snapshot.go",
			" && !s.Family.Refused()", ""}},
	},
	{
		name: "an access token lives as long as the record says", breaks: "step 2",
		why: "another's access token is taken for ours, and expires unnoticed",
		edits: []edit{{"internal/family/snapshot.go",
			"if r.Access != FingerprintOf(s.AccessToken.Value) {", "if false {"}},
	},
	{
		name: "an access token lives as long as it claims", breaks: "step 2",
		why: "a date years ahead leaves the connection idle until inactivity kills the family",
		edits: []edit{{"internal/family/decide.go",
			"case left > longestAccess+ClockTolerance:", "case false:"}},
	},
	{
		name: "a fingerprint is of another length", breaks: "invariant 9",
		why: "what is stored does not match any more: every token seems unknown",
		edits: []edit{{"internal/family/fingerprint.go",
			"sum[:6]", "sum[:5]"}},
	},
	{
		name: "another connection's record is believed", breaks: "invariant 3",
		why: "a copied parameter gives a family the wrong birth and the wrong lineage",
		edits: []edit{{"internal/family/record.go",
			"case r.Connection != connection:", "case false:"}},
	},
}
