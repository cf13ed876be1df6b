package main

import "slices"

// answerMutants break what Atlassian's answers are taken for, and the adapter of
// the store.
var answerMutants = slices.Concat(in("pkg/atlassian",
	change{name: "a 401 is a refusal of the token", breaks: "invariant 5", why: "a mistyped client secret declares a living family dead",
		old: "living family.\n\t\treturn Configuration", new: "living family.\n\t\treturn Permanent", quick: true},
	change{name: "a 403 is a passing fault", breaks: "invariant 5", why: "a dead family is never reported, and hammered for ever",
		old: "case \"invalid_grant\":\n\t\treturn Permanent, true", new: "case \"invalid_grant\":\n\t\treturn Transient, true"},
	change{name: "a 5xx is an answer to the request", breaks: "invariant 5", why: "the token may be spent, and is presented after the leeway",
		old: "case e.status/100 != 4:", new: "case e.status/100 < 4:"},
	change{name: "a request that could not be read is a refusal", breaks: "invariant 5", why: "one mistaken 400 declares a living family dead",
		old: "\treturn Malformed\n", new: "\treturn Permanent\n", quick: true},
	change{name: "a damaged body is believed", breaks: "invariant 4", why: "a token with a wrong bit overwrites the good one",
		old: "if err = damage(err); err == errDamaged {\n\t\tout = nil\n\t}\n\treturn out, err\n}\n\n// inflate", new: "err = damage(err)\n\treturn out, err\n}\n\n// inflate"},
	change{name: "a lost connection reached nobody", breaks: "invariant 5", why: "the token may be spent, and is presented after the leeway",
		old: "case e.reach != answered:\n\t\treturn Ambiguous, false", new: "case e.reach != answered:\n\t\treturn Transient, false"},
), in("internal/store/ssmstore",
	change{name: "a lock is created over another's", breaks: "invariant 6", why: "psoxy and the keeper both hold it",
		old: "Overwrite: &overwrite,", new: "Overwrite: new(true),"},
))
