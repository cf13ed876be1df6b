// Package ledgertest is the conformance suite of a ledger's log: what a ledger
// promises holds on every store that it is kept in.
//
// Only tests import this package.
package ledgertest

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Place is where a ledger lies, and what others can do to it.
type Place struct {
	ledger.Log
	// Newest reads the newest version; the zero Entry if the parameter does not
	// exist.
	Newest func(context.Context) (store.Entry, error)
	// Delete removes the ledger with all its versions.
	Delete func(context.Context) error
	// Label labels the oldest version that is kept, and Unlabel takes that away.
	// Until then a full history takes no version more.
	Label, Unlabel func(context.Context) error
}

// Factory opens a place that holds nothing yet.
type Factory func() Place

// Run runs the suite. It calls open once for each subtest.
func Run(t *testing.T, open func(*testing.T) Factory) {
	for _, test := range []struct {
		name string
		run  func(*suite)
	}{
		{"one writer", testOneWriter},
		{"many writers", testManyWriters},
		{"writers with one base", testOneBase},
		{"a repeated put", testRepeatedPut},
		{"a lost answer", testLostAnswer},
		{"a stale read", testStaleRead},
		{"foreign values", testForeign},
		{"restored entries", testRestored},
		{"entries of another connection", testCopied},
		{"restored into a new beginning", testRestoredAnew},
		{"deletion", testDeletion},
		{"a full history", testFullHistory},
		{"a full history without an entry", testBuried},
		{"a label on the oldest version", testLabel},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(&suite{T: t, open: open(t)}) })
	}
}

// InStore is a Factory of ledgers in a store. label and unlabel set and remove a
// label on the oldest version of a parameter. Both are nil for a store without
// labels; the place then imitates them.
func InStore(s store.Store, label, unlabel func(ctx context.Context, name string) error) Factory {
	return func() Place {
		name := "LEDGERTEST_" + rand.Text()[:10] + "_TOKEN_LEDGER"
		p := Place{
			Log: ledger.Parameter{Store: s, Name: name},
			Newest: func(ctx context.Context) (store.Entry, error) {
				found, err := s.Read(ctx, name)
				return found[name], err
			},
			Delete: func(ctx context.Context) error { return s.Delete(ctx, name) },
		}
		if label != nil {
			p.Label = func(ctx context.Context) error { return label(ctx, name) }
			p.Unlabel = func(ctx context.Context) error { return unlabel(ctx, name) }
			return p
		}
		l := &labelled{Log: p.Log}
		p.Log = l
		p.Label = func(context.Context) error { l.on.Store(true); return nil }
		p.Unlabel = func(context.Context) error { l.on.Store(false); return nil }
		return p
	}
}

// labelled is a log whose oldest version has a label while on is true.
type labelled struct {
	ledger.Log
	on atomic.Bool
}

// Append writes a version, unless the history is full and its oldest version
// has a label.
func (l *labelled) Append(ctx context.Context, value atlassian.Secret) (int64, error) {
	if l.on.Load() {
		kept, err := l.History(ctx, 0)
		if err != nil {
			return 0, err
		}
		if len(kept) >= store.KeptVersions {
			return 0, fmt.Errorf("its oldest version has a label: %w", store.ErrUnwritable)
		}
	}
	return l.Log.Append(ctx, value)
}

// of is the connection of the suite's ledgers.
const of = "PSOXY_JIRA_CLOUD_"

type suite struct {
	*testing.T
	open Factory
}

// begun is a place with a root and the given number of entries on top of it.
func (s *suite) begun(more int) (Place, *ledger.Ledger, ledger.Entry) {
	s.Helper()
	p := s.open()
	l := &ledger.Ledger{Log: p, Of: of}
	last := s.put(l, ledger.Entry{}, "root")
	for n := range more {
		last = s.put(l, last, fmt.Sprint("entry ", n+1))
	}
	return p, l, last
}

// draft composes an entry now.
func draft(base ledger.Entry, state string) ledger.Draft {
	return ledger.NewDraft(of, base, text(state), time.Now(), rand.Text())
}

// text is a state that says something.
func text(s string) atlassian.Secret { return atlassian.NewSecret(fmt.Sprintf("%q", s)) }

func (s *suite) put(l *ledger.Ledger, base ledger.Entry, state string) ledger.Entry {
	s.Helper()
	e, err := l.Put(s.Context(), draft(base, state))
	require.NoError(s, err)
	require.Equal(s, text(state).Reveal(), e.State.Reveal())
	return e
}

func (s *suite) append(p Place, value atlassian.Secret) int64 {
	s.Helper()
	v, err := p.Append(s.Context(), value)
	require.NoError(s, err)
	return v
}

// newest is what the ledger says to l.
func (s *suite) newest(p Place, l *ledger.Ledger) (ledger.Entry, error) {
	s.Helper()
	top, err := p.Newest(s.Context())
	require.NoError(s, err)
	return l.Newest(s.Context(), top)
}

// requireSays checks that the ledger says the same to those who know it and to
// one who sees it for the first time.
func (s *suite) requireSays(p Place, want ledger.Entry, knowing ...*ledger.Ledger) {
	s.Helper()
	s.requireKnown(p, want, append(knowing, &ledger.Ledger{Log: p, Of: of})...)
}

// requireKnown checks what the ledger says to those who know it.
func (s *suite) requireKnown(p Place, want ledger.Entry, knowing ...*ledger.Ledger) {
	s.Helper()
	for _, l := range knowing {
		got, err := s.newest(p, l)
		require.NoError(s, err)
		require.Equal(s, want.State.Reveal(), got.State.Reveal())
		require.Equal(s, want.Version, got.Version)
	}
}

// values are the kept versions as they stand.
func (s *suite) values(p Place) []store.Entry {
	s.Helper()
	kept, err := p.History(s.Context(), 0)
	require.NoError(s, err)
	return kept
}
