package scenario

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// psoxyEvery is how often some container of psoxy takes its token for due. That is
// about as often as the keeper does, so that each is first at times.
const psoxyEvery = 37 * time.Minute

// startPsoxy lets psoxy rotate on its own account, as it does in shared mode:
// under the lock that both respect, in the form that both read.
func startPsoxy(w *world) error {
	var next func(n int) func() error
	next = func(n int) func() error {
		return func() error {
			at := w.clock.Now().Add(psoxyEvery)
			if n%3 == 0 {
				at = w.tickAfter(at).Add(-2 * time.Second) // so that a tick comes while it holds the lock
			}
			w.beside(at, next(n+1))
			return w.psoxyLocks(n)
		}
	}
	w.beside(w.clock.Now().Add(psoxyEvery), next(0))
	return nil
}

// psoxyLocks takes the lock and, a second apart each, exchanges, saves and
// releases.
func (w *world) psoxyLocks(n int) error {
	ctx, names := context.Background(), w.victim.names
	lock := atlassian.NewSecret("locked_" + strconv.FormatInt(w.clock.Now().UnixMilli(), 10))
	switch _, err := w.store.Create(ctx, names.Lock, lock, store.Plain); {
	case errors.Is(err, store.ErrExists):
		return nil // psoxy waits and reads what the other has written
	case err != nil:
		return err
	}
	w.beside(w.clock.Now().Add(time.Second), func() error {
		entries, err := w.store.Read(ctx, names.RefreshToken)
		if err != nil {
			return err
		}
		tokens, err := w.em.Refresh(atlassiantest.RefreshRequest{ClientID: w.victim.app.ClientID, ClientSecret: w.victim.app.ClientSecret,
			RefreshToken: entries[names.RefreshToken].Value, Presenter: "psoxy"})
		if err != nil {
			return fmt.Errorf("psoxy's rotation %d was refused: %w", n, err)
		}
		expires := w.clock.Now().Add(tokens.ExpiresIn)
		w.beside(w.clock.Now().Add(time.Second), func() error {
			return w.put(map[string]atlassian.Secret{
				names.AccessToken: psoxy.JSON.EncodeAccessToken(tokens.Access, expires), names.RefreshToken: tokens.Refresh,
			})
		})
		w.beside(w.clock.Now().Add(2*time.Second), func() error {
			if w.running {
				w.encounters++
			}
			return w.store.Delete(ctx, names.Lock)
		})
		return nil
	})
	return nil
}
