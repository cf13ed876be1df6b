package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// slotIndex numbers the parameters of the connection.
type slotIndex int

const (
	slotLock slotIndex = iota
	slotRefresh
	slotAccess
	slotFamily
	slotClientID
	slotClientSecret
	slotCount
)

// slot mirrors one parameter as it truly is.
type slot struct {
	name      string
	entry     store.Entry // Version 0: it does not exist
	by        *actor
	deletedAt time.Time
}

// change is what a parameter was before it changed.
type change struct {
	at   time.Time
	slot slotIndex
	was  store.Entry
}

// staleness is what Stale does to reads.
type staleness struct {
	until, asOf time.Time
	mask        uint64
}

func (w *world) slotOf(name string) slotIndex {
	for i := range w.slots {
		if w.slots[i].name == name {
			return slotIndex(i)
		}
	}
	panic("simulation: no parameter is called " + name)
}

// changed keeps the mirror true, and tells the oracle. version 0 is a deletion.
func (w *world) changed(by *actor, name string, value atlassian.Secret, version int64, kind store.Kind) {
	i := w.slotOf(name)
	s := &w.slots[i]
	const memory = 10 * time.Second
	if len(w.recent) > 0 && w.now.Sub(w.recent[len(w.recent)-1].at) > memory {
		w.recent = w.recent[:0]
	}
	w.recent = append(w.recent, change{w.now, i, s.entry})
	if s.entry.Version != 0 {
		kind = s.entry.Kind
	}
	s.entry, s.by = store.Entry{Value: value, Version: version, Modified: w.now, Kind: kind}, by
	if version == 0 {
		s.entry, s.deletedAt = store.Entry{}, w.now
	}
	switch i {
	case slotRefresh:
		w.oracle.stored(by, value)
	case slotLock:
		w.oracle.lockWritten(by)
	}
	w.idle.valid = false
	if by.refresher == nil || by.consents {
		w.idle.foreign++
	}
}

// view is a parameter as it was at the time t, some seconds ago.
func (w *world) view(i slotIndex, t time.Time) store.Entry {
	e := w.slots[i].entry
	for n := len(w.recent) - 1; n >= 0 && w.recent[n].at.After(t); n-- {
		if w.recent[n].slot == i {
			e = w.recent[n].was
		}
	}
	return e
}

// isStale reports whether reads of a parameter show the past.
func (w *world) isStale(i slotIndex) bool {
	return w.now.Before(w.stale.until) && (w.stale.mask == 0 || w.stale.mask&(1<<i) != 0)
}

// storage is the store as one actor sees it.
type storage struct {
	w *world
	a *actor
}

var _ store.Store = storage{}

// reach is begin for a call to the store.
func (s storage) reach(o operation, name string, secret bool) (strike, error) {
	h, err := s.w.begin(s.a, o, name)
	if err != nil {
		return h, err
	}
	s.w.advance(storeLatency)
	switch {
	case s.w.down&storeDown != 0:
		s.w.advance(outageLatency)
		s.w.killIfLate(s.a)
		return h, errNoAnswer
	case s.w.down&keyDown != 0 && secret && !(s.w.keyReads && onReads&set(o) != 0):
		return h, fmt.Errorf("%s: %w", name, store.ErrDenied)
	}
	s.w.killIfLate(s.a)
	return h, nil
}

func (w *world) encrypted(name string) bool {
	return w.slots[w.slotOf(name)].entry.Kind == store.Encrypted
}

func (s storage) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	secret := false
	for _, n := range names {
		secret = secret || s.w.encrypted(n)
	}
	h, err := s.reach(opRead, names[0], secret)
	if err != nil {
		return nil, err
	}
	found, err := s.w.mem.Read(ctx, names...)
	for _, n := range names {
		if i := s.w.slotOf(n); s.w.isStale(i) {
			if e := s.w.view(i, s.w.stale.asOf); e.Version != 0 {
				found[n] = e
			} else {
				delete(found, n)
			}
		}
	}
	return found, s.w.end(s.a, h, err)
}

func (s storage) History(ctx context.Context, name string, from int64) ([]store.Entry, error) {
	h, err := s.reach(opHistory, name, s.w.encrypted(name))
	if err != nil {
		return nil, err
	}
	entries, err := s.w.mem.History(ctx, name, from)
	if i := s.w.slotOf(name); s.w.isStale(i) {
		newest := s.w.view(i, s.w.stale.asOf).Version
		entries = slices.DeleteFunc(entries, func(e store.Entry) bool { return e.Version > newest })
	}
	return entries, s.w.end(s.a, h, err)
}

func (s storage) Create(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
	h, err := s.reach(opCreate, name, kind == store.Encrypted)
	if err != nil {
		return 0, err
	}
	create := func() (int64, error) {
		at := &s.w.slots[s.w.slotOf(name)]
		if s.w.now.Before(s.w.shared) && at.entry.Version != 0 && s.w.now.Sub(at.deletedAt) < 30*time.Second {
			_ = s.w.mem.Delete(ctx, name)
		}
		v, err := s.w.mem.Create(ctx, name, value, kind)
		if err == nil {
			s.w.changed(s.a, name, value, v, kind)
		}
		return v, err
	}
	v, err := create()
	if h.repeat {
		v, err = create()
	}
	return v, s.w.end(s.a, h, err)
}

func (s storage) Write(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
	h, err := s.reach(opWrite, name, kind == store.Encrypted || s.w.encrypted(name))
	if err != nil {
		return 0, err
	}
	v, err := s.w.mem.Write(ctx, name, value, kind)
	if err == nil && h.repeat {
		v, err = s.w.mem.Write(ctx, name, value, kind)
	}
	if err == nil {
		s.w.changed(s.a, name, value, v, kind)
	}
	return v, s.w.end(s.a, h, err)
}

func (s storage) Delete(ctx context.Context, name string) error {
	h, err := s.reach(opDelete, name, false)
	if err != nil {
		return err
	}
	err = s.w.mem.Delete(ctx, name)
	if err == nil {
		s.w.changed(s.a, name, atlassian.Secret{}, 0, store.Plain)
		if h.repeat {
			err = s.w.mem.Delete(ctx, name)
		}
	}
	return s.w.end(s.a, h, err)
}
