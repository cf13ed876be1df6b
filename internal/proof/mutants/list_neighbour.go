package main

import "slices"

// neighbourMutants break what keeps one connection from presenting another one's token.
var neighbourMutants = slices.Concat(in("internal/family",
	change{name: "another connection's token is a candidate", breaks: "the promise", why: "it is spent, and its own connection loses the family",
		old: "owner != \"\" && verdict == Candidate {", new: "false && owner != \"\" {", quick: true},
	change{name: "only another connection's newest token is known", breaks: "the promise", why: "a spent one kills the other family",
		old: "return chain == s.Record.Chain\n\t}\n\treturn fp == s.Record.Refresh || s.Record.Past.Has(fp)", new: "return fp == s.Record.Refresh\n\t}\n\treturn fp == s.Record.Refresh"},
	change{name: "what was adopted by mistake is owned", breaks: "the promise", why: "two tokens that were swapped cannot be swapped back",
		old: "case s.Empty() || s.unproven():", new: "case s.Empty():"},
), in("internal/keeper",
	change{name: "a ledger begins with another connection's token", breaks: "the promise", why: "it is spent, and its own connection loses the family",
		old: "case len(owners) > 0:", new: "case len(owners) > 1:"},
	change{name: "a strange token is presented before its owner is known", breaks: "the promise", why: "an outage of seconds lets one connection spend another one's token",
		old: "return nil, fmt.Errorf(\"it is not known whether", new: "if true {\n\t\t\t\tcontinue\n\t\t\t}\n\t\t\treturn nil, fmt.Errorf(\"it is not known whether"},
	change{name: "a ledger that may not be read hinders others", breaks: "the promise", why: "one denied connection keeps all from their consents",
		old: "if err != nil && !errors.Is(err, store.ErrDenied) {\n\t\t\treturn nil, err", new: "if err != nil {\n\t\t\treturn nil, err"},
))
