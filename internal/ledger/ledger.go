package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Log is the parameter, or whatever else holds the versions of a ledger. Its
// methods may be called concurrently, and its reads may be stale.
type Log interface {
	// History returns the versions from the given one on that are kept, oldest
	// first. At least the last hundred are kept.
	History(ctx context.Context, from int64) ([]store.Entry, error)
	// Append writes a version and returns its number: one more than the newest
	// one's, or 1 where there is none. After an error the version may have been
	// written or not.
	Append(ctx context.Context, value atlassian.Secret) (int64, error)
}

var (
	// ErrOvertaken: another writer's entry is valid in the place of ours, or the
	// ledger was deleted meanwhile. Ours is invalid and means nothing.
	ErrOvertaken = errors.New("another entry was written at the same time")
	// ErrStale: the store keeps answering with less than is known to be written.
	ErrStale = errors.New("the store keeps answering with older values than it has accepted")
)

// Ledger reads and appends the entries of one connection. It remembers the last
// valid entry that it has seen. Its methods may be called concurrently.
type Ledger struct {
	// Log holds the entries, Of is the connection that they are about.
	Log Log
	Of  string

	mu sync.Mutex
	// known is the last valid entry up to the version settled. at is when the store wrote that
	// version; zero where we wrote it, and have not read it since.
	known   Entry
	settled int64
	at      time.Time
	// unproven is our newest entry whose validity was not looked up, for the history was denied.
	unproven Entry
}

// Newest returns the last valid entry, given the newest version of the
// parameter as it was just read; Version 0 means that there is no parameter. It
// reads the history only where that version does not prove itself. Where no entry
// is valid, the state is empty, and the version is the base of the next entry.
func (l *Ledger) Newest(ctx context.Context, e store.Entry) (Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unchanged(e) {
		if l.at = e.Modified; l.known.Version == e.Version {
			l.known.Written = e.Modified
		}
		return l.known, nil
	}
	if e.Version <= l.settled {
		if !e.Value.IsZero() && !e.Modified.After(l.known.Written) {
			return Entry{}, ErrStale
		}
		l.forget() // it was deleted, and perhaps begun anew; or its newest version was destroyed
	}
	if e.Version == 0 {
		return Entry{}, nil
	}
	one := read(e, l.Of)
	if e.Version > young && one.proves() && (one.base != l.known.Version || one.after == l.known.mark) {
		return l.knows(one.Entry, e.Version, e.Modified), nil
	}
	links, anchored, err := l.sinceKnown(ctx, e.Version)
	switch {
	case errors.Is(err, store.ErrDenied) && one.ours(l.unproven):
		return one.Entry, nil
	case err != nil:
		return Entry{}, err
	}
	last, certain := fold(l.known, anchored, links)
	if !certain {
		last = Entry{Version: e.Version} // a hundred foreign writes: whoever goes on begins anew on top of them
	}
	return l.knows(last, e.Version, links[len(links)-1].Written), nil // the version given may be of a deleted ledger
}

// unchanged reports whether the newest version is the one that was read or written last. It is
// not where that was destroyed since, as Google Cloud lets people do.
func (l *Ledger) unchanged(e store.Entry) bool {
	return e.Version == l.settled && !e.Value.IsZero() && (e.Modified.Equal(l.at) || l.at.IsZero() && read(e, l.Of).ours(l.known))
}

// knows remembers, and returns, the last valid entry up to the version settled, which the
// store wrote at the given time.
func (l *Ledger) knows(last Entry, settled int64, at time.Time) Entry {
	l.known, l.settled, l.at = last, settled, at
	return last
}

// forget drops all that is known: it is about another ledger.
func (l *Ledger) forget() { l.knows(Entry{}, 0, time.Time{}) }

// sinceKnown reads the versions from the known entry on (anchored). Where that entry is gone,
// the ledger was deleted or much was written since. Then it reads all that is kept.
func (l *Ledger) sinceKnown(ctx context.Context, to int64) (links []link, anchored bool, err error) {
	if known := l.known; known.Version > 0 {
		links, err = l.between(ctx, known.Version, to)
		if err != nil {
			return nil, false, err
		}
		if links[0].Version == known.Version && links[0].ours(known) && !l.anew(links[0]) {
			return links, true, nil
		}
	}
	links, err = l.between(ctx, 1, to)
	return links, false, err
}

// anew reports whether a version was written after it had been read. Then the ledger was
// deleted, and the same put was sent to both.
func (l *Ledger) anew(one link) bool {
	return one.Version == l.settled && !l.at.IsZero() && one.Written.After(l.at)
}

// between reads the versions from..to. Where from is no longer kept, it returns
// what is.
func (l *Ledger) between(ctx context.Context, from, to int64) ([]link, error) {
	entries, err := l.Log.History(ctx, from)
	if err != nil {
		return nil, fmt.Errorf("reading the ledger's history: %w", err)
	}
	var links []link
	for _, e := range entries {
		if e.Version <= to {
			links = append(links, read(e, l.Of))
		}
	}
	first := from
	if len(links) > 0 && to-from >= store.KeptVersions {
		first = links[0].Version
	}
	if !consecutive(links, first, to) {
		return nil, ErrStale
	}
	return links, nil
}

// young is the version up to which a number proves nothing, so that the history is read: the
// ledger may have been deleted and begun anew since a writer read its base. Within an invocation
// a new ledger comes no further.
const young = 24

// Put appends a draft, and returns the valid entry that comes of it. Where the put was sent more
// than once, that is the first one which the store has written. Any error but ErrOvertaken leaves
// open whether the draft was written; it can be put again.
func (l *Ledger) Put(ctx context.Context, d Draft) (Entry, error) {
	version, err := l.Log.Append(ctx, d.value)
	if err != nil {
		return Entry{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written(ctx, d, version)
}

// written returns the valid entry that comes of a draft, which the store has written as the
// given version.
func (l *Ledger) written(ctx context.Context, d Draft, version int64) (Entry, error) {
	next := version == d.base.Version+1
	mine := d.entry
	mine.Version = version
	switch {
	case next && (version == 1 || version > young):
		return l.knows(mine, version, time.Time{}), nil
	case version <= d.base.Version:
		l.forget()
		return Entry{}, ErrOvertaken
	case version-d.base.Version >= store.KeptVersions:
		return Entry{}, ErrOvertaken // its base is no longer kept, so nobody else could see that it is valid
	}
	links, err := l.between(ctx, max(1, d.base.Version), version)
	switch {
	case next && errors.Is(err, store.ErrDenied):
		l.unproven = mine // it is looked up when the ledger is read next
		return mine, nil
	case err != nil:
		return Entry{}, err
	case d.base.Version > 0 && !links[0].ours(d.base): // of another ledger, since deleted
		l.forget()
		return Entry{}, ErrOvertaken
	}
	last := d.base
	for _, one := range links {
		ours := one.mark == mine.mark
		if one.fresh = one.fresh || ours; !one.follows(last) { // whatever the clocks say
			continue
		}
		if last = one.Entry; ours {
			return l.knows(last, one.Version, one.Written), nil
		}
	}
	l.knows(last, version, links[len(links)-1].Written)
	return Entry{}, ErrOvertaken
}
