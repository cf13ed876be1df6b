package storetest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// testClock: ReadAt and Modified come from one clock, which never goes back, and all
// entries of one call have the same ReadAt.
func testClock(s *suite) {
	ctx, first, second := s.Context(), s.name("FIRST"), s.name("SECOND")
	s.put(first, "unchanged")
	var before time.Time
	for n := range 5 {
		version := s.put(second, fmt.Sprint("value ", n))
		entries, err := s.Read(ctx, first, second)
		require.NoError(s, err)
		at := entries[second].ReadAt
		require.Equal(s, at, entries[first].ReadAt, "one call, one time")
		require.WithinDuration(s, entries[second].Modified, at, time.Second+readTime)
		require.False(s, at.Before(before), "the clock goes back from %v to %v", before, at)
		before = at

		history, err := s.History(ctx, second, 1)
		require.NoError(s, err)
		require.Len(s, history, int(version))
		for _, e := range history {
			require.Equal(s, history[0].ReadAt, e.ReadAt)
		}
		require.False(s, history[0].ReadAt.Before(before), "the clock goes back from %v to %v", before, history[0].ReadAt)
		before = history[0].ReadAt
	}
}

// readTime is how long a read may take on a busy machine.
const readTime = 2 * time.Second

// testBy: a store either never tells who wrote a version, or tells it for all.
func testBy(s *suite) {
	ctx, name := s.Context(), s.name("TOKEN")
	for n := range 3 {
		s.put(name, fmt.Sprint("value ", n))
	}
	require.Empty(s, s.get(name).By, "only the history tells")
	history, err := s.History(ctx, name, 1)
	require.NoError(s, err)
	for _, e := range history {
		require.Equal(s, history[0].By, e.By, "one writer wrote them all")
	}
	_, err = s.Create(ctx, s.name("OTHER"), secret("a"), store.Plain)
	require.NoError(s, err)
	other, err := s.History(ctx, s.name("OTHER"), 1)
	require.NoError(s, err)
	require.Equal(s, history[0].By, other[0].By)
}
