package simulation

import (
	"context"
	"errors"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// How Secret Manager differs from Parameter Store for a keeper, as
// internal/store/gcpstore reads and writes it:
//
//   - Each parameter is read by itself: others come in between, and each call may
//     be struck.
//   - Versions by number are never stale, but the times when they were written lag
//     behind. Until those have propagated, only the process that wrote a version can
//     read it. psoxy does not ask for the times, and reads all versions.
//   - There are no labels that forbid writing; a quota may be used up as long.
//   - Making a secret is always exclusive, and so is psoxy's lock, under an etag.
//   - Of the copies, fewer versions are kept. Of the ledger, more are destroyed.
//   - Versions can be destroyed: their numbers stay, and go on. Psoxy destroys those under
//     the one it adds, and a keeper knows of them what its process has read before.

// propagation is how much longer than Fault.For the times of versions lag behind:
// up to five minutes.
const propagation = 60

// errLagging: the store does not show yet when a version was written.
var errLagging = errors.New("the store does not show yet when this version was written")

const (
	// keptCopies is how many versions of a copy are kept, keptTokens how many of
	// REFRESH_TOKEN, and keptEntries how many of the ledger. Its entries before those are
	// destroyed once they are as old as keptFor, and the history is full.
	keptCopies  = 5
	keptTokens  = 15
	keptEntries = 20
	keptFor     = time.Hour
)

// readEach reads the parameters one by one. Which comes first changes from time to time.
func (s storage) readEach(ctx context.Context, names []string) (map[string]store.Entry, error) {
	found := map[string]store.Entry{}
	first := s.w.writes % len(names)
	for n := range names {
		name := names[(first+n)%len(names)]
		i := s.w.slotOf(name)
		h, err := s.reach(opRead, i)
		if err != nil {
			return nil, err
		}
		one, err := s.w.mem.Read(ctx, name)
		if e, ok := one[name]; ok && err == nil {
			entries := []store.Entry{e}
			err = s.google(i, &entries)
			if s.a.role != consumes || e.Version > s.w.slots[i].destroyed {
				found[name] = entries[0]
			}
		}
		if err := s.endRead(h, err, i); err != nil {
			return nil, err
		}
	}
	for name, e := range found {
		e.ReadAt = s.w.now.Truncate(time.Second)
		found[name] = e
	}
	if s.a.role == ticks {
		if e, ok := found[s.w.slots[slotLock].name]; ok {
			s.a.sawLock(e)
		}
	}
	return found, nil
}

// google turns versions of a parameter into what Secret Manager shows of them.
func (s storage) google(i slotIndex, entries *[]store.Entry) error {
	all := *entries
	kept := keptCopies
	if i == slotRefresh {
		kept = keptTokens
	}
	if i != slotLedger && len(all) > kept {
		all = all[len(all)-kept:]
	}
	full := i == slotLedger && len(all) > 0 && all[len(all)-1].Version > store.KeptVersions
	for n := range all {
		expendable := full && n < len(all)-keptEntries && s.w.now.Sub(all[n].Modified) >= keptFor
		if expendable || all[n].Version <= s.w.slots[i].destroyed {
			all[n].Value = atlassian.Secret{}
		}
		if s.a.role != consumes && s.w.isStale(i) && all[n].Modified.After(s.w.stale.asOf) && s.w.slots[i].by != s.a {
			s.a.trouble |= lagging
			return errLagging
		}
	}
	*entries = all
	return nil
}
