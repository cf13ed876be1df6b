package keeper

import (
	"slices"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// memory is what a process remembers of a connection between ticks.
type memory struct {
	mu     sync.Mutex
	ledger *ledger.Ledger
	// entry is the ledger's entry that was parsed last, and state what it says.
	entry ledger.Entry
	state family.State
	// known is what the ledger said last. A ledger that was deleted may have begun anew
	// without it.
	known family.State
	// held is a pair that is not in the ledger yet.
	held *family.Receipt
	// access is the newest access token that this process received or read: so that its copy
	// can be repaired, or get another form.
	access atlassian.Secret
	// siteAfter is when Atlassian may be asked for the sites again.
	siteAfter time.Time
	// judged is how far REFRESH_TOKEN is judged, inbox what it held when it was read last,
	// and versions are its last ones that were read.
	judged   family.Judged
	inbox    atlassian.Secret
	versions []store.Entry
	// unsure is since when it is not known whether a neighbour has gone on with the own token.
	unsure time.Time
	// told is TOKEN_FAMILY as it was read last.
	told store.Entry
	// left is the last lock of psoxy's that was read: psoxy deletes a stale one. met is a lock
	// of psoxy's that kept a tick from taking its own.
	left, met family.Field
	// wrote are psoxy's access tokens, as far as was read.
	wrote []family.Field
}

// notePsoxysWrites notes what versions of ACCESS_TOKEN tell of psoxy.
func (m *memory) notePsoxysWrites(s *family.Snapshot, versions ...store.Entry) {
	if wrote := family.PsoxysWrites(s.State.Record, versions...); len(wrote) > 0 {
		m.wrote = wrote
	}
	s.Wrote, s.Met = m.wrote, m.met
}

// compare compares what was read with what this process knows. Where the ledger
// was deleted and has begun anew without the tokens that are known, these are
// settled once more.
func (m *memory) compare(s *family.Snapshot, access store.Entry) {
	newest := s.State.Record
	if newest.Refresh != m.known.Record.Refresh {
		m.left = family.Field{} // it told of another token
	}
	if lock := s.PsoxysLock(); lock.Version > 0 {
		m.left = lock
	}
	m.notePsoxysWrites(s, access)
	s.Left = m.left
	if !s.State.Empty() {
		if m.held == nil && !s.State.Knows(m.known) {
			m.held = m.known.Receipt()
		}
		m.known = s.State
	}
	if m.held == nil && isNewest(s.AccessToken.Value, newest) {
		m.access = s.AccessToken.Value
	}
	s.Held, s.Known = m.held, m.known
	s.HoldsAccess = isNewest(m.access, newest)
}

// isNewest reports whether a token is the newest access token of a record.
func isNewest(access atlassian.Secret, r family.Record) bool {
	return !access.IsZero() && family.FingerprintOf(access) == r.Access
}

// forget lets go of what is known of a connection that is not served any more: should it be
// again, its token may be spent, for it may have been renamed. A pair that is not saved stays.
func (m *memory) forget() {
	if !m.mu.TryLock() {
		return
	}
	defer m.mu.Unlock()
	if m.held == nil {
		m.known, m.access = family.State{}, atlassian.Secret{}
	}
}

// recall returns versions of REFRESH_TOKEN with the values that this process has read. On
// Google Cloud psoxy destroys those under the one it adds.
func (m *memory) recall(versions []store.Entry) []store.Entry {
	for i, e := range versions {
		if at := m.remembered(e); e.Value.IsZero() && at >= 0 {
			versions[i].Value = m.versions[at].Value
		}
	}
	m.remember(versions...)
	return versions
}

func (m *memory) remember(versions ...store.Entry) {
	const kept = 8
	for _, e := range versions[max(0, len(versions)-kept):] {
		if !e.Value.IsZero() && m.remembered(e) < 0 {
			m.versions = append(m.versions[max(0, len(m.versions)-kept+1):], e)
		}
	}
}

// remembered is the place of a version that is remembered, or -1.
func (m *memory) remembered(e store.Entry) int {
	return slices.IndexFunc(m.versions, func(o store.Entry) bool { return o.Version == e.Version && o.Modified.Equal(e.Modified) })
}

// neighboursWait is how long a token that has rested waits until its neighbours can be read. It
// loses nothing by that, and a store that fails for longer must not end the family.
const neighboursWait = 10 * time.Minute

// waitsFor reports whether the own token still waits for its neighbours. err is why they could not
// be read.
func (m *memory) waitsFor(err error, now time.Time) bool {
	if err == nil {
		m.unsure = time.Time{}
		return false
	}
	if !family.Within(m.unsure, now, time.Hour) { // what failed long ago is no reason to go on now
		m.unsure = now
	}
	return family.Within(m.unsure, now, neighboursWait)
}

// parse reads what an entry says, once.
func (m *memory) parse(e ledger.Entry, connection string) (family.State, error) {
	if e != m.entry {
		state, err := family.ParseState(e.State, e.Written, connection)
		if err != nil {
			return family.State{}, err
		}
		if e.Version <= m.entry.Version { // begun anew, perhaps by a process that has judged less
			m.judged = family.Judged{}
		}
		m.entry, m.state = e, state
	}
	return m.state, nil
}
