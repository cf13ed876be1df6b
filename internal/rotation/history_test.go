package rotation_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/rotation"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// oddStore is a store with the habits of a real one.
type oddStore struct {
	store.Store
	// twice: a write of the lock is repeated, because its first answer was lost.
	twice bool
	// stale is how many histories lack all that is new.
	stale int
}

func (s *oddStore) Write(ctx context.Context, name string, value atlassian.Secret, k store.Kind) (int64, error) {
	if s.twice && name == names.Lock {
		if _, err := s.Store.Write(ctx, name, value, k); err != nil {
			return 0, err
		}
	}
	return s.Store.Write(ctx, name, value, k)
}

func (s *oddStore) History(ctx context.Context, name string, from int64) ([]store.Entry, error) {
	if s.stale > 0 {
		s.stale--
		return nil, nil
	}
	return s.Store.History(ctx, name, from)
}

// The store's own repetition of a call is not another process.
func TestATakeOverWhoseAnswerWasLost(t *testing.T) {
	w := due(t, true)
	w.keeper.Store = &oddStore{Store: w.keeper.Store, twice: true}
	w.want(rotation.Rotated)
	w.requireKept()
}

// A consent was covered, and the history that tells so is stale, or cannot be
// read for some time or for the whole tick: it is not taken for an empty one.
func TestTheHistoryOfWhatWasCovered(t *testing.T) {
	covering := func(t *testing.T, failures int) *world {
		w := due(t, false)
		covered := false
		w.before = func(_ int, op string) error {
			switch {
			case op == "write REFRESH_TOKEN" && !covered:
				covered = true
				w.consent()
			case strings.HasPrefix(op, "read history") && failures > 0:
				failures--
				return errFault
			}
			return nil
		}
		return w
	}
	t.Run("stale", func(t *testing.T) {
		w := covering(t, 0)
		w.keeper.Store = &oddStore{Store: w.keeper.Store, stale: 2}
		w.want(rotation.Contended)
		w.requireNewestFamily()
	})
	t.Run("unreadable for some time", func(t *testing.T) {
		w := covering(t, 7)
		w.want(rotation.Contended)
		w.requireNewestFamily()
	})
	t.Run("unreadable for the whole tick", func(t *testing.T) {
		w := covering(t, 1000)
		w.want(rotation.Failed)
		w.before = nil
		w.clock.Advance(5 * time.Minute)
		w.want(rotation.Contended)
		w.requireNewestFamily()
	})
}

// A process dies after it wrote the refresh token and before the record. Who
// wrote what tells the family apart from a consent that came in between.
func TestInterruptedRotations(t *testing.T) {
	dying := func(t *testing.T) *world {
		w := due(t, false)
		w.after = func(_ int, op string) error {
			if op == "write REFRESH_TOKEN" {
				panic(crash{})
			}
			return nil
		}
		return w
	}
	settle := func(w *world) {
		w.before, w.after = nil, nil
		for range 2 {
			w.clock.Advance(5 * time.Minute)
			w.tick()
		}
		w.requireKept()
		w.requireNewestFamily()
	}
	t.Run("nobody else wrote", func(t *testing.T) {
		w := dying(t)
		born := w.record().AuthorizedAt
		w.tick()
		settle(w)
		require.Equal(t, born, w.record().AuthorizedAt, "the countdown goes on")
		require.Equal(t, 3, w.record().Generation)
	})
	t.Run("a consent was covered", func(t *testing.T) {
		w := dying(t)
		var consented time.Time
		w.before = func(_ int, op string) error {
			if op == "write REFRESH_TOKEN" {
				consented = w.clock.Now()
				w.consent()
			}
			return nil
		}
		w.tick()
		settle(w)
		require.Equal(t, consented, w.record().AuthorizedAt, "the countdown is the new consent's")
	})
	t.Run("a consent came later", func(t *testing.T) {
		w := dying(t)
		w.tick()
		w.clock.Advance(time.Minute)
		consented := w.clock.Now()
		w.consent()
		settle(w)
		require.Equal(t, consented, w.record().AuthorizedAt)
	})
}

// A tick that may be the last one inside the leeway says so, for it is worth
// another try; one after which there is time says not.
func TestUrgency(t *testing.T) {
	w := due(t, false)
	w.before = failing("create" + lockOp)
	require.False(t, w.want(rotation.Failed).Urgent, "nothing is in doubt")
	w.before = failing("read")
	require.True(t, w.want(rotation.Failed).Urgent, "nothing is known")

	w.before = nil
	w.after = crashing("post")
	w.tick()
	w.after = nil
	for _, c := range []struct {
		after  time.Duration
		urgent bool
	}{{3 * time.Minute, false}, {2 * time.Minute, true}, {4*time.Minute - time.Second, true}, {2 * time.Second, false}} {
		w.clock.Advance(c.after)
		w.before = failing("write" + lockOp)
		out, _ := w.tick()
		require.Equal(t, c.urgent, out.Urgent, "%v: %s", c.after, out.Reason)
	}
}

// A token is in doubt while its app's secret is changed: the tick looks again
// for what a person stores a moment later.
func TestWrongCredentialsAreUrgentInDoubt(t *testing.T) {
	w := due(t, false)
	w.after = crashing("post")
	w.tick()
	w.after = nil
	w.clock.Advance(5 * time.Minute)
	right := w.get(names.ClientSecret).Value
	w.put(names.ClientSecret, "wrong")
	require.True(t, w.want(rotation.Misconfigured).Urgent)
	w.put(names.ClientSecret, right.Reveal())
	w.want(rotation.Replayed)
	w.requireKept()
}
