package main

import "slices"

// neighbourMutants break what keeps one connection from presenting another one's token.
var neighbourMutants = slices.Concat(in("internal/family",
	change{name: "another connection's token is a candidate", breaks: "the promise", why: "it is spent, and its own connection loses the family",
		old: "owner != \"\" && verdict == Candidate {", new: "false && owner != \"\" {", quick: true},
	change{name: "only another connection's newest token is known", breaks: "the promise", why: "a spent one kills the other family",
		old: "return m.chain == s.Record.Chain\n\t}\n\treturn m.token == s.Record.Refresh || s.Record.Past.Has(m.token)", new: "return m.token == s.Record.Refresh\n\t}\n\treturn m.token == s.Record.Refresh"},
	change{name: "what was adopted by mistake is owned", breaks: "the promise", why: "two tokens that were swapped cannot be swapped back",
		old: "case s.Empty() || s.unproven():", new: "case s.Empty():"},
), in("internal/keeper",
	change{name: "a ledger begins with another connection's token", breaks: "the promise", why: "it is spent, and its own connection loses the family",
		old: "\t\t\town = append(own, e)\n\t\t}\n", new: "\t\t}\n\t\town = append(own, e)\n"},
	change{name: "a ledger begins with what was stored before another connection's token", breaks: "invariant 3", why: "it may be an older one, and presenting it kills the family",
		old: "if why != \"\" || owner != \"\" && !v.tells(state) {", new: "if why != \"\" {"},
	change{name: "a neighbour's damaged ledger owns nothing", breaks: "the promise", why: "whoever writes over it exposes the family to a slip",
		old: "if e.State.IsZero() && newest.Version > 0 {", new: "if false {"},
	change{name: "a connection without a ledger owns nothing", breaks: "the promise", why: "TOKEN_FAMILY tells what it had",
		old: "|| family.Owns(told, m)", new: "|| false && family.Owns(told, m)"},
	change{name: "what a neighbour said in an earlier tick counts", breaks: "the promise", why: "another process has given it a newer token since",
		old: "unseen && known && s.round == n.round", new: "unseen && known && s.round <= n.round"},
	change{name: "every connection reads all others", breaks: "the promise", why: "a stack of thousands cannot begin",
		old: "unseen && known && s.round == n.round", new: "unseen && known && s.round > n.round"},
	change{name: "what a connection announces in this tick is not known", breaks: "invariant 6", why: "two connections that begin with one token present it",
		old: "\tj.news(state)\n", new: ""},
	change{name: "a neighbour that cannot be read stops the own rotation", breaks: "the promise", why: "one connection's fault lets another family die",
		old: "v.Snapshot = family.Familiar(v.Snapshot)", new: "return unknown"},
	change{name: "a strange token is presented before its owner is known", breaks: "the promise", why: "an outage of seconds lets one connection spend another one's token",
		old: "if v.Owners = owners; unknown != nil {", new: "if v.Owners = owners; false {"},
	change{name: "a ledger that may not be read hinders others", breaks: "the promise", why: "one denied connection keeps all from their consents",
		old: "if err != nil && !errors.Is(err, store.ErrDenied) {\n\t\t\treturn nil, err", new: "if err != nil {\n\t\t\treturn nil, err"},
))
