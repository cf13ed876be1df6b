package simulation

import (
	"context"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
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
	time   *timeline
	em     *atlassiantest.Emulator
	oracle *oracle
	google bool

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

func newParameters(w *world) parameters {
	p := parameters{time: &w.timeline, em: w.em, oracle: &w.oracle, google: w.settings.Google, mem: memstore.New(w.Now)}
	for i, name := range slotNames(w.names) {
		p.slots[i].name = name
	}
	return p
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

// denied reports whether keepers may not read, or write, the name now.
func (s *slot) denied(reads bool, now time.Time) bool {
	return reads && now.Before(s.unreadable) || !reads && now.Before(s.unwritable)
}

// obstructed reports whether anything keeps keepers from reading or writing the name.
func (s *slot) obstructed(now time.Time) bool {
	return now.Before(s.unreadable) || now.Before(s.unwritable) || now.Before(s.labelled)
}

// psoxys reports whether it is a lock that psoxy holds.
func (s *slot) psoxys() bool { return s.entry.Version != 0 && s.by.role == consumes }

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

func (p *parameters) slotOf(name string) slotIndex {
	for i := range p.slots {
		if p.slots[i].name == name {
			return slotIndex(i)
		}
	}
	panic("simulation: no parameter is called " + name)
}

// changed keeps the mirror true, and tells the oracle. version 0 is a deletion.
func (p *parameters) changed(by *actor, i slotIndex, value atlassian.Secret, version int64) {
	s := &p.slots[i]
	const memory = 10 * time.Second
	if len(p.recent) > 0 && p.time.now.Sub(p.recent[len(p.recent)-1].at) > memory {
		p.recent = p.recent[:0]
	}
	p.recent = append(p.recent, change{p.time.now, i, s.entry})
	kind := i.kind()
	if s.entry.Version != 0 {
		kind = s.entry.Kind
	}
	s.entry, s.by = store.Entry{Value: value, Version: version, Modified: p.time.now, Kind: kind}, by
	if version == 0 {
		s.entry, s.deletedAt = store.Entry{}, p.time.now
		p.oracle.deleted(by, i)
	} else {
		p.oracle.wrote(by, i, version, value)
	}
	p.writes++
	if i == slotRefresh && (by.role != byHand || !slices.Contains(p.issued, value)) {
		p.issue(value)
	}
}

// issue remembers a token that appears for the first time.
func (p *parameters) issue(value atlassian.Secret) {
	const lately = 8
	if _, ok := p.em.Lookup(value); ok && !slices.Contains(p.issued[max(0, len(p.issued)-lately):], value) {
		p.issued = append(p.issued, value)
	}
}

// put writes a parameter as a person does, whom no fault strikes.
func (p *parameters) put(i slotIndex, value atlassian.Secret) {
	p.putBy(person, i, value)
}

func (p *parameters) putBy(by *actor, i slotIndex, value atlassian.Secret) {
	s := &p.slots[i]
	if p.time.now.Before(s.labelled) {
		return // nobody can
	}
	v, err := p.mem.Write(context.Background(), s.name, value, i.kind())
	must(err)
	p.changed(by, i, value, v)
}

// remove deletes a parameter by a person's hand. On Google Cloud it may be that all
// its versions are destroyed: its numbers then go on.
func (p *parameters) remove(i slotIndex) {
	if p.slots[i].entry.Version == 0 {
		return
	}
	if p.google && p.writes&1 == 0 {
		p.slots[i].destroyed = p.slots[i].entry.Version
	} else {
		must(p.mem.Delete(context.Background(), p.slots[i].name))
		p.slots[i].destroyed = 0
	}
	p.slots[i].labelled = time.Time{}
	p.changed(person, i, atlassian.Secret{}, 0)
}

// view is a parameter as it was at the time t, some seconds ago.
func (p *parameters) view(i slotIndex, t time.Time) store.Entry {
	e := p.slots[i].entry
	for n := len(p.recent) - 1; n >= 0 && p.recent[n].at.After(t); n-- {
		if p.recent[n].slot == i {
			e = p.recent[n].was
		}
	}
	return e
}

// asOf is the value that a parameter had at a time that its history reaches.
func (p *parameters) asOf(i slotIndex, t time.Time) (value atlassian.Secret, ok bool) {
	for _, e := range p.history(i) {
		if e.Modified.After(t) {
			break
		}
		value, ok = e.Value, true
	}
	return value, ok
}

// goStale makes reads of the parameters in mask show the past.
func (p *parameters) goStale(d time.Duration, mask uint64) {
	p.stale = staleness{until: p.time.now.Add(d / 2), asOf: p.time.now.Add(-d / 2), mask: mask}
	if p.google {
		p.stale.asOf, p.stale.until = p.time.now.Add(-d), p.time.now.Add(propagation*d)
	}
}

// isStale reports whether reads of a parameter show the past.
func (p *parameters) isStale(i slotIndex) bool {
	return p.time.now.Before(p.stale.until) && (p.stale.mask == 0 || p.stale.mask&(1<<i) != 0)
}

// history is a parameter's, as far back as it is kept.
func (p *parameters) history(i slotIndex) []store.Entry {
	entries, err := p.mem.History(context.Background(), p.slots[i].name, p.slots[i].destroyed+1)
	must(err)
	return entries
}

// obstructed reports whether any name is denied or labelled.
func (p *parameters) obstructed() bool {
	return slices.ContainsFunc(p.slots[:], func(s slot) bool { return s.obstructed(p.time.now) })
}
