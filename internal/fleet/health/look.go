package health

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Look reads a connection. One call is enough if everything may be read and is as
// usual. The survey's Denied names what may not be read. The error is the store's,
// if nothing could be read. now is the local time, for stores that do not tell
// theirs.
func Look(ctx context.Context, st store.Store, conn family.Connection, now time.Time) (Survey, error) {
	n := conn.Names()
	names := []string{n.ClientID, n.ClientSecret, n.RefreshToken, n.AccessToken, n.CloudID, n.Family, n.Lock, n.Ledger}
	entries, denied, err := read(ctx, st, names)
	if err != nil {
		return Survey{}, fmt.Errorf("reading the parameters of %s failed: %w", conn.Name, err)
	}
	s := Survey{Snapshot: family.NewSnapshot(conn, entries), Policy: conn.Policy, Exists: len(entries) > 0, Ledger: n.Ledger, Open: openSecrets(n, entries)}
	s.Denied = denied
	if s.Now.IsZero() {
		s.Now = now
	}
	if err := s.readLedger(ctx, st, conn, entries[n.Ledger]); err != nil {
		return Survey{}, fmt.Errorf("reading the ledger of %s failed: %w", conn.Name, err)
	}
	s.AccessFormat = family.Form(s.Snapshot)
	switch {
	case s.LedgerErr != nil:
	case s.denied(n.Ledger):
		s.believeCopy()
	case s.State.Empty():
		s.begin(ctx, st, n, entries)
	case !s.InboxSettled():
		history, err := st.History(ctx, n.RefreshToken, 1)
		if err != nil {
			history, s.Partial = []store.Entry{entries[n.RefreshToken]}, true
		}
		s.Offer(history)
	}
	return s, nil
}

// read reads names in one call, or one by one where access to some is denied.
func read(ctx context.Context, st store.Store, names []string) (found map[string]store.Entry, denied []string, err error) {
	found, err = st.Read(ctx, names...)
	if !errors.Is(err, store.ErrDenied) {
		return found, nil, err
	}
	whole := err
	found = map[string]store.Entry{}
	for _, name := range names {
		one, err := st.Read(ctx, name)
		switch {
		case errors.Is(err, store.ErrDenied):
			denied = append(denied, name)
		case err != nil:
			return nil, nil, err
		}
		maps.Copy(found, one)
	}
	if len(found) == 0 {
		return nil, nil, whole
	}
	return found, denied, nil
}

// readLedger reads the newest valid entry. Where the history that tells it may
// not be read, the newest one is taken for it.
func (s *Survey) readLedger(ctx context.Context, st store.Store, conn family.Connection, newest store.Entry) error {
	name := conn.Names().Ledger
	l := ledger.Ledger{Log: ledger.Parameter{Store: st, Name: name}, Of: conn.Name}
	entry, err := l.Newest(ctx, newest)
	if errors.Is(err, store.ErrDenied) {
		entry, err = ledger.Peek(newest, conn.Name), nil
	}
	if err != nil {
		return err
	}
	s.Written = entry.Written
	if s.State, err = family.ParseState(entry.State, entry.Written, conn.Name); err != nil {
		s.LedgerErr = fmt.Errorf("its newest entry %w", err)
	}
	s.Aside = keeper.Aside(newest, entry, conn.Name)
	s.Snapshot = family.Corrected(s.Snapshot)
	return nil
}

// believeCopy takes TOKEN_FAMILY for the ledger's state, which may not be read.
func (s *Survey) believeCopy() {
	if s.Told() == nil {
		return
	}
	s.State = family.State{Record: *s.Told(), Refresh: s.RefreshToken.Value, Inbox: family.Inbox{Judged: family.Judged{Seen: s.RefreshToken.Version, Modified: s.RefreshToken.Modified}}}
	if s.appDenied() { // then it is not known whether they have changed since they were refused
		s.State.App = &atlassian.App{ClientID: "unknown", ClientSecret: atlassian.NewSecret("unknown")}
		s.State.Record.Client = ""
		if f := s.State.Record.LastFailure; f != nil {
			unknown := *f
			unknown.Credentials = ""
			s.State.Record.LastFailure = &unknown
		}
	}
}

// begin works out what the first tick would begin the ledger with.
func (s *Survey) begin(ctx context.Context, st store.Store, n family.Names, entries map[string]store.Entry) {
	kept := func(name string) []store.Entry {
		history, err := st.History(ctx, name, 1)
		if err != nil && entries[name].Version > 0 {
			return []store.Entry{entries[name]}
		}
		return history
	}
	if s.RefreshToken.Version > 0 {
		s.Begin, s.CannotBegin = s.Adopt(kept(n.RefreshToken), kept(n.Family), s.Policy)
	}
}
