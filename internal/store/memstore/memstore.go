// Package memstore keeps parameters in memory with the semantics of SSM Parameter
// Store: versions, a history of 100, create-only puts, and versions that restart
// after a delete. It has no clock of its own, so that tests can simulate years. It
// is never stale: tests that need staleness and faults wrap it.
package memstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Store implements store.Store. Nothing survives the process.
type Store struct {
	now func() time.Time

	mu         sync.RWMutex
	parameters map[string]*parameter
}

var _ store.Store = (*Store)(nil)

// parameter is a name's kept versions: a ring once it is full.
type parameter struct {
	kind    store.Kind
	newest  int64
	entries []store.Entry
	// oldest is the index of the oldest entry, 0 until the ring is full.
	oldest int
}

// New returns an empty store whose entries are stamped with now.
func New(now func() time.Time) *Store {
	return &Store{now: now, parameters: make(map[string]*parameter)}
}

// Read implements store.Store.
func (s *Store) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found := make(map[string]store.Entry, len(names))
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.now()
	for _, name := range names {
		if p := s.parameters[name]; p != nil {
			e := *p.version(p.newest)
			e.ReadAt = now
			found[name] = e
		} else if err := store.CheckName(name); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// History implements store.Store.
func (s *Store) History(ctx context.Context, name string, from int64) ([]store.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	p := s.parameters[name]
	if p == nil {
		return nil, store.CheckName(name)
	}
	var entries []store.Entry
	now := s.now()
	for v := max(from, p.newest-int64(len(p.entries))+1); v <= p.newest; v++ {
		e := *p.version(v)
		e.ReadAt = now
		entries = append(entries, e)
	}
	return entries, nil
}

// Create implements store.Store.
func (s *Store) Create(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
	return s.put(ctx, name, value, kind, false)
}

// Write implements store.Store.
func (s *Store) Write(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
	return s.put(ctx, name, value, kind, true)
}

func (s *Store) put(ctx context.Context, name string, value atlassian.Secret, kind store.Kind, overwrite bool) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := store.CheckWrite(name, value); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.parameters[name]
	switch {
	case p == nil:
		p = &parameter{kind: kind}
		s.parameters[name] = p
	case !overwrite:
		return 0, fmt.Errorf("%s: %w", name, store.ErrExists)
	}
	p.add(value, s.now())
	return p.newest, nil
}

// Delete implements store.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := store.CheckName(name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parameters[name] == nil {
		return fmt.Errorf("%s: %w", name, store.ErrNotFound)
	}
	delete(s.parameters, name)
	return nil
}

// add appends a version, over the oldest one once the ring is full.
func (p *parameter) add(value atlassian.Secret, at time.Time) {
	p.newest++
	e := store.Entry{Value: value, Version: p.newest, Modified: at, Kind: p.kind}
	if len(p.entries) < store.KeptVersions {
		p.entries = append(p.entries, e)
		return
	}
	p.entries[p.oldest] = e
	p.oldest = (p.oldest + 1) % len(p.entries)
}

// version returns a kept version, or nil.
func (p *parameter) version(v int64) *store.Entry {
	back := p.newest - v
	if back < 0 || back >= int64(len(p.entries)) {
		return nil
	}
	i := p.oldest - 1 - int(back)
	if i < 0 {
		i += len(p.entries)
	}
	return &p.entries[i]
}
