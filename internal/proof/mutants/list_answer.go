package main

// answerMutants break what Atlassian's answers are taken for, and the adapter of
// the store.
var answerMutants = []mutant{
	{
		name: "a 401 is a refusal of the token", breaks: "invariant 5", quick: true,
		why: "a mistyped client secret declares a living family dead",
		edits: []edit{{"pkg/atlassian/classify.go",
			"living family.\n\t\treturn Configuration", "living family.\n\t\treturn Permanent"}},
	},
	{
		name: "a 403 is a passing fault", breaks: "invariant 5",
		why: "a dead family is never reported, and hammered for ever",
		edits: []edit{{"pkg/atlassian/classify.go",
			"case \"invalid_grant\":\n\t\treturn Permanent, true", "case \"invalid_grant\":\n\t\treturn Transient, true"}},
	},
	{
		name: "a 5xx is an answer to the request", breaks: "invariant 5",
		why: "the token may be spent, and is presented after the leeway",
		edits: []edit{{"pkg/atlassian/classify.go",
			"case e.status/100 != 4:", "case e.status/100 < 4:"}},
	},
	{
		name: "a request that could not be read is a refusal", breaks: "invariant 5", quick: true,
		why: "one mistaken 400 declares a living family dead",
		edits: []edit{{"pkg/atlassian/classify.go",
			"\treturn Malformed\n", "\treturn Permanent\n"}},
	},
	{
		name: "a damaged body is believed", breaks: "invariant 4",
		why: "a token with a wrong bit overwrites the good one",
		edits: []edit{{"pkg/atlassian/body.go",
			"if err = damage(err); err == errDamaged {\n\t\tout = nil\n\t}\n\treturn out, err\n}\n\n// inflate", "err = damage(err)\n\treturn out, err\n}\n\n// inflate"}},
	},
	{
		name: "a lost connection reached nobody", breaks: "invariant 5",
		why: "the token may be spent, and is presented after the leeway",
		edits: []edit{{"pkg/atlassian/classify.go",
			"case e.reach != answered:\n\t\treturn Ambiguous, false", "case e.reach != answered:\n\t\treturn Transient, false"}},
	},
	{
		name: "a lock is created over another's", breaks: "invariant 6",
		why: "psoxy and the keeper both hold it",
		edits: []edit{{"internal/store/ssmstore/ssmstore.go",
			"Overwrite: &overwrite,", "Overwrite: new(true),"}},
	},
}
