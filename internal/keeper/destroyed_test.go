package keeper_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// destroyingStore shows no values of REFRESH_TOKEN up to a version, as Secret Manager does
// after psoxy has written.
type destroyingStore struct {
	store.Store
	destroyed int64
}

func (s *destroyingStore) History(ctx context.Context, name string, from int64) ([]store.Entry, error) {
	entries, err := s.Store.History(ctx, name, from)
	for i := range entries {
		if name == names.RefreshToken && entries[i].Version <= s.destroyed {
			entries[i] = store.Entry{Version: entries[i].Version, Modified: entries[i].Modified}
		}
	}
	return entries, err
}

// A consent is stored, and psoxy rotates it and destroys it before a tick has judged it. A
// process that has read it knows it when a person puts it back.
func TestATokenThatPsoxyDestroyedComesBack(t *testing.T) {
	w := shared(t)
	s := &destroyingStore{Store: w.store()}
	w.restartWith(s)
	w.want(keeper.Rotated)
	tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	w.psoxy.locks()
	w.put(names.RefreshToken, tokens.Refresh.Reveal())
	w.want(keeper.Contended)
	consented := w.get(names.RefreshToken).Version
	w.psoxy.saves(w.psoxy.spends(), 2)
	s.destroyed = consented
	w.remove(names.Lock)
	w.want(keeper.Rotated)
	begun := w.posts()

	w.put(names.RefreshToken, tokens.Refresh.Reveal())
	w.tick()
	require.Equal(t, begun, w.posts())
	w.requireSharedAndKept()
}
