package simulation

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// psoxy starts a container of psoxy that rotates beside, as version 0.6.9 does.
// It can come at any time: once ACCESS_TOKEN has more than ten versions, psoxy
// takes the first page of its history for the newest and refreshes at random.
func (w *world) psoxy(turns uint64) {
	w.started++
	a := &actor{name: fmt.Sprintf("psoxy-%d", w.started)}
	w.beside(a, turns, func() {
		defer func() {
			if r := recover(); r != nil {
				if _, kill := r.(killedProcess); !kill {
					panic(r)
				}
				a.dead = true
			}
		}()
		w.psoxyRotates(a)
	})
}

// psoxyRotates is psoxy's refresh. Every error ends it, and what it did stays:
// a failed exchange leaves the lock, a failed write loses the pair.
func (w *world) psoxyRotates(a *actor) {
	ctx := context.Background()
	s, n := storage{w, a}, w.names
	mine := atlassian.NewSecret("locked_" + strconv.FormatInt(w.now.UnixMilli(), 10))
	if _, err := s.Create(ctx, n.Lock, mine, store.Plain); err != nil {
		// Somebody has it. A stale one is deleted, whoever's it is, and the
		// finder goes away.
		if found, err := s.Read(ctx, n.Lock); err == nil && found[n.Lock].Version != 0 && w.now.Sub(found[n.Lock].Modified) > 2*time.Minute {
			_ = s.Delete(ctx, n.Lock)
		}
		return
	}
	w.advance(200 * time.Millisecond)
	found, err := s.Read(ctx, n.Lock)
	if err != nil || found[n.Lock].Value != mine {
		return
	}
	found, err = s.Read(ctx, n.ClientID, n.ClientSecret, n.RefreshToken)
	if err != nil {
		return
	}
	app := atlassian.App{ClientID: found[n.ClientID].Value.Reveal(), ClientSecret: found[n.ClientSecret].Value}
	t, err := endpoint{w, a}.Refresh(ctx, app, found[n.RefreshToken].Value)
	if err != nil {
		return
	}
	access := fmt.Sprintf(`{"token":%q,"expirationDate":%d}`, t.Access.Reveal(), w.now.Add(t.ExpiresIn).UnixMilli())
	if _, err := s.Write(ctx, n.AccessToken, atlassian.NewSecret(access), store.Encrypted); err != nil {
		return
	}
	if t.Refresh.IsZero() {
		t.Refresh = found[n.RefreshToken].Value
	}
	if _, err := s.Write(ctx, n.RefreshToken, t.Refresh, store.Encrypted); err != nil {
		return
	}
	_ = s.Delete(ctx, n.Lock)
}
