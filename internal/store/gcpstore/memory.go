package gcpstore

import (
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// memory is what this process has written and seen. Answers of Google may be older
// than that. It never answers alone: see Store.unchanged.
type memory struct {
	mu sync.Mutex
	// locks are the values of psoxy's lock that this process wrote, by name.
	locks map[string]atlassian.Secret
	// newest are the newest versions that this process has seen, by name.
	newest map[string]version
	// written is when this process added versions, by name and number.
	written map[string]map[int64]time.Time
}

func newMemory() memory {
	return memory{locks: map[string]atlassian.Secret{}, newest: map[string]version{}, written: map[string]map[int64]time.Time{}}
}

// seen is the newest version of a parameter that this process has seen.
func (m *memory) seen(name string) version {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.newest[name]
}

// see notes the newest version of a parameter.
func (m *memory) see(name string, v version) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.newest[name] = v
}

// wrote remembers when this process added a version.
func (m *memory) wrote(name string, version int64, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.written[name] == nil {
		m.written[name] = map[int64]time.Time{}
	}
	m.written[name][version] = at
	delete(m.written[name], version-store.KeptVersions)
}

// writtenAt is when this process added a version, if it did.
func (m *memory) writtenAt(name string, version int64) (at time.Time, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok = m.written[name][version]
	return at, ok
}

// forget forgets the versions of a parameter that is deleted.
func (m *memory) forget(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.written, name)
	delete(m.newest, name)
}

// took notes what this process wrote as its lock; the zero Secret: it has none.
func (m *memory) took(name string, value atlassian.Secret) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks[name] = value; value.IsZero() {
		delete(m.locks, name)
	}
}

// lock is what this process wrote as its lock; the zero Secret if it has none.
func (m *memory) lock(name string) atlassian.Secret {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.locks[name]
}
