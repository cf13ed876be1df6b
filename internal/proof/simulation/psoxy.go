package simulation

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// container is a process of psoxy 0.6.9, which keeps what it reads for five
// minutes, and longer where reading it again fails.
type container struct {
	name  string
	cache map[slotIndex]cached
}

type cached struct {
	value atlassian.Secret
	at    time.Time
}

// Psoxy's habits.
const (
	cacheFor    = 5 * time.Minute
	lockStale   = 2 * time.Minute
	heldLonger  = 2 * time.Second
	lockRecheck = 200 * time.Millisecond
)

// lockWaits are psoxy's waits for a lock that somebody else holds.
var lockWaits = [...]time.Duration{4 * time.Second, 8 * time.Second, 12 * time.Second}

// psoxy lets a container of psoxy rotate beside whatever runs. Psoxy can do so at
// any time: once ACCESS_TOKEN has more than ten versions, it takes the first page of
// the history for the newest one, and refreshes at random.
//
// Bit 0 of n selects one of two containers, bit 1 that it starts anew; the rest
// is how it takes turns.
func (w *world) psoxy(n uint64) {
	c := w.containers[n&1]
	if c == nil || n&2 != 0 {
		c = &container{fmt.Sprintf("psoxy-%c", 'a'+n&1), map[slotIndex]cached{}}
		w.containers[n&1] = c
	}
	a := w.admit(&actor{w: w, role: consumes}, c.name)
	w.beside(a, n>>2, func() {
		defer func() {
			if a.dead {
				w.containers[n&1] = nil
			}
		}()
		defer ends(&a.dead)
		c.refresh(w, a)
	})
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// get reads a parameter as psoxy does; ok is false where neither the store nor
// the cache has it.
func (c *container) get(w *world, a *actor, i slotIndex) (value atlassian.Secret, ok bool) {
	old, had := c.cache[i]
	if had && w.now.Sub(old.at) < cacheFor {
		return old.value, true
	}
	name := w.slots[i].name
	found, err := storage{w, a}.Read(context.Background(), name)
	if err != nil {
		return old.value, had
	}
	e, ok := found[name]
	if !ok {
		delete(c.cache, i)
		return atlassian.Secret{}, false
	}
	c.cache[i] = cached{e.Value, w.now}
	return e.Value, true
}

// lock tries three times to take the lock. A stale one is deleted, psoxy's own or
// not, and counts as a failed attempt.
func (c *container) lock(w *world, a *actor) bool {
	ctx, s, name := context.Background(), storage{w, a}, w.names.Lock
	for _, wait := range lockWaits {
		mine := atlassian.NewSecret("locked_" + millis(w.now))
		if _, err := s.Create(ctx, name, mine, store.Plain); err == nil {
			w.wait(a, lockRecheck)
			if found, err := s.Read(ctx, name); err == nil && found[name].Value == mine {
				return true
			}
		} else if found, err := s.Read(ctx, name); err == nil && found[name].Version != 0 && w.now.Sub(found[name].Modified) > lockStale {
			_ = s.Delete(ctx, name)
		}
		w.wait(a, wait)
	}
	return false
}

// refresh is psoxy's rotation. Every error ends it, and what it did stays: a failed
// exchange leaves the lock, and a failed write loses the pair.
func (c *container) refresh(w *world, a *actor) {
	if !c.lock(w, a) {
		return
	}
	ctx, s := context.Background(), storage{w, a}
	id, _ := c.get(w, a, slotClientID)
	secret, _ := c.get(w, a, slotClientSecret)
	refresh, ok := c.get(w, a, slotRefresh)
	if !ok {
		return
	}
	t, err := endpoint{w, a}.Refresh(ctx, atlassian.App{ClientID: id.Reveal(), ClientSecret: secret}, refresh)
	if err != nil {
		return
	}
	access := atlassian.NewSecret(fmt.Sprintf(`{"token":%q,"expirationDate":%s}`, t.Access.Reveal(), millis(w.now.Add(t.ExpiresIn))))
	if !c.write(w, a, slotAccess, access) {
		return
	}
	if t.Refresh.IsZero() {
		t.Refresh = refresh
	}
	if !c.write(w, a, slotRefresh, t.Refresh) {
		return
	}
	c.cache[slotRefresh] = cached{t.Refresh, w.now}
	w.wait(a, heldLonger)
	_ = s.Delete(ctx, w.names.Lock)
}

// write puts a parameter. On Google Cloud psoxy destroys the versions before it.
func (c *container) write(w *world, a *actor, i slotIndex, value atlassian.Secret) bool {
	version, err := storage{w, a}.Write(context.Background(), w.slots[i].name, value, store.Encrypted)
	if err == nil && w.settings.Google {
		w.slots[i].destroyed = version - 1
		if i == slotRefresh {
			destroyed(&w.oracle)
		}
	}
	return err == nil
}
