package main

import "slices"

// strangerMutants break what keeps strangers in REFRESH_TOKEN from starving the own token.
var strangerMutants = slices.Concat(in("internal/family",
	change{name: "the own token waits for each of many strangers", breaks: "the promise", why: "a program writes another one before every tick, and consumers have no access token",
		old: "strangers < manyStrangers && !late)", new: "!late)"},
	change{name: "beside psoxy the own token waits for no stranger", breaks: "invariant 7", why: "psoxy may have made that of it",
		old: "late := !v.doubt.known && !v.latelyShared() &&", new: "late := !v.doubt.known &&"},
	change{name: "the own token waits for a stranger in the leeway of a failed attempt", breaks: "invariant 2", why: "that may have been spent, and a replay comes too late",
		old: "failed != nil && open(failed.First, v.Now)\n\treturn", new: "failed != nil && false\n\treturn"},
	change{name: "a limited stranger is asked about at every tick", breaks: "row 9", why: "the rate stays limited",
		old: "if candidate || repeated", new: "if repeated"},
	change{name: "a refusal of what becomes the own token is forgotten", breaks: "invariant 2", why: "it may have taken the place of the answer, and nobody asks again in time",
		old: "if o.Token == r.Record.Refresh &&", new: "if false &&"},
	change{name: "an accepted candidate that stays the same counts as refused", breaks: "invariant 5", why: "people are called for a healthy family",
		old: " && o.Token != r.Spent {", new: " {"},
	change{name: "what Atlassian could not read was refused", breaks: "invariant 5", why: "a firewall's answer makes a family look lost",
		old: "if f.Class == atlassian.Permanent.String() {\n\t\tr.Token", new: "if f.Class != \"\" {\n\t\tr.Token"},
	change{name: "a firewall's answer hides a refusal", breaks: "invariant 2", why: "the candidate becomes the own token, and nobody asks again in time",
		old: "\t\tr.Token = cmp.Or(r.Token, old.Token)\n", new: ""},
	change{name: "a spend of the same millisecond is a later one", breaks: "invariant 3", why: "what another process has presented since is taken for unspent",
		old: "!stamp(than.Pair.SpentAt).After(", new: "!than.Pair.SpentAt.After("},
	change{name: "its leeway begins with the refusal", breaks: "invariant 2", why: "an answer was lost before that",
		old: "first := cmp.Or(r.First, r.At)", new: "first := r.At"},
	change{name: "a gateway that answers now and then lets an older token through", breaks: "invariant 1", why: "the own token is alive, and the older one kills it",
		old: " && s.State.Record.LastFailure.Count >= malformedIsRefused && slices", new: " && slices"},
), in("internal/keeper",
	change{name: "a limited stranger has the tick to itself", breaks: "the promise", why: "the own token is never rotated",
		old: "return e.Class == atlassian.Transient && e.Sent && !sp.doubt", new: "return false"},
	change{name: "what a person stores again waits for a blocked token", breaks: "row 4", why: "the first token is put right, and never presented",
		old: "return e.Class == atlassian.Malformed && family.Insisted(v.Snapshot)", new: "return false"},
))
