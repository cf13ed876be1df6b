package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// together runs f n times at once and waits for all.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

// firstError keeps the first error that any goroutine met.
type firstError struct {
	mu  sync.Mutex
	err error
}

func (f *firstError) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *firstError) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func testManyCreators(s *suite) {
	const creators = 40
	ctx, name := s.Context(), s.name("LOCK")
	var errs [creators]error
	var versions [creators]int64
	together(creators, func(i int) {
		versions[i], errs[i] = s.Create(ctx, name, secret(fmt.Sprint("owner ", i)), store.Plain)
	})
	winner := -1
	for i, err := range errs {
		if err == nil {
			require.Equal(s, -1, winner, "two creators won")
			require.EqualValues(s, 1, versions[i])
			winner = i
		} else {
			require.ErrorIs(s, err, store.ErrExists)
		}
	}
	require.NotEqual(s, -1, winner, "no creator won")
	s.requireEntry(s.get(name), fmt.Sprint("owner ", winner), 1)
}

func testManyWriters(s *suite) {
	const writers, each = 10, 6
	ctx, name := s.Context(), s.name("TOKEN")
	var mu sync.Mutex
	byVersion := map[int64]string{}
	var failed firstError
	together(writers, func(i int) {
		for n := range each {
			value := fmt.Sprintf("writer %d, write %d", i, n)
			v, err := s.Write(ctx, name, secret(value), store.Encrypted)
			if err != nil {
				failed.set(err)
				return
			}
			mu.Lock()
			byVersion[v] = value
			mu.Unlock()
		}
	})
	require.NoError(s, failed.get())
	require.Len(s, byVersion, writers*each, "two writes got the same version")
	for v := int64(1); v <= writers*each; v++ {
		require.Contains(s, byVersion, v, "the versions are consecutive")
		e, err := Version(ctx, s, name, v)
		require.NoError(s, err)
		s.requireEntry(e, byVersion[v], v)
	}
	s.requireEntry(s.get(name), byVersion[writers*each], writers*each)
}

// testReadersBesideWriter: what is read is always one whole version, the value and
// the number belong together, and a reader never sees the parameter go away.
func testReadersBesideWriter(s *suite) {
	const writes = 60
	ctx, name := s.Context(), s.name("TOKEN")
	s.put(name, "value 1")
	var done atomic.Bool
	var failed firstError
	together(5, func(i int) {
		if i == 0 {
			defer done.Store(true)
			for n := 2; n <= writes; n++ {
				if _, err := s.Write(ctx, name, secret(fmt.Sprint("value ", n)), store.Encrypted); err != nil {
					failed.set(err)
					return
				}
			}
			return
		}
		for !done.Load() {
			entries, err := s.Read(ctx, name)
			if err != nil {
				failed.set(err)
				return
			}
			if e := entries[name]; e.Value.Reveal() != fmt.Sprint("value ", e.Version) {
				failed.set(fmt.Errorf("version %d holds %q", e.Version, e.Value.Reveal()))
				return
			}
		}
	})
	require.NoError(s, failed.get())
	s.requireEntry(s.get(name), fmt.Sprint("value ", writes), writes)
}
