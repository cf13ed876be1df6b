package ledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// keeping is a log that keeps all versions, more than every log does. It denies its
// history where it is told to.
type keeping struct {
	entries []store.Entry
	denied  bool
}

func (k *keeping) History(_ context.Context, from int64) ([]store.Entry, error) {
	if k.denied {
		return nil, store.ErrDenied
	}
	return k.entries[max(0, from-1):], nil
}

func (k *keeping) Append(_ context.Context, value atlassian.Secret) (int64, error) {
	at := time.Date(2026, 11, 24, 4, 0, len(k.entries), 0, time.UTC)
	k.entries = append(k.entries, store.Entry{Value: value, Version: int64(len(k.entries) + 1), Modified: at, ReadAt: at})
	return int64(len(k.entries)), nil
}

// put appends a draft on top of an entry.
func (k *keeping) put(t *testing.T, l *ledger.Ledger, base ledger.Entry, mark string) (ledger.Entry, error) {
	return l.Put(t.Context(), ledger.NewDraft(of, base, atlassian.NewSecret(`"state"`), time.Date(2026, 11, 24, 4, 0, len(k.entries), 0, time.UTC), mark))
}

// An entry whose base is a hundred versions away means nothing to who reads the last
// hundred, so it means nothing to its writer either.
func TestAPutFarFromItsBase(t *testing.T) {
	for name, c := range map[string]struct {
		foreign int
		want    error
	}{
		"its base is kept by every log": {store.KeptVersions - 2, nil},
		"its base may be gone":          {store.KeptVersions - 1, ledger.ErrOvertaken},
	} {
		t.Run(name, func(t *testing.T) {
			log := &keeping{}
			l := &ledger.Ledger{Log: log, Of: of}
			base, err := log.put(t, l, ledger.Entry{}, "first")
			require.NoError(t, err)
			for range c.foreign {
				_, err := log.Append(t.Context(), atlassian.NewSecret("garbage"))
				require.NoError(t, err)
			}
			_, err = log.put(t, l, base, "second")
			require.ErrorIs(t, err, c.want)
		})
	}
}

// A policy may deny the history. What is the next version of a ledger that may just
// have begun is valid all the same: it is not read whether that is the same ledger.
func TestAPutWithoutAHistory(t *testing.T) {
	log := &keeping{denied: true}
	l := &ledger.Ledger{Log: log, Of: of}
	base := ledger.Entry{}
	for _, mark := range []string{"first", "second", "third"} {
		var err error
		base, err = log.put(t, l, base, mark)
		require.NoError(t, err)
	}
	require.Equal(t, int64(3), base.Version)
	_, err := log.Append(t.Context(), atlassian.NewSecret("garbage"))
	require.NoError(t, err)
	_, err = log.put(t, l, base, "fourth")
	require.ErrorIs(t, err, store.ErrDenied, "another has written in between")
}

// The ledger's versions were destroyed, and so the next one's number proves nothing. It
// is looked up as soon as the history can be read.
func TestAPutWithoutAHistoryIsLookedUp(t *testing.T) {
	log := &keeping{}
	l := &ledger.Ledger{Log: log, Of: of}
	base, err := log.put(t, l, ledger.Entry{}, "first")
	require.NoError(t, err)
	log.entries[0].Value = atlassian.Secret{}
	log.denied = true
	_, err = log.put(t, l, base, "second")
	require.NoError(t, err)
	found, err := l.Newest(t.Context(), log.entries[1])
	require.NoError(t, err)
	require.Equal(t, int64(2), found.Version)
	log.denied = false
	found, err = l.Newest(t.Context(), log.entries[1])
	require.NoError(t, err)
	require.Zero(t, found)
}

// A version that was destroyed says nothing any more, to its writer as to all others.
func TestADestroyedVersionIsNotKnown(t *testing.T) {
	log := &keeping{}
	l := &ledger.Ledger{Log: log, Of: of}
	first, err := log.put(t, l, ledger.Entry{}, "first")
	require.NoError(t, err)
	_, err = log.put(t, l, first, "second")
	require.NoError(t, err)
	log.entries[1].Value = atlassian.Secret{}
	found, err := l.Newest(t.Context(), log.entries[1])
	require.NoError(t, err)
	require.Equal(t, int64(1), found.Version, "the one before counts")
	log.entries[0].Value = atlassian.Secret{}
	found, err = l.Newest(t.Context(), log.entries[1])
	require.NoError(t, err)
	require.Zero(t, found)
}

// The ledger was deleted and begun anew, and a stale reading still tells of the version of
// that number in the old one. The history, which is read then, is the new one's. The same
// put has written the entry and the version after it.
func TestAReadingOfADeletedLedger(t *testing.T) {
	log := &keeping{}
	old := &ledger.Ledger{Log: log, Of: of}
	first, err := log.put(t, old, ledger.Entry{}, "old first")
	require.NoError(t, err)
	_, err = log.put(t, old, first, "old second")
	require.NoError(t, err)
	stale := log.entries[1]
	log.entries = nil
	l := &ledger.Ledger{Log: log, Of: of}
	later := func(e *store.Entry) { e.Modified = stale.Modified.Add(time.Minute) }
	_, err = log.put(t, l, ledger.Entry{}, "first")
	require.NoError(t, err)
	later(&log.entries[0])
	l = &ledger.Ledger{Log: log, Of: of}
	_, err = l.Newest(t.Context(), log.entries[0])
	require.NoError(t, err)
	_, err = log.Append(t.Context(), log.entries[0].Value)
	require.NoError(t, err)
	later(&log.entries[1])
	for _, reading := range []store.Entry{stale, log.entries[1], log.entries[1]} {
		found, err := l.Newest(t.Context(), reading)
		require.NoError(t, err)
		require.Equal(t, int64(1), found.Version)
	}
}

// A put is sent twice, and the ledger is deleted in between. The second one means nothing
// in the new ledger, also to a reader who knows the first one by its number and mark.
func TestAPutThatIsSentInTwoLedgers(t *testing.T) {
	log := &keeping{}
	writer, reader := &ledger.Ledger{Log: log, Of: of}, &ledger.Ledger{Log: log, Of: of}
	base, err := log.put(t, writer, ledger.Entry{}, "root")
	require.NoError(t, err)
	_, err = log.put(t, writer, base, "sent")
	require.NoError(t, err)
	sent := log.entries[1]
	known, err := reader.Newest(t.Context(), sent)
	require.NoError(t, err)
	require.Equal(t, int64(2), known.Version)

	log.entries = nil
	for range 2 {
		_, err = log.Append(t.Context(), sent.Value)
		require.NoError(t, err)
		log.entries[len(log.entries)-1].Modified = sent.Modified.Add(time.Millisecond)
	}
	root, err := log.put(t, &ledger.Ledger{Log: log, Of: of}, ledger.Entry{}, "root of the new ledger")
	require.NoError(t, err)
	found, err := reader.Newest(t.Context(), log.entries[2])
	require.NoError(t, err)
	require.Equal(t, root.Version, found.Version)
}
