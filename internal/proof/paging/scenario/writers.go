package scenario

import (
	"context"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// writersEvery is the interval of foreign writes to REFRESH_TOKEN.
const writersEvery = 6*time.Hour + 97*time.Second

// startWriters lets people and programs write over REFRESH_TOKEN what is not a newer
// token: a backup of it or a placeholder. They delete it, too.
func startWriters(w *world) error {
	var next func(n int) func() error
	next = func(n int) func() error {
		return func() error {
			w.at(w.clock.Now().Add(writersEvery), next(n+1))
			return w.overwrite(n)
		}
	}
	w.at(w.clock.Now().Add(writersEvery), next(0))
	return nil
}

// overwrite is the n-th of their writes.
func (w *world) overwrite(n int) error {
	ctx, name := context.Background(), w.victim.names.RefreshToken
	switch n % 3 {
	case 0:
		kept, err := w.store.History(ctx, name, 0)
		if err != nil {
			return err
		}
		_, err = w.store.Write(ctx, name, kept[len(kept)/2].Value, store.Encrypted)
		return err
	case 1:
		_, err := w.store.Write(ctx, name, atlassian.NewSecret("CHANGE_ME"), store.Encrypted)
		return err
	}
	return w.store.Delete(ctx, name)
}
