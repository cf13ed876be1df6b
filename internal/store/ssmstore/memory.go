package ssmstore

import (
	"context"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// provenFor is how long a decryption proves that the key can be used: less than
// the shortest schedule has between two ticks, so that every tick proves it anew.
const provenFor = 45 * time.Second

// memory is what a Store last read of each name, so that KMS is not asked to
// decrypt again what has not changed. It never answers alone: what is remembered
// counts only where an undecrypted answer of the moment bears it out.
type memory struct {
	now func() time.Time

	mu    sync.Mutex
	names map[string]*remembered
	// proven is when the last decryption that succeeded was asked for.
	proven time.Time
	// proving is closed when the decryption under way that is to prove the key ends.
	proving chan struct{}
}

// remembered is what is known of one name.
type remembered struct {
	// read: entry, or that there is none, was read since the last write.
	read  bool
	entry *store.Entry
	// writes counts the beginnings and ends of this Store's writes and deletes.
	writes int
}

func (m *memory) at(name string) *remembered {
	if m.names[name] == nil {
		m.names[name] = &remembered{}
	}
	return m.names[name]
}

// forget drops a name. Every write calls it before and after.
func (m *memory) forget(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.at(name)
	r.read, r.entry = false, nil
	r.writes++
}

// recall returns what is remembered of the names, and how often each was written.
// all is false if one was not read since it was written.
func (m *memory) recall(names []string) (entries map[string]store.Entry, writes map[string]int, all bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	entries, writes, all = map[string]store.Entry{}, map[string]int{}, len(names) > 0
	for _, name := range names {
		r := m.at(name)
		writes[name] = r.writes
		all = all && r.read
		if r.entry != nil {
			entries[name] = *r.entry
		}
	}
	return entries, writes, all
}

// remember keeps what a read that began at the given time found, but for names
// that were written meanwhile. decrypted says that the read went to KMS for
// whatever it found encrypted.
func (m *memory) remember(names []string, writes map[string]int, found map[string]store.Entry, decrypted bool, began time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		e, ok := found[name]
		if ok && decrypted && e.Kind == store.Encrypted {
			m.proven = began
		}
		r := m.at(name)
		if r.writes != writes[name] {
			continue
		}
		r.read, r.entry = true, nil
		if ok {
			r.entry = &e
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

// isProven needs the lock. A clock that was set back proves nothing, nor does
// one that stood still while the process was frozen, as the monotonic one may.
func (m *memory) isProven() bool {
	now := m.now()
	mono, wall := now.Sub(m.proven), now.Round(0).Sub(m.proven.Round(0))
	return min(mono, wall) >= 0 && max(mono, wall) < provenFor
}

// same reports whether two answers tell of one and the same write: versions
// begin anew when a parameter is deleted and created, times do not.
func same(a, b store.Entry) bool {
	return a.Version == b.Version && a.Kind == b.Kind && a.Modified.Equal(b.Modified)
}
