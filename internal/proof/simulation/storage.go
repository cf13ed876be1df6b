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
	h, err := w.begin(s.a, o, w.slots[slots[0]].name)
	if err != nil {
		return h, err
	}
	w.advance(storeLatency)
	if w.down&storeDown != 0 {
		w.advance(outageLatency)
		w.killIfLate(s.a)
		return h, errNoAnswer
	}
	w.killIfLate(s.a)
	for _, i := range slots {
		if err := s.permits(o, i); err != nil {
			return h, fmt.Errorf("%s: %w", w.slots[i].name, err)
		}
	}
	return h, nil
}

// permits tells why one parameter cannot be read or written now. What psoxy and
// people may do is another matter: they have rights of their own.
func (s storage) permits(o operation, i slotIndex) error {
	w, p := s.w, &s.w.slots[i]
	reads := onReads&set(o) != 0
	encrypted := p.entry.Kind == store.Encrypted || p.entry.Version == 0 && i.kind() == store.Encrypted
	switch {
	case w.down&keyDown != 0 && encrypted && o != opDelete && !(reads && (w.keyReads || p.entry.Version == 0)):
		return store.ErrDenied
	case s.a.role != ticks && s.a.role != consents:
	case reads && w.now.Before(p.unreadable), !reads && w.now.Before(p.unwritable):
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
		s.a.sawLock(s.w, found[s.w.slots[slotLock].name])
	}
	return found, s.w.end(s.a, h, nil)
}

// History implements store.Store.
func (s storage) History(ctx context.Context, name string, from int64) ([]store.Entry, error) {
	i := s.w.slotOf(name)
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
	return entries, s.w.end(s.a, h, err)
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
	return v, s.w.end(s.a, h, err)
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
	return v, s.w.end(s.a, h, err)
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
	return s.w.end(s.a, h, err)
}
