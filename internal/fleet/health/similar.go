package health

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// Connections are the connections that a store's parameters belong to, in order:
// those with a ledger or TOKEN_FAMILY, or with REFRESH_TOKEN and CLIENT_SECRET
// beside each other. A ledger that is apart, below a path, belongs to the connection
// elsewhere.
func Connections(names []string) (found []string) {
	has := map[string]bool{}
	for _, name := range names {
		has[name] = true
	}
	add := func(prefix string) {
		if family.CheckConnection(prefix) == nil && !slices.Contains(found, prefix) {
			found = append(found, prefix)
		}
	}
	for _, name := range names {
		for _, suffix := range []string{"TOKEN_LEDGER", "TOKEN_FAMILY"} {
			if prefix, ok := strings.CutSuffix(name, suffix); ok {
				add(prefix)
			}
		}
		if prefix, ok := strings.CutSuffix(name, "REFRESH_TOKEN"); ok && has[prefix+"CLIENT_SECRET"] {
			add(prefix)
		}
	}
	found = slices.DeleteFunc(found, func(prefix string) bool {
		apart := func(c string) bool { return c != prefix && strings.HasSuffix(prefix, "/"+strings.TrimPrefix(c, "/")) }
		return !has[prefix+"TOKEN_FAMILY"] && !has[prefix+"REFRESH_TOKEN"] && slices.ContainsFunc(found, apart)
	})
	slices.Sort(found)
	return found
}

// LedgerPath is the path below which names show a connection's ledger that is not
// beside its parameters. It is empty if there is none, or more than one.
func LedgerPath(names []string, connection string) (path string) {
	beside := family.NamesOf(connection).Ledger
	apart := "/" + family.NamesOf(strings.TrimPrefix(connection, "/")).Ledger
	for _, name := range names {
		before, ok := strings.CutSuffix(name, apart)
		switch {
		case name == beside:
			return ""
		case ok && before != "" && path != "":
			return ""
		case ok && before != "":
			path = before
		}
	}
	return path
}

// maxSimilar is how many similar connections are named.
const maxSimilar = 3

// Similar are those of the connections whose names are most like a name, at most
// three.
func Similar(name string, connections []string) []string {
	near := slices.Clone(connections)
	slices.SortStableFunc(near, func(a, b string) int { return cmp.Compare(distance(name, a), distance(name, b)) })
	return near[:min(len(near), maxSimilar)]
}

// distance is how many characters must be changed, added or left out to turn one
// text into the other (Levenshtein). Upper and lower case are equal.
func distance(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
