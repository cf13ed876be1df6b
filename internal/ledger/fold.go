package ledger

// follows reports whether an entry is the next valid one after last. A root
// names nothing, so only its freshness tells it from a backup of one.
func (l link) follows(last Entry) bool {
	return !l.foreign && l.base == last.Version && l.after == last.mark && (l.base > 0 || l.fresh)
}

// proves reports whether an entry proves itself valid: it names the version just before
// it. Version numbers begin again when a parameter is deleted, so an entry that was put
// back proves nothing.
func (l link) proves() bool {
	return !l.foreign && l.base == l.Version-1 && l.fresh
}

// ours reports whether the entry at the version of a known one is that entry. It could be
// another ledger's, or a backup.
func (l link) ours(known Entry) bool { return l.fresh && l.mark == known.mark }

// fold returns the last valid entry among links, and whether it is certain. The links are
// consecutive versions in ascending order. last is the valid entry before them, if that is known
// (anchored). Otherwise the fold begins at the parameter's first version, or else where begins
// says. An entry that proves itself is believed after a destroyed version; see young.
func fold(last Entry, anchored bool, links []link) (Entry, bool) {
	if !anchored && len(links) > 0 && links[0].Version == 1 {
		last, anchored = Entry{}, true
	}
	for i, l := range links {
		overDestroyed := i > 0 && links[i-1].destroyed && l.Version > young && l.proves()
		switch {
		case anchored && l.follows(last), overDestroyed, !anchored && begins(links, i):
			last, anchored = l.Entry, true
		}
	}
	return last, anchored
}

// begins reports whether a fold without an anchor can begin with an entry: it names the version
// before it by number and mark. The first of the links must be fresh: what it names is not kept.
func begins(links []link, i int) bool {
	l := links[i]
	if i == 0 {
		return l.proves()
	}
	return !l.foreign && l.base == l.Version-1 && l.after == links[i-1].mark
}

// consecutive reports whether links hold every version from the one to the other. A missing
// version could decide which entry is valid.
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
