package ledger

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// written is a version that names a base and the base's mark.
func written(version, base int64, mark, after string, fresh bool) link {
	return link{Entry: Entry{Version: version, mark: mark}, base: base, after: after, fresh: fresh}
}

// Where the root is no longer kept, a fold begins with what proves itself.
func TestFoldWithoutAnAnchor(t *testing.T) {
	stranger := link{Entry: Entry{Version: 51}, foreign: true}
	for _, c := range []struct {
		name  string
		links []link
		// last is the mark of the last valid entry; empty if none is certain.
		last string
	}{
		{"a chain", []link{written(50, 49, "a", "z", true), written(51, 50, "b", "a", true)}, "b"},
		{"an entry of long ago is kept first", []link{written(50, 49, "a", "z", false), written(51, 50, "b", "a", false)}, "b"},
		{"a backup is kept first", []link{written(50, 49, "a", "z", false), stranger}, ""},
		{"a stale entry is kept first", []link{written(50, 47, "a", "z", true), stranger}, ""},
		{"a stale entry after another", []link{written(50, 47, "a", "z", true), written(51, 47, "b", "z", true)}, ""},
		{"an entry that names another's number", []link{written(50, 47, "a", "z", true), written(51, 50, "b", "x", true)}, ""},
		{"what follows a stale entry by its mark", []link{written(50, 47, "a", "z", true), written(51, 50, "b", "a", true)}, "b"},
		{"foreign values only", []link{stranger}, ""},
		{"nothing", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			last, certain := fold(Entry{}, false, c.links)
			require.Equal(t, c.last != "", certain)
			require.Equal(t, c.last, last.mark)
		})
	}
}

// What is missing in a history could decide: it is stale then.
func TestConsecutive(t *testing.T) {
	links := func(versions ...int64) (all []link) {
		for _, v := range versions {
			all = append(all, written(v, v-1, strconv.FormatInt(v, 10), "", true))
		}
		return all
	}
	require.True(t, consecutive(links(3, 4, 5), 3, 5))
	require.True(t, consecutive(nil, 3, 2))
	for _, wrong := range [][]link{links(3, 4), links(4, 5), links(3, 5, 5), links(3, 4, 5, 6), links(2, 3, 4), nil} {
		require.False(t, consecutive(wrong, 3, 5))
	}
}

// TestFoldOverADestroyedVersion: an entry that names the destroyed version just
// before itself proves it, for readers who fold and for those who see it as the
// newest. An entry that names another does not.
func TestFoldOverADestroyedVersion(t *testing.T) {
	gone := func(version int64) link {
		return link{Entry: Entry{Version: version}, foreign: true, destroyed: true}
	}
	const n = young + 1
	known := written(n, n-1, "a", "z", true).Entry
	for _, c := range []struct {
		name  string
		links []link
		last  string
	}{
		{"it is named", []link{gone(n + 1), written(n+2, n+1, "c", "b", true)}, "c"},
		{"it is named by a backup", []link{gone(n + 1), written(n+2, n+1, "c", "b", false)}, "a"},
		{"what is before it is named", []link{gone(n + 1), written(n+2, n, "c", "a", true)}, "c"},
		{"a foreign version is no such", []link{{Entry: Entry{Version: n + 1}, foreign: true}, written(n+2, n+1, "c", "b", true)}, "a"},
		{"more are gone", []link{gone(n + 1), gone(n + 2)}, "a"},
		{"the chain goes on", []link{gone(n + 1), gone(n + 2), written(n+3, n+2, "c", "b", true), written(n+4, n+2, "x", "b", true), written(n+5, n+3, "d", "c", true)}, "d"},
		{"of a young ledger a number proves nothing", []link{gone(young - 1), written(young, young-1, "c", "b", true)}, "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			last, certain := fold(known, true, c.links)
			require.True(t, certain)
			require.Equal(t, c.last, last.mark)
		})
	}
	last, certain := fold(Entry{}, false, []link{gone(1), gone(2)})
	require.True(t, certain)
	require.Zero(t, last, "all are gone, and it begins again")
}
