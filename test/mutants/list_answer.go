package main

// answerMutants break what Atlassian's answers are taken for, and the adapter of
// the store.
var answerMutants = []mutant{
	{
		name: "a 401 is a refusal of the token", breaks: "invariant 5", quick: true,
		why: "a mistyped client secret declares a living family dead",
		edits: []edit{{"pkg/atlassian/classify.go",
			"// client secret.\n\t\treturn Configuration, false", "// client secret.\n\t\treturn Permanent, false"}},
	},
	{
		name: "a 403 is a passing fault", breaks: "invariant 5",
		why: "a dead family is never reported, and hammered for ever",
		edits: []edit{{"pkg/atlassian/classify.go",
			"return Permanent, false\n", "return Transient, false\n"}},
	},
	{
		name: "a 5xx reached nobody", breaks: "invariant 5",
		why: "the token may be spent, and is presented after the leeway",
		edits: []edit{{"pkg/atlassian/classify.go",
			"case e.status == http.StatusTooManyRequests:\n\t\t// The limiter", "case e.status == http.StatusTooManyRequests, e.status >= 500:\n\t\t// The limiter"}},
	},
	{
		name: "a lost connection reached nobody", breaks: "invariant 5",
		why: "the token may be spent, and is presented after the leeway",
		edits: []edit{{"pkg/atlassian/classify.go",
			"case e.reach != answered:\n\t\treturn Ambiguous, false", "case e.reach != answered:\n\t\treturn Transient, false"}},
	},
	{
		name: "a lock is created over another's", breaks: "invariant 6",
		why: "two processes both hold it",
		edits: []edit{{"internal/store/ssmstore/ssmstore.go",
			"Overwrite: &overwrite,", "Overwrite: new(true),"}},
	},
}
