package ssmstore

import (
	"context"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// provenFor is how long a decryption proves that the key can be used. It is
// shorter than the time between two ticks, so that every tick proves the key.
const provenFor = 45 * time.Second

// memory is what a Store last decrypted, so that KMS is not asked to decrypt again
// what has not changed. It never answers alone: what is remembered counts only
// where an undecrypted answer of the moment bears it out.
type memory struct {
	now func() time.Time

	mu      sync.Mutex
	secrets map[string]store.Entry
	// unread are secrets that this Store has written and not read back yet: the
	// next glance would find them changed.
	unread map[string]bool
	// writes counts the beginnings and ends of this Store's writes and deletes of a name.
	writes map[string]int
	// proven is when the last decryption that succeeded was asked for.
	proven time.Time
	// proving is closed when the decryption that is to prove the key ends.
	proving chan struct{}
}

func newMemory(now func() time.Time) *memory {
	return &memory{now: now, secrets: map[string]store.Entry{}, unread: map[string]bool{}, writes: map[string]int{}}
}

// forget drops a name. Every write and every delete calls it before and after.
func (m *memory) forget(name string, written bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, known := m.secrets[name]
	m.unread[name] = written && (known || m.unread[name])
	delete(m.secrets, name)
	m.writes[name]++
}

// recalled is what is remembered of some names.
type recalled struct {
	known  map[string]store.Entry
	unread []string
	// writes says how often each was written: see memory.
	writes map[string]int
}

// recall returns what is remembered of the names.
func (m *memory) recall(names []string) recalled {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := recalled{known: map[string]store.Entry{}, writes: map[string]int{}}
	for _, name := range names {
		r.writes[name] = m.writes[name]
		if m.unread[name] {
			r.unread = append(r.unread, name)
		}
		if e, ok := m.secrets[name]; ok {
			r.known[name] = e
		}
	}
	return r
}

// remember keeps the secrets that a decrypting read, begun at the given time,
// found, but for names that were written meanwhile.
func (m *memory) remember(names []string, writes map[string]int, found map[string]store.Entry, began time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		e, ok := found[name]
		secret := ok && e.Kind == store.Encrypted
		if secret {
			m.proven = began
		}
		if m.writes[name] != writes[name] {
			continue
		}
		delete(m.secrets, name)
		delete(m.unread, name)
		if secret {
			m.secrets[name] = e
		}
	}
}

// prove calls decrypt unless the key was proven a short while ago. Calls at the
// same time wait for the first; if that fails, each tries for itself.
func (m *memory) prove(ctx context.Context, decrypt func() error) error {
	m.mu.Lock()
	if m.isProven() {
		m.mu.Unlock()
		return nil
	}
	if other := m.proving; other != nil {
		m.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return ctx.Err()
		}
		m.mu.Lock()
		proven := m.isProven()
		m.mu.Unlock()
		if proven {
			return nil
		}
		return decrypt()
	}
	done := make(chan struct{})
	m.proving = done
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.proving = nil
		m.mu.Unlock()
		close(done)
	}()
	return decrypt()
}

// isProven needs the lock. A clock that was set back proves nothing. Nor does a
// monotonic one, which may stop while the process is frozen.
func (m *memory) isProven() bool {
	now := m.now()
	mono, wall := now.Sub(m.proven), now.Round(0).Sub(m.proven.Round(0))
	return min(mono, wall) >= 0 && max(mono, wall) < provenFor
}

// same reports whether two answers are about the same write. Versions restart when
// a parameter is deleted and created; times do not.
func same(a, b store.Entry) bool {
	return a.Version == b.Version && a.Kind == b.Kind && a.Modified.Equal(b.Modified)
}
