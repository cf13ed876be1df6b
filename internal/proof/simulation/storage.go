package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// storage is the store as one actor sees it.
type storage struct {
	w *world
	a *actor
}

var _ store.Store = storage{}

// reach is begin for a call to the store.
func (s storage) reach(o operation, slots ...slotIndex) (strike, error) {
	w := s.w
	h, err := s.a.begin(o, w.slots[slots[0]].name)
	if err != nil {
		return h, err
	}
	w.advance(storeLatency)
	if w.down&storeDown != 0 {
		w.advance(outageLatency)
		s.a.killIfLate()
		return h, errNoAnswer
	}
	s.a.killIfLate()
	for _, i := range slots {
		if err := s.permits(o, i); err != nil {
			return h, fmt.Errorf("%s: %w", w.slots[i].name, err)
		}
	}
	return h, nil
}

// endRead ends a call that reads parameters.
func (s storage) endRead(h strike, err error, slots ...slotIndex) error {
	err = s.a.end(h, err)
	if err == nil && (s.a.role == ticks || s.a.role == consents) && slices.Contains(slots, slotRefresh) {
		s.w.oracle.looked(s.a)
	}
	return err
}

// permits says why a parameter cannot be read or written now; nil if it can. Denials
// are the keepers': psoxy and people have rights of their own.
func (s storage) permits(o operation, i slotIndex) error {
	w, p := s.w, &s.w.slots[i]
	switch {
	case s.keyDenies(o, i):
		return store.ErrDenied
	case s.a.role != ticks && s.a.role != consents:
	case p.denied(onReads&set(o) != 0, w.now):
		return store.ErrDenied
	}
	if o == opWrite && w.now.Before(p.labelled) {
		if w.settings.Google {
			return store.ErrNotWritten
		}
		return store.ErrUnwritable
	}
	return nil
}

// keyDenies reports whether the key keeps an encrypted parameter from being read or
// written now.
func (s storage) keyDenies(o operation, i slotIndex) bool {
	w, p := s.w, &s.w.slots[i]
	absent := p.entry.Version == 0
	encrypted := p.entry.Kind == store.Encrypted || absent && i.kind() == store.Encrypted
	readable := onReads&set(o) != 0 && (w.keyReads || absent)
	return w.down&keyDown != 0 && encrypted && o != opDelete && !readable
}

// Read implements store.Store. ReadAt is in whole seconds, as Parameter Store's is.
func (s storage) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	if s.w.settings.Google {
		return s.readEach(ctx, names)
	}
	var stack [slotCount]slotIndex
	slots := stack[:0]
	for _, n := range names {
		slots = append(slots, s.w.slotOf(n))
	}
	h, err := s.reach(opRead, slots...)
	if err != nil {
		return nil, err
	}
	found, err := s.w.mem.Read(ctx, names...)
	if err != nil {
		return nil, err
	}
	readAt := s.w.now.Truncate(time.Second)
	for _, i := range slots {
		name := s.w.slots[i].name
		e, ok := found[name]
		if s.w.isStale(i) {
			e = s.w.view(i, s.w.stale.asOf)
			ok = e.Version != 0
		}
		if !ok {
			delete(found, name)
			continue
		}
		e.ReadAt = readAt
		found[name] = e
	}
	if s.a.role == ticks {
		s.a.sawLock(found[s.w.slots[slotLock].name])
	}
	return found, s.endRead(h, nil, slots...)
}

// History implements store.Store.
func (s storage) History(ctx context.Context, name string, from int64) ([]store.Entry, error) {
	i := s.w.slotOf(name)
	s.a.learned = true
	h, err := s.reach(opHistory, i)
	if err != nil {
		return nil, err
	}
	entries, err := s.w.mem.History(ctx, name, from)
	if s.w.settings.Google && err == nil {
		err = s.google(i, &entries)
	} else if s.w.isStale(i) {
		newest := s.w.view(i, s.w.stale.asOf).Version
		entries = slices.DeleteFunc(entries, func(e store.Entry) bool { return e.Version > newest })
	}
	readAt := s.w.now.Truncate(time.Second)
	for n := range entries {
		entries[n].ReadAt = readAt
	}
	return entries, s.endRead(h, err, i)
}

// Create implements store.Store.
func (s storage) Create(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
	i := s.w.slotOf(name)
	h, err := s.reach(opCreate, i)
	if err != nil {
		return 0, err
	}
	create := func() (int64, error) {
		at := &s.w.slots[i]
		if s.w.now.Before(s.w.shared) && !s.w.settings.Google && at.entry.Version != 0 && s.w.now.Sub(at.deletedAt) < 30*time.Second {
			_ = s.w.mem.Delete(ctx, name)
		}
		v, err := s.w.mem.Create(ctx, name, value, kind)
		if err == nil {
			s.w.changed(s.a, i, value, v)
		}
		return v, err
	}
	v, err := create()
	if h.repeat {
		v, err = create()
	}
	return v, s.a.end(h, err)
}

// Write implements store.Store.
func (s storage) Write(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
	i := s.w.slotOf(name)
	h, err := s.reach(opWrite, i)
	if err != nil {
		return 0, err
	}
	write := func() (int64, error) {
		v, err := s.w.mem.Write(ctx, name, value, kind)
		if err == nil {
			s.w.changed(s.a, i, value, v)
		}
		return v, err
	}
	v, err := write()
	if err == nil && h.repeat {
		v, err = write()
	}
	if kind == store.Plain && s.a.role != byHand {
		s.w.canary.lookSecret(value)
	}
	return v, s.a.end(h, err)
}

// Delete implements store.Store.
func (s storage) Delete(ctx context.Context, name string) error {
	i := s.w.slotOf(name)
	h, err := s.reach(opDelete, i)
	if err != nil {
		return err
	}
	err = s.w.mem.Delete(ctx, name)
	if err == nil {
		s.w.changed(s.a, i, atlassian.Secret{}, 0)
		if h.repeat {
			err = s.w.mem.Delete(ctx, name)
		}
	}
	return s.a.end(h, err)
}
