package psoxy_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

const lockName = "X_" + psoxy.LockName

// take takes the lock; meanwhile happens while it settles.
func take(s store.Store, left bool, meanwhile func()) (*psoxy.Lock, store.Entry, error) {
	return psoxy.TakeLock(context.Background(), s, lockName, left, time.UnixMilli(1764000000000), "me/1",
		func(_ context.Context, d time.Duration) {
			if d > time.Second {
				meanwhile()
			}
		})
}

func TestLock(t *testing.T) {
	ctx := context.Background()
	theirs := atlassian.NewSecret("locked_1764000000001")
	stands := func(t *testing.T, s store.Store) atlassian.Secret {
		found, err := s.Read(ctx, lockName)
		require.NoError(t, err)
		return found[lockName].Value
	}
	create := func(t *testing.T, s store.Store) {
		_, err := s.Create(ctx, lockName, theirs, store.Plain)
		require.NoError(t, err)
	}
	nothing := func() {}
	t.Run("taken and released", func(t *testing.T) {
		s := memstore.New(time.Now)
		l, other, err := take(s, false, nothing)
		require.NoError(t, err)
		require.Zero(t, other.Version)
		require.Equal(t, "locked_1764000000000 me/1", stands(t, s).Reveal())
		require.True(t, psoxy.Ours(l.Value))
		require.False(t, psoxy.Ours(theirs))
		require.NoError(t, l.Release(ctx, time.Minute))
		require.Zero(t, stands(t, s))
	})
	t.Run("somebody holds it", func(t *testing.T) {
		s := memstore.New(time.Now)
		create(t, s)
		_, other, err := take(s, false, func() { require.NoError(t, s.Delete(ctx, lockName)) })
		require.ErrorIs(t, err, psoxy.ErrLocked)
		require.Equal(t, theirs, other.Value, "it is known, though its holder has released it since")
	})
	t.Run("one that was left behind", func(t *testing.T) {
		s := memstore.New(time.Now)
		create(t, s)
		_, _, err := take(s, true, nothing)
		require.NoError(t, err)
	})
	t.Run("taken from us a moment later", func(t *testing.T) {
		s := memstore.New(time.Now)
		_, _, err := take(s, false, func() {
			require.NoError(t, s.Delete(ctx, lockName))
			create(t, s)
		})
		require.ErrorIs(t, err, psoxy.ErrLocked)
	})
	t.Run("another's is not released", func(t *testing.T) {
		s := memstore.New(time.Now)
		l, _, err := take(s, false, nothing)
		require.NoError(t, err)
		require.NoError(t, s.Delete(ctx, lockName))
		create(t, s)
		require.ErrorIs(t, l.Release(ctx, time.Second), psoxy.ErrLocked)
		require.Equal(t, theirs, stands(t, s))
	})
	t.Run("held for too long", func(t *testing.T) {
		s := memstore.New(time.Now)
		l, _, err := take(s, false, nothing)
		require.NoError(t, err)
		require.ErrorIs(t, l.Release(ctx, 106*time.Second), psoxy.ErrHeldTooLong)
		require.NotZero(t, stands(t, s))
	})
}
