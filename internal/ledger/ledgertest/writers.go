package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func testOneWriter(s *suite) {
	p := s.open()
	l := &ledger.Ledger{Log: p, Of: of}
	none, err := s.newest(p, l)
	require.NoError(s, err)
	require.Zero(s, none, "an empty ledger says nothing")
	for n := range 5 {
		e := s.put(l, none, fmt.Sprint("state ", n))
		require.Equal(s, int64(n+1), e.Version)
		s.requireSays(p, e, l)
		none = e
	}
	top, err := p.Newest(s.Context())
	require.NoError(s, err)
	e, err := s.newest(p, &ledger.Ledger{Log: p, Of: of})
	require.NoError(s, err)
	require.Equal(s, top.Modified, e.Written, "the time is the store's")
}

// testManyWriters: each reads, and appends on top of what it read, until it has
// succeeded five times. The chain that all see holds each success once.
func testManyWriters(s *suite) {
	const writers, each = 4, 5
	p, _, _ := s.begun(0)
	var mu sync.Mutex
	valid := map[int64]string{}
	failures := make(chan error, writers)
	for w := range writers {
		go func() {
			l := &ledger.Ledger{Log: p, Of: of}
			for n := 0; n < each; {
				top, err := p.Newest(s.Context())
				if err == nil {
					n, err = s.contend(l, top, fmt.Sprint(w, " ", n), n, &mu, valid)
				}
				if err != nil {
					failures <- err
					return
				}
			}
			failures <- nil
		}()
	}
	for range writers {
		require.NoError(s, <-failures)
	}
	require.Len(s, valid, writers*each, "no two entries of the chain are one version")
	last, err := s.newest(p, &ledger.Ledger{Log: p, Of: of})
	require.NoError(s, err)
	require.Equal(s, valid[last.Version], last.State.Reveal())
	for v := range valid {
		require.LessOrEqual(s, v, last.Version)
	}
}

// contend appends once, and counts where that was valid.
func (s *suite) contend(l *ledger.Ledger, top store.Entry, state string, n int, mu *sync.Mutex, valid map[int64]string) (int, error) {
	base, err := l.Newest(s.Context(), top)
	if errors.Is(err, ledger.ErrStale) {
		return n, nil
	}
	if err != nil {
		return n, err
	}
	e, err := l.Put(s.Context(), draft(base, state))
	if errors.Is(err, ledger.ErrOvertaken) || errors.Is(err, store.ErrNotWritten) {
		return n, nil
	}
	if err != nil {
		return n, err
	}
	mu.Lock()
	defer mu.Unlock()
	valid[e.Version] = e.State.Reveal()
	return n + 1, nil
}

// testOneBase: of any number of writers that knew the same entry, the first wins.
func testOneBase(s *suite) {
	p, first, base := s.begun(2)
	second, third := &ledger.Ledger{Log: p, Of: of}, &ledger.Ledger{Log: p, Of: of}
	s.requireSays(p, base, second, third)
	won := s.put(first, base, "first")
	for _, late := range []*ledger.Ledger{second, third} {
		_, err := late.Put(s.Context(), draft(base, "late"))
		require.ErrorIs(s, err, ledger.ErrOvertaken)
		s.requireSays(p, won, first, second, third)
	}
	top, err := p.Newest(s.Context())
	require.NoError(s, err)
	require.Equal(s, won.Version+2, top.Version)
	next := s.put(third, won, "next")
	require.Equal(s, top.Version+1, next.Version, "invalid entries are passed over")
	s.requireSays(p, next, first, second, third)
}

// testRepeatedPut: a draft is put again and again, as after lost answers. It counts
// once, as its first version.
func testRepeatedPut(s *suite) {
	for _, root := range []bool{true, false} {
		p, l, base := s.open(), (*ledger.Ledger)(nil), ledger.Entry{}
		if l = (&ledger.Ledger{Log: p, Of: of}); !root {
			p, l, base = s.begun(1)
		}
		d := draft(base, "repeated")
		first, err := l.Put(s.Context(), d)
		require.NoError(s, err)
		for range 3 {
			again, err := l.Put(s.Context(), d)
			require.NoError(s, err)
			require.Equal(s, first.Version, again.Version)
			s.requireSays(p, first, l)
		}
		next := s.put(l, first, "next")
		_, err = l.Put(s.Context(), d)
		require.NoError(s, err, "that draft was valid once, whatever followed it")
		s.requireSays(p, next)
	}
}

// losing is a log whose appends take effect and are not answered.
type losing struct {
	ledger.Log
	lost int
}

var errLost = errors.New("the answer was lost")

// Append writes a version and may not tell its number.
func (l *losing) Append(ctx context.Context, value atlassian.Secret) (int64, error) {
	v, err := l.Log.Append(ctx, value)
	if l.lost > 0 {
		l.lost--
		return 0, errLost
	}
	return v, err
}

// testLostAnswer: the repetition tells whether the entry is valid, also where
// another writer came in between.
func testLostAnswer(s *suite) {
	s.Run("nobody came in between", func(t *testing.T) {
		p, _, base := s.begun(1)
		l := &ledger.Ledger{Log: &losing{p, 2}, Of: of}
		d := draft(base, "ours")
		for range 2 {
			_, err := l.Put(t.Context(), d)
			require.ErrorIs(t, err, errLost)
		}
		e, err := l.Put(t.Context(), d)
		require.NoError(t, err)
		require.Equal(t, base.Version+1, e.Version)
		s.requireSays(p, e, l)
	})
	s.Run("another came after the lost one", func(t *testing.T) {
		p, other, base := s.begun(1)
		l := &ledger.Ledger{Log: &losing{p, 1}, Of: of}
		d := draft(base, "ours")
		_, err := l.Put(t.Context(), d)
		require.ErrorIs(t, err, errLost)
		_, err = other.Put(t.Context(), draft(base, "theirs"))
		require.ErrorIs(t, err, ledger.ErrOvertaken)
		e, err := l.Put(t.Context(), d)
		require.NoError(t, err)
		require.Equal(t, base.Version+1, e.Version)
		s.requireSays(p, e, l, other)
	})
	s.Run("another came before the repetition", func(t *testing.T) {
		p, other, base := s.begun(1)
		theirs := s.put(other, base, "theirs")
		l := &ledger.Ledger{Log: &losing{p, 1}, Of: of}
		d := draft(base, "ours")
		_, err := l.Put(t.Context(), d)
		require.ErrorIs(t, err, errLost)
		_, err = l.Put(t.Context(), d)
		require.ErrorIs(t, err, ledger.ErrOvertaken)
		s.requireSays(p, theirs, l, other)
	})
}
