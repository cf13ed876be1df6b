package ledger

// fold returns the last valid entry among links, which are consecutive versions
// in ascending order, and whether that is certain. last is the valid entry before
// them; anchored says that it is known. Without it the fold begins at the first
// entry that proves itself: one whose base is the version just before it, or a
// root where the parameter's first version is among the links.
func fold(last Entry, anchored bool, links []link) (Entry, bool) {
	if !anchored && len(links) > 0 && links[0].Version == 1 {
		last, anchored = Entry{}, true
	}
	for _, l := range links {
		switch {
		case l.foreign:
		case l.base == 0 && !l.rooted:
		case anchored && l.base == last.Version, !anchored && l.base > 0 && l.base == l.Version-1:
			last, anchored = l.Entry, true
		}
	}
	return last, anchored
}

// consecutive reports whether links hold every version from the given one to
// the other, so that nothing is missing that could decide.
func consecutive(links []link, from, to int64) bool {
	if int64(len(links)) != to-from+1 {
		return false
	}
	for i, l := range links {
		if l.Version != from+int64(i) {
			return false
		}
	}
	return true
}
