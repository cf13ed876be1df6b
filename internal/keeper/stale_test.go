package keeper_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// staleStore answers the reads of some parameters with an earlier version.
type staleStore struct {
	store.Store
	names []string
	// reads and histories that are stale before the store has caught up, and by how
	// many versions.
	reads, histories int
	behind           int64
}

func (s *staleStore) Read(ctx context.Context, list ...string) (map[string]store.Entry, error) {
	entries, err := s.Store.Read(ctx, list...)
	if err != nil || s.reads <= 0 {
		return entries, err
	}
	s.reads--
	for _, name := range s.names {
		e, there := entries[name]
		if !there {
			continue
		}
		delete(entries, name)
		if old, err := s.Store.History(ctx, name, e.Version-s.behind); err == nil && len(old) > int(s.behind) {
			entries[name] = readAgain(old[0], e.ReadAt)
		}
	}
	return entries, nil
}

func (s *staleStore) History(ctx context.Context, name string, from int64) ([]store.Entry, error) {
	entries, err := s.Store.History(ctx, name, from)
	if err == nil && s.histories > 0 {
		s.histories--
		return entries[:max(0, len(entries)-int(s.behind))], nil
	}
	return entries, err
}

// The store answers with what was true some writes ago: for one parameter or for
// all, to the process that wrote it or to another. Nothing is lost, and no token is
// presented after it was settled.
func TestAStaleRead(t *testing.T) {
	everything := []string{names.Ledger, names.RefreshToken, names.AccessToken, names.Family, names.CloudID, names.ClientID, names.ClientSecret, names.Lock}
	sets := map[string][]string{"the ledger": {names.Ledger}, "REFRESH_TOKEN": {names.RefreshToken}, "ACCESS_TOKEN": {names.AccessToken},
		"TOKEN_FAMILY": {names.Family}, "the copies": everything[1:], "everything": everything}
	for set, list := range sets {
		for _, behind := range []int64{1, 2, 3, 1000} {
			for _, fresh := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, by %d versions, new process: %v", set, behind, fresh), func(t *testing.T) {
					w := newWorld(t)
					stale := &staleStore{Store: w.store(), names: list, behind: behind}
					w.restartWith(stale)
					w.consent()
					w.want(keeper.Rotated)
					w.rotations(2)
					w.clock.Advance(40 * time.Minute)
					w.want(keeper.Rotated)
					stale.reads, stale.histories = 2, 1
					if fresh {
						w.restartWith(stale)
					}
					w.clock.Advance(time.Minute)
					for range 3 {
						w.tick()
						w.clock.Advance(time.Minute)
					}
					stale.reads, stale.histories = 0, 0
					w.ticks(24, keeper.Idle, keeper.Rotated, keeper.Replayed, keeper.Restored)
					w.requireKept()
				})
			}
		}
	}
}

// The whole connection is read stale at the moment of a rotation. An entry based on
// that is invalid, and no token is spent.
func TestNothingIsSpentOnAStaleLedger(t *testing.T) {
	w := due(t)
	w.want(keeper.Rotated)
	w.clock.Advance(40 * time.Minute)
	w.want(keeper.Rotated)
	spent := w.spends()
	w.restartWith(&staleStore{Store: w.store(), names: []string{names.Ledger, names.RefreshToken, names.AccessToken, names.Family}, reads: 100, behind: 2})
	w.clock.Advance(time.Minute)
	out, _ := w.tick()
	require.Contains(t, []keeper.Action{keeper.Contended, keeper.Failed, keeper.Idle}, out.Action, out.Reason)
	require.Equal(t, spent, w.spends())
	w.restart()
	w.ticks(12, keeper.Idle, keeper.Rotated)
	w.requireKept()
}

// After three stale histories of the ledger the fourth shows the intent, and the token is
// presented in the same tick.
func TestAStaleHistoryIsReadOnceMore(t *testing.T) {
	w := due(t)
	w.restartWith(&staleStore{Store: w.store(), names: []string{names.Ledger}, histories: 3, behind: 1})
	w.want(keeper.Rotated)
	w.requireKept()
}

// shortHistory is a store whose first history of REFRESH_TOKEN lacks the newest version.
type shortHistory struct {
	store.Store
	asked int
}

func (s *shortHistory) History(ctx context.Context, name string, from int64) ([]store.Entry, error) {
	entries, err := s.Store.History(ctx, name, from)
	if name == names.RefreshToken {
		if s.asked++; s.asked == 1 {
			return entries[:len(entries)-1], err
		}
	}
	return entries, err
}

// A history without the version that was just read is asked for again: a consent may
// be what is missing.
func TestAHistoryWithoutTheNewestVersion(t *testing.T) {
	w := settledWorld(t)
	w.consent()
	s := &shortHistory{Store: w.store()}
	w.restartWith(s)
	w.want(keeper.Rotated)
	require.Equal(t, 2, s.asked)
	w.requireKept()
}

// timeless is a store that does not tell its clock.
type timeless struct{ store.Store }

func (s timeless) Read(ctx context.Context, list ...string) (map[string]store.Entry, error) {
	entries, err := s.Store.Read(ctx, list...)
	for name, e := range entries {
		entries[name] = readAgain(e, time.Time{})
	}
	return entries, err
}

// Where the store does not tell its clock, ours counts.
func TestAStoreWithoutAClock(t *testing.T) {
	w := newWorld(t)
	w.restartWith(timeless{w.store()})
	w.consent()
	for range 6 {
		require.Equal(t, 3600.0, *w.want(keeper.Rotated).AccessTokenSecondsRemaining)
		w.clock.Advance(35 * time.Minute)
		w.want(keeper.Idle)
		w.clock.Advance(5 * time.Minute)
	}
	w.after = crashing("post")
	w.tick()
	w.after = nil
	w.restartWith(timeless{w.store()})
	w.want(keeper.Contended)
	w.clock.Advance(5 * time.Minute)
	w.want(keeper.Replayed)
	w.requireKept()
}

// twice is a store whose own client repeats every write, since the first answer
// was lost.
type twice struct{ store.Store }

func (s twice) Write(ctx context.Context, name string, value atlassian.Secret, k store.Kind) (int64, error) {
	if _, err := s.Store.Write(ctx, name, value, k); err != nil {
		return 0, err
	}
	return s.Store.Write(ctx, name, value, k)
}

// The store's own repetition of a call is not another process.
func TestEveryWriteIsRepeatedByTheStoresClient(t *testing.T) {
	w := newWorld(t)
	w.restartWith(twice{w.store()})
	w.consent()
	for range 12 {
		w.want(keeper.Rotated)
		w.clock.Advance(5 * time.Minute)
		w.want(keeper.Idle)
		w.clock.Advance(35 * time.Minute)
	}
	w.requireKept()
	_, err := w.consentBy(w.keeper, w.obtain)
	require.NoError(t, err)
	w.requireConsented()
	for _, line := range strings.Split(w.logs.String(), "\n") {
		require.NotContains(t, line, `"level":"ERROR"`)
	}
	require.Equal(t, family.FromConsent, w.record().AuthorizedAtSource)
}

// seconds is a store whose answers to reads tell whole seconds.
type seconds struct{ store.Store }

func (s seconds) Read(ctx context.Context, list ...string) (map[string]store.Entry, error) {
	entries, err := s.Store.Read(ctx, list...)
	for name, e := range entries {
		entries[name] = readAgain(e, e.ReadAt.Truncate(time.Second))
	}
	return entries, err
}

// A spend does not count from before the time at which its intent was written.
func TestAStoreThatTellsSeconds(t *testing.T) {
	w := due(t)
	w.clock.Advance(900 * time.Millisecond)
	w.restartWith(seconds{w.store()})
	begun := w.clock.Now()
	w.want(keeper.Rotated)
	require.Equal(t, begun, w.ledger().Record.RotatedAt)
}
