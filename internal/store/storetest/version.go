package storetest

import (
	"context"
	"fmt"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// Version returns one version of a parameter, or store.ErrNotFound.
func Version(ctx context.Context, s store.Store, name string, version int64) (store.Entry, error) {
	entries, err := s.History(ctx, name, version)
	if err != nil {
		return store.Entry{}, err
	}
	for _, e := range entries {
		if e.Version == version {
			return e, nil
		}
	}
	return store.Entry{}, fmt.Errorf("%s, version %d: %w", name, version, store.ErrNotFound)
}
