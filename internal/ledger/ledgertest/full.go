package ledgertest

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// garbage is a value that nobody takes for an entry.
var garbage = atlassian.NewSecret("written by somebody else")

// testFullHistory: beyond a hundred versions the oldest are gone, the root among
// them. The chain goes on, for those who knew it and for those who did not.
func testFullHistory(s *suite) {
	p, l, last := s.begun(0)
	forgotten := &ledger.Ledger{Log: p, Of: of}
	s.requireSays(p, last, forgotten)
	for n := range store.KeptVersions + 5 {
		last = s.put(l, last, fmt.Sprint(n))
	}
	require.Greater(s, s.values(p)[0].Version, int64(1), "the root is gone")
	s.requireSays(p, last, l)

	for range 3 {
		s.append(p, garbage)
	}
	// Nobody can begin at the root, nor at what forgotten knew last.
	s.requireSays(p, last, l, forgotten)
	next := s.put(l, last, "next")
	s.requireSays(p, next, l, forgotten)
}

// testBuried: a hundred foreign values cover the last entry. Nobody knows any more
// which entry was valid. The ledger begins again on top, for every reader alike.
func testBuried(s *suite) {
	p, l, last := s.begun(3)
	behind := &ledger.Ledger{Log: p, Of: of}
	s.requireSays(p, last, behind)
	newest := s.put(l, last, "newest")
	for range store.KeptVersions - 2 {
		s.append(p, garbage)
	}
	s.requireSays(p, newest, l)
	s.append(p, garbage)
	top := s.append(p, garbage) // a put may have been sent twice
	for name, reader := range map[string]*ledger.Ledger{"who comes fresh": {Log: p, Of: of}, "who was behind": behind} {
		got, err := s.newest(p, reader)
		require.NoError(s, err, name)
		require.Zero(s, got.State, name)
		require.Equal(s, top, got.Version, name)
	}
	for _, base := range []ledger.Entry{newest, last} {
		_, err := l.Put(s.Context(), draft(base, "on what is gone"))
		require.ErrorIs(s, err, ledger.ErrOvertaken, "nobody else could see that it is valid")
	}
	base, err := s.newest(p, l)
	require.NoError(s, err)
	require.Zero(s, base.State)
	anew := s.put(l, base, "anew")
	s.requireSays(p, anew, l, behind)
	next := s.put(behind, anew, "next")
	s.requireSays(p, next, l, behind)
}

// testLabel: a label on the oldest version makes a full history unwritable. Nothing
// is valid by a put that was refused, and once the label is gone the same draft
// can be put again.
func testLabel(s *suite) {
	p, l, last := s.begun(2)
	require.NoError(s, p.Label(s.Context()))
	for n := last.Version; n < store.KeptVersions; n++ {
		last = s.put(l, last, fmt.Sprint(n))
	}
	d := draft(last, "refused")
	for range 2 {
		_, err := l.Put(s.Context(), d)
		require.ErrorIs(s, err, store.ErrUnwritable)
		s.requireSays(p, last, l)
	}
	require.NoError(s, p.Unlabel(s.Context()))
	e, err := l.Put(s.Context(), d)
	require.NoError(s, err)
	require.Equal(s, last.Version+1, e.Version)
	s.requireSays(p, e, l)
}
