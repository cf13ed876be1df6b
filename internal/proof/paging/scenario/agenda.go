package scenario

import (
	"container/heap"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// agenda is what will happen, by virtual time.
type agenda struct {
	clock   *atlassiantest.Clock
	entries entries
	orders  int
	// failure is of what others did while the function waited.
	failure error
}

// entry is one event. Entries of one moment keep the order they were made in.
type entry struct {
	at    time.Time
	order int
	do    func() error
	// beside: it happens also while the function waits.
	beside bool
}

// entries are a heap: the first one is due first.
type entries []entry

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (a entries) Len() int { return len(a) }

// Less orders by time.
func (a entries) Less(i, j int) bool {
	if a[i].at.Equal(a[j].at) {
		return a[i].order < a[j].order
	}
	return a[i].at.Before(a[j].at)
}

// Swap exchanges two entries.
func (a entries) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push appends an entry.
func (a *entries) Push(e any) { *a = append(*a, e.(entry)) }

// Pop removes the last entry.
func (a *entries) Pop() any {
	last := len(*a) - 1
	e := (*a)[last]
	*a = (*a)[:last]
	return e
}

// at puts something on the agenda.
func (a *agenda) at(t time.Time, do func() error) { a.add(entry{at: t, do: do}) }

// beside puts on the agenda what others do, whether the function runs or not.
func (a *agenda) beside(t time.Time, do func() error) { a.add(entry{at: t, do: do, beside: true}) }

func (a *agenda) add(e entry) {
	a.orders++
	e.order = a.orders
	heap.Push(&a.entries, e)
}

// next takes the entry that is due first, if it is before a moment.
func (a *agenda) next(before time.Time) (e entry, ok bool) {
	if len(a.entries) == 0 || !a.entries[0].at.Before(before) {
		return entry{}, false
	}
	return heap.Pop(&a.entries).(entry), true
}

// wait lets time pass for the function; others go on meanwhile.
func (a *agenda) wait(d time.Duration) error {
	until := a.clock.Now().Add(d)
	for {
		first := -1
		for i, e := range a.entries {
			if e.beside && !e.at.After(until) && (first < 0 || a.entries.Less(i, first)) {
				first = i
			}
		}
		if first < 0 {
			break
		}
		e := heap.Remove(&a.entries, first).(entry)
		if e.at.After(a.clock.Now()) {
			a.clock.Set(e.at)
		}
		if err := e.do(); err != nil {
			return err
		}
	}
	a.clock.Set(until)
	return nil
}
