package rotation_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/rotation"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// Through an outage of half a day the lock is written over at every tick, more
// often than its history keeps: it stays this process's own.
func TestALockOfAHundredVersions(t *testing.T) {
	w := due(t, false)
	require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.Before,
		Kind: atlassiantest.KindStatus, Status: 503, Times: 3 * 150}))
	for range 150 {
		w.want(rotation.InDoubt)
		w.clock.Advance(5 * time.Minute)
	}
	w.want(rotation.Replayed)
	w.requireKept()
}

// ghostStore answers the first read with a lock that has been released.
type ghostStore struct {
	store.Store
	lock *store.Entry
}

func (s *ghostStore) Read(ctx context.Context, list ...string) (map[string]store.Entry, error) {
	entries, err := s.Store.Read(ctx, list...)
	if s.lock != nil && err == nil {
		entries[names.Lock], s.lock = *s.lock, nil
	}
	return entries, err
}

// A stale read shows a lock that was released, ours or another's: taking that
// over creates a lock, which is ours.
func TestALockThatIsNoMore(t *testing.T) {
	for _, owned := range []bool{false, true} {
		w := due(t, false)
		w.put(names.Lock, "locked_1764000000000") // psoxy's
		ghost := w.get(names.Lock)
		require.NoError(t, w.mem.Delete(context.Background(), names.Lock))
		if owned {
			w.after = func(_ int, op string) error {
				if op == "create OAUTH_REFRESH_TOKEN_lock" {
					ghost = w.get(names.Lock)
				}
				return nil
			}
			w.want(rotation.Rotated)
			w.after = nil
		}
		w.clock.Advance(40 * time.Minute)
		w.keeper.Store = &ghostStore{Store: w.keeper.Store, lock: &ghost}
		out, _ := w.tick()
		require.Contains(t, []rotation.Action{rotation.Rotated, rotation.Replayed}, out.Action, out.Reason)
		w.requireKept()
	}
}
