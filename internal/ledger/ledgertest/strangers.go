package ledgertest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// testStaleRead: a reader that the store answers with old values does not take them
// for the newest, and what it writes on top is invalid.
func testStaleRead(s *suite) {
	p, l, base := s.begun(1)
	old, err := p.Newest(s.Context())
	require.NoError(s, err)
	newest := s.put(l, base, "newest")
	s.Run("the writer does not believe it", func(t *testing.T) {
		_, err := l.Newest(t.Context(), old)
		require.ErrorIs(t, err, ledger.ErrStale)
	})
	s.Run("nor does who has read more", func(t *testing.T) {
		reader := &ledger.Ledger{Log: p, Of: of}
		s.requireSays(p, newest, reader)
		_, err := reader.Newest(t.Context(), old)
		require.ErrorIs(t, err, ledger.ErrStale)
		_, err = reader.Newest(t.Context(), store.Entry{})
		require.True(t, err == nil || err == ledger.ErrStale, "it may have been deleted")
	})
	s.Run("who has read nothing writes in vain", func(t *testing.T) {
		stale := &ledger.Ledger{Log: p, Of: of}
		seen, err := stale.Newest(t.Context(), old)
		require.NoError(t, err)
		require.Equal(t, base.Version, seen.Version)
		_, err = stale.Put(t.Context(), draft(seen, "stale"))
		require.ErrorIs(t, err, ledger.ErrOvertaken)
		s.requireSays(p, newest, l, stale)
	})
	s.Run("who takes the ledger for empty, too", func(t *testing.T) {
		_, err := (&ledger.Ledger{Log: p, Of: of}).Put(t.Context(), draft(ledger.Entry{}, "second root"))
		require.ErrorIs(t, err, ledger.ErrOvertaken)
		s.requireSays(p, newest, l)
	})
}

// testForeign: values that are no entries are passed over.
func testForeign(s *suite) {
	p, l, last := s.begun(2)
	for _, value := range []string{"fill me", "{}", "[]", "null", `"text"`, "{", strings.Repeat("x", 4000),
		`{"of":"` + of + `","base":2,"mark":"m"}`, `{"of":"` + of + `","base":3,"mark":"","state":{}}`,
		`{"of":"` + of + `","base":-1,"mark":"m","state":{}}`, `{"of":"` + of + `","base":"3","mark":"m","state":{}}`} {
		s.append(p, atlassian.NewSecret(value))
		s.requireSays(p, last, l)
	}
	next := s.put(l, last, "next")
	s.requireSays(p, next, l)
}

// testRestored: old values of the ledger that are put back mean nothing, in
// whatever number and order.
func testRestored(s *suite) {
	p, l, last := s.begun(4)
	for i, old := range s.values(p) {
		s.append(p, old.Value)
		s.requireSays(p, last, l)
		if i == 2 {
			last = s.put(l, last, "in between")
		}
	}
	s.Run("all of them in their order", func(*testing.T) {
		for _, old := range s.values(p) {
			s.append(p, old.Value)
		}
		s.requireSays(p, last, l)
	})
	last = s.put(l, last, "goes on")
	s.requireSays(p, last, l)
}

// grown is a number of entries after which an entry proves itself by its number.
const grown = 30

// testCopied: the entries of another connection mean nothing, also where their base fits.
func testCopied(s *suite) {
	for _, more := range []int{4, grown} {
		p, l, last := s.begun(more)
		other := s.open()
		stranger, base := &ledger.Ledger{Log: other, Of: "OTHER_"}, ledger.Entry{}
		for range last.Version + 1 {
			var err error
			base, err = stranger.Put(s.Context(), ledger.NewDraft("OTHER_", base, text("other"), time.Now(), fmt.Sprint("m", base.Version)))
			require.NoError(s, err)
		}
		kept := s.values(other)
		s.append(p, kept[len(kept)-1].Value)
		s.requireSays(p, last, l)
		s.requireSays(p, s.put(l, last, "goes on"), l)
	}
}

// testRestoredAnew: the ledger was deleted and begun again, and its versions count from
// 1. A backup can then be at exactly the version that fits its base, and still
// means nothing.
func testRestoredAnew(s *suite) {
	for _, age := range []time.Duration{2 * time.Hour, time.Minute} {
		for young := 1; young <= 3; young++ {
			p, l, last := s.begun(young - 1)
			old := s.backup(age)
			// Only the time tells a backup of the last hour from a new entry, where the
			// ledger is seen for the first time.
			says := func() { s.requireSays(p, last, l) }
			if age < time.Hour {
				says = func() { s.requireKnown(p, last, l) }
			}
			s.append(p, old[young])
			says()
			for _, o := range old {
				s.append(p, o)
				says()
			}
			s.append(p, garbage)
			s.requireSays(p, last, l) // who folds them sees that they name another ledger's entries
			last = s.put(l, last, "goes on")
			s.requireSays(p, last, l)
		}
	}
	for _, root := range []bool{true, false} {
		p := s.open()
		for n, o := range s.backup(2 * time.Hour) {
			if n > 0 || root {
				s.append(p, o)
			}
		}
		l := &ledger.Ledger{Log: p, Of: of}
		base, err := s.newest(p, l)
		require.NoError(s, err)
		require.Zero(s, base.State, "a deleted ledger is not restored by putting its values back")
		s.requireSays(p, s.put(l, base, "anew"), l)
	}
}

// backup is what a ledger of the same connection said, composed and written the
// given time ago.
func (s *suite) backup(ago time.Duration) (values []atlassian.Secret) {
	s.Helper()
	then := time.Now().Add(-ago)
	p := InStore(memstore.New(func() time.Time { return then }), nil, nil)()
	l, base := &ledger.Ledger{Log: p, Of: of}, ledger.Entry{}
	for n := range 6 {
		e, err := l.Put(s.Context(), ledger.NewDraft(of, base, text(fmt.Sprint("old ", n)), then, fmt.Sprint("old mark ", n)))
		require.NoError(s, err)
		base = e
	}
	for _, e := range s.values(p) {
		values = append(values, e.Value)
	}
	return values
}

// testDeletion: a reader that knew the ledger learns that it is gone, and a new one
// begins.
func testDeletion(s *suite) {
	p, l, last := s.begun(3)
	reader := &ledger.Ledger{Log: p, Of: of}
	s.requireSays(p, last, l, reader)
	require.NoError(s, p.Delete(s.Context()))
	s.Run("there is nothing", func(*testing.T) { s.requireSays(p, ledger.Entry{}, l) })
	s.Run("what was based on it is invalid", func(t *testing.T) {
		_, err := reader.Put(t.Context(), draft(last, "late"))
		require.ErrorIs(t, err, ledger.ErrOvertaken)
	})
	s.Run("it begins again on top of that", func(*testing.T) {
		anew := s.put(l, ledger.Entry{}, "anew")
		s.requireSays(p, anew, l, reader)
		next := s.put(reader, anew, "next")
		s.requireSays(p, next, l, reader)
	})
	s.Run("what was based on it is invalid also where the new one is longer", func(t *testing.T) {
		p, l, last := s.begun(2)
		require.NoError(s, p.Delete(s.Context()))
		other := &ledger.Ledger{Log: p, Of: of}
		anew := ledger.Entry{}
		for n := range 5 {
			anew = s.put(other, anew, fmt.Sprint("anew ", n))
		}
		_, err := l.Put(t.Context(), draft(last, "late"))
		require.ErrorIs(t, err, ledger.ErrOvertaken)
		s.requireSays(p, anew, l, other)
	})
	s.Run("what was based on it is invalid also where the new one is as long", func(t *testing.T) {
		p, l, last := s.begun(3)
		require.NoError(s, p.Delete(s.Context()))
		other := &ledger.Ledger{Log: p, Of: of}
		anew := ledger.Entry{}
		for n := range last.Version {
			anew = s.put(other, anew, fmt.Sprint("anew ", n))
		}
		_, err := l.Put(t.Context(), draft(last, "late"))
		require.ErrorIs(t, err, ledger.ErrOvertaken)
		s.requireSays(p, anew, l, other)
	})
	s.Run("what was based on it is invalid for all who know the new one", func(t *testing.T) {
		p, l, last := s.begun(grown)
		require.NoError(s, p.Delete(s.Context()))
		other := &ledger.Ledger{Log: p, Of: of}
		anew := ledger.Entry{}
		for n := range last.Version {
			anew = s.put(other, anew, fmt.Sprint("anew ", n))
		}
		_, _ = l.Put(t.Context(), draft(last, "late")) // its writer cannot tell
		s.requireKnown(p, anew, other)
	})
	s.Run("it begins again and reaches the version that was known", func(*testing.T) {
		p, l, last := s.begun(2)
		s.requireSays(p, last, l)
		other, anew := &ledger.Ledger{Log: p, Of: of}, ledger.Entry{}
		s.later(p, func() {
			anew = s.put(other, ledger.Entry{}, "anew")
			anew = s.put(other, anew, "anew 2")
			anew = s.put(other, anew, "anew 3")
		})
		require.Equal(s, last.Version, anew.Version)
		s.requireSays(p, anew, l)
	})
	s.Run("a stranger's value stands at the version that was known", func(*testing.T) {
		p, l, last := s.begun(0)
		s.requireSays(p, last, l)
		s.later(p, func() { s.append(p, atlassian.NewSecret("fill me")) })
		s.requireSays(p, ledger.Entry{}, l)
		anew := s.put(l, ledger.Entry{}, "anew")
		s.requireSays(p, anew, l)
	})
}

// later deletes the ledger and begins it again, until the store's clock tells the
// newest version from the one before. Within one step of that clock nothing does.
func (s *suite) later(p Place, begin func()) {
	s.Helper()
	before, err := p.Newest(s.Context())
	require.NoError(s, err)
	for now := before; !now.Modified.After(before.Modified); {
		require.NoError(s, p.Delete(s.Context()))
		begin()
		now, err = p.Newest(s.Context())
		require.NoError(s, err)
	}
}
