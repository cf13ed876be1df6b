package simulation

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// An oracle that cannot say no proves nothing: each counter is made to count by
// a keeper with one broken part.
func TestTheOracleCounts(t *testing.T) {
	for name, b := range map[string]broken{
		"avoidable_losses": {token: func(_ *world, _ *actor, e keeper.TokenEndpoint) keeper.TokenEndpoint {
			return tokenFunc(func(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
				_, _ = e.Refresh(ctx, app, refresh)
				return atlassian.Token{}, ambiguous(errors.New("the answer is thrown away"))
			})
		}},
		"killed_by_us": {token: func(w *world, _ *actor, e keeper.TokenEndpoint) keeper.TokenEndpoint {
			var first atlassian.Secret
			return tokenFunc(func(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
				if first.IsZero() {
					first = refresh
				} else if w.now.Sub(birth) > time.Hour {
					_, _ = e.Refresh(ctx, app, first)
				}
				return e.Refresh(ctx, app, refresh)
			})
		}},
		"older_over_newer": {store: func(w *world, _ *actor, s store.Store) store.Store {
			return brokenStore{Store: s, write: func(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
				older := w.slots[slotRefresh].entry.Value
				v, err := s.Write(ctx, name, value, kind)
				if name == w.names.RefreshToken && err == nil && w.armed {
					return s.Write(ctx, name, older, kind)
				}
				return v, err
			}}
		}},
		"sibling_presented": {token: func(_ *world, _ *actor, e keeper.TokenEndpoint) keeper.TokenEndpoint {
			return tokenFunc(func(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
				elder, err := e.Refresh(ctx, app, refresh)
				_, _ = e.Refresh(ctx, app, refresh)
				return elder, err
			})
		}},
		"unlocked_spends": presentsUnlocked,
		"secrets_leaked": {store: func(w *world, _ *actor, s store.Store) store.Store {
			return brokenStore{Store: s, write: func(_ context.Context, name string, value atlassian.Secret, _ store.Kind) (int64, error) {
				return 0, errors.New(name + " cannot hold " + value.Reveal())
			}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := Run(Plan{Seed: 1, Situation: Rotation, For: 3 * time.Hour, broken: b})
			require.Contains(t, r.Counters.Broken(), name)
		})
	}
}

// presentsUnlocked is a keeper that loses its lock before each token request.
var presentsUnlocked = broken{token: func(w *world, a *actor, e keeper.TokenEndpoint) keeper.TokenEndpoint {
	return tokenFunc(func(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
		_ = storage{w, a}.Delete(ctx, w.names.Lock)
		return e.Refresh(ctx, app, refresh)
	})
}}

type tokenFunc func(context.Context, atlassian.App, atlassian.Secret) (atlassian.Token, error)

func (f tokenFunc) Refresh(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
	return f(ctx, app, refresh)
}

type brokenStore struct {
	store.Store
	write func(context.Context, string, atlassian.Secret, store.Kind) (int64, error)
}

func (s brokenStore) Write(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
	return s.write(ctx, name, value, kind)
}
