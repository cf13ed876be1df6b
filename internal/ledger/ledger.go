package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"

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
	// ErrUnreadable: none of the kept versions proves itself, so that the newest
	// valid entry cannot be known. It takes a hundred foreign writes.
	ErrUnreadable = errors.New("the kept versions of the ledger hold no valid entry")
)

// Ledger reads and appends the entries of one connection. It remembers the last
// valid entry that it has seen. Its methods may be called concurrently.
type Ledger struct {
	// Log holds the entries, Of is the connection that they are about.
	Log Log
	Of  string

	mu sync.Mutex
	// known is the last valid entry seen, and newest the version up to which that
	// is settled.
	known  Entry
	newest int64
}

// Newest returns the last valid entry, given the newest version of the
// parameter as it was just read; Version 0 means that there is no parameter. It
// reads the history only where that version does not prove itself.
func (l *Ledger) Newest(ctx context.Context, e store.Entry) (Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Version == l.newest && (e.Version == 0 || l.newest != l.known.Version || e.Modified.Equal(l.known.Written) || l.known.Written.IsZero()) {
		if l.known.Version == e.Version {
			l.known.Written = e.Modified // a put does not return it
		}
		return l.known, nil
	}
	if e.Version < l.newest {
		if e.Version > 0 && !e.Modified.After(l.known.Written) {
			return Entry{}, ErrStale
		}
		l.known, l.newest = Entry{}, 0 // it was deleted, and perhaps begun anew
		if e.Version == 0 {
			return Entry{}, nil
		}
	}
	if one := read(e, l.Of); !one.foreign && one.base == e.Version-1 && (one.base > 0 || one.rooted) {
		l.known, l.newest = one.Entry, e.Version
		return one.Entry, nil
	}
	return l.settle(ctx, l.known, e.Version)
}

// settle folds the versions after a known entry, or all that are kept, up to the
// given one.
func (l *Ledger) settle(ctx context.Context, known Entry, to int64) (Entry, error) {
	links, err := l.between(ctx, known.Version+1, to)
	if err != nil {
		return Entry{}, err
	}
	last, certain := fold(known, known.Version > 0, links)
	if !certain {
		return Entry{}, ErrUnreadable
	}
	l.known, l.newest = last, to
	return last, nil
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

// Put appends a draft. It returns the entry that is valid by it: where the put
// was sent more than once, the first that the store has written. Any error but
// ErrOvertaken leaves open whether the draft was written; it can be put again.
func (l *Ledger) Put(ctx context.Context, d Draft) (Entry, error) {
	version, err := l.Log.Append(ctx, d.value)
	if err != nil {
		return Entry{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	mine := read(store.Entry{Value: d.value, Version: version}, l.Of).Entry
	switch {
	case version == d.base+1:
		l.known, l.newest = mine, version
		return mine, nil
	case version <= d.base:
		l.known, l.newest = Entry{}, 0
		return Entry{}, ErrOvertaken
	}
	links, err := l.between(ctx, d.base+1, version)
	if err != nil {
		return Entry{}, err
	}
	last := Entry{Version: d.base}
	for i := range links {
		if links[i].mark == d.mark && links[i].base == 0 {
			links[i].rooted = true // composed just now, whatever the clocks say
		}
		next, _ := fold(last, true, links[i:i+1])
		if next.Version != last.Version && links[i].mark != d.mark {
			return Entry{}, ErrOvertaken
		}
		if next.Version != last.Version {
			l.known, l.newest = next, next.Version
			return next, nil
		}
	}
	return Entry{}, ErrOvertaken
}
