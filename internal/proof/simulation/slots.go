package simulation

import (
	"context"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
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
	slotLedger
	slotCloudID
	slotCount
)

// slotNames are the parameters' names, by slotIndex.
func slotNames(n family.Names) [slotCount]string {
	return [slotCount]string{n.Lock, n.RefreshToken, n.AccessToken, n.Family, n.ClientID, n.ClientSecret, n.Ledger, n.CloudID}
}

// copies are the parameters that a keeper publishes.
var copies = [...]slotIndex{slotRefresh, slotAccess, slotFamily}

// secretSlots are kept encrypted.
func (i slotIndex) kind() store.Kind {
	switch i {
	case slotLock, slotFamily, slotCloudID:
		return store.Plain
	}
	return store.Encrypted
}

// parameters are the store as it truly is.
type parameters struct {
	mem   *memstore.Store
	slots [slotCount]slot
	// recent are the last changes, for stale reads.
	recent []change
	stale  staleness
	shared time.Time // until when creates may not be exclusive
	// issued are the values that REFRESH_TOKEN had, in the order of their first
	// appearance.
	issued []atlassian.Secret
	// writes counts the changes.
	writes int
}

// slot mirrors one parameter.
type slot struct {
	name      string
	entry     store.Entry // Version 0: it does not exist
	by        *actor
	deletedAt time.Time
	// destroyed is the newest version that was destroyed, as Google Cloud lets people
	// do: it and those before it have a number and no value.
	destroyed int64
	// Until when the name cannot be read, written, or put because of a label.
	unreadable, unwritable, labelled time.Time
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
func (w *world) changed(by *actor, i slotIndex, value atlassian.Secret, version int64) {
	s := &w.slots[i]
	const memory = 10 * time.Second
	if len(w.recent) > 0 && w.now.Sub(w.recent[len(w.recent)-1].at) > memory {
		w.recent = w.recent[:0]
	}
	w.recent = append(w.recent, change{w.now, i, s.entry})
	kind := i.kind()
	if s.entry.Version != 0 {
		kind = s.entry.Kind
	}
	s.entry, s.by = store.Entry{Value: value, Version: version, Modified: w.now, Kind: kind}, by
	if version == 0 {
		s.entry, s.deletedAt = store.Entry{}, w.now
		w.oracle.deleted(by, i)
	} else {
		w.oracle.wrote(by, i, version, value)
	}
	w.writes++
	w.idle.valid = false
	if i == slotRefresh && (by.role != byHand || !slices.Contains(w.issued, value)) {
		w.issue(value)
	}
}

// issue remembers a token that appears for the first time.
func (w *world) issue(value atlassian.Secret) {
	const lately = 8
	if _, ok := w.em.Lookup(value); ok && !slices.Contains(w.issued[max(0, len(w.issued)-lately):], value) {
		w.issued = append(w.issued, value)
	}
}

// put writes a parameter by the hand of a person or program that nothing fails.
func (w *world) put(i slotIndex, value atlassian.Secret) {
	w.putBy(person, i, value)
}

func (w *world) putBy(by *actor, i slotIndex, value atlassian.Secret) {
	s := &w.slots[i]
	if w.now.Before(s.labelled) {
		return // nobody can
	}
	v, err := w.mem.Write(context.Background(), s.name, value, i.kind())
	must(err)
	w.changed(by, i, value, v)
}

// remove deletes a parameter by a person's hand. On Google Cloud it may be that all
// its versions are destroyed: its numbers then go on.
func (w *world) remove(i slotIndex) {
	if w.slots[i].entry.Version == 0 {
		return
	}
	if w.settings.Google && w.writes&1 == 0 {
		w.slots[i].destroyed = w.slots[i].entry.Version
	} else {
		must(w.mem.Delete(context.Background(), w.slots[i].name))
		w.slots[i].destroyed = 0
	}
	w.slots[i].labelled = time.Time{}
	w.changed(person, i, atlassian.Secret{}, 0)
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

// asOf is the value that a parameter had at a time that its history reaches.
func (w *world) asOf(i slotIndex, t time.Time) (value atlassian.Secret, ok bool) {
	for _, e := range w.history(i) {
		if e.Modified.After(t) {
			break
		}
		value, ok = e.Value, true
	}
	return value, ok
}

// isStale reports whether reads of a parameter show the past.
func (w *world) isStale(i slotIndex) bool {
	return w.now.Before(w.stale.until) && (w.stale.mask == 0 || w.stale.mask&(1<<i) != 0)
}

// history is a parameter's, as far back as it is kept.
func (w *world) history(i slotIndex) []store.Entry {
	entries, err := w.mem.History(context.Background(), w.slots[i].name, w.slots[i].destroyed+1)
	must(err)
	return entries
}
