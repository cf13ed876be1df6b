package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// A ledger that was deleted may have begun anew without the tokens that a process
// knows.
func TestKnows(t *testing.T) {
	rotated := family.State{Refresh: secret(refresh(8)), Record: record().Succeed(pair(8, now))}
	adopted := own("an-adopted-refresh-token", "")
	adopted.Record.AuthorizedAtSource, adopted.Record.RotatedAt, adopted.Record.Generation = family.FromAdoption, time.Time{}, 0
	for _, c := range []struct {
		name         string
		now, earlier family.State
		want         bool
	}{
		{"the same token", state(), state(), true},
		{"a later generation", rotated, state(), true},
		{"nothing was known", rotated, family.State{}, true},
		{"an adopted token that Atlassian has not taken yet", state(), adopted, true},
		{"an earlier generation", state(), rotated, false},
		{"a token of unknown origin", own("an-unknown-refresh-token", ""), state(), false},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, c.now.Knows(c.earlier)) })
	}
}

// What a process knows of a ledger is settled once more in the one that has begun
// anew with the token before.
func TestSettleOfWhatWasKnown(t *testing.T) {
	known := state().Intending("me", fp(refresh(7)), 0, now.Add(-3*minute))
	known.App = &atlassian.App{ClientID: "new-app", ClientSecret: secret("new-secret")}
	behind := state()
	behind.Refresh, behind.Record.Refresh, behind.Record.Generation = secret(refresh(6)), fp(refresh(6)), 6
	behind.Record.Past, behind.Record.RotatedAt = "", now.Add(-50*minute)
	next, kept := behind.Settle(*known.Receipt())
	require.True(t, kept)
	require.Equal(t, refresh(7), next.Refresh.Reveal())
	require.Equal(t, known.Record.RotatedAt, next.Record.RotatedAt)
	t.Run("with the attempt to present it", func(t *testing.T) {
		require.True(t, next.InDoubt())
		require.Equal(t, now.Add(-3*minute), next.Doubt.First)
	})
	t.Run("and with the consent's app", func(t *testing.T) { require.Equal(t, known.App, next.App) })
	t.Run("but not over a later spend", func(t *testing.T) {
		behind.Record.RotatedAt = now
		_, kept := behind.Settle(*known.Receipt())
		require.False(t, kept)
	})
}

// Two processes have presented one token, and took it for two families'. The later
// answer stays, also where the other is only known of.
func TestSettleOfWhatWasKnownOfOneToken(t *testing.T) {
	candidate := state()
	candidate.Refresh, candidate.Record = secret(refresh(109)), family.Record{Schema: family.Schema, AuthorizedAt: now.Add(-minute), Refresh: fp(refresh(109))}
	known := candidate
	known.Refresh, known.Record = secret(refresh(110)), candidate.Record.Succeed(pair(110, now.Add(-time.Second)))
	for name, c := range map[string]struct {
		spent time.Time
		kept  bool
	}{
		"they presented it later": {now, false},
		"or before":               {now.Add(-2 * time.Second), true},
	} {
		t.Run(name, func(t *testing.T) {
			kin := record()
			kin.Refresh = fp(refresh(109))
			theirs := state()
			theirs.Refresh, theirs.Record = secret(refresh(111)), kin.Succeed(pair(111, c.spent))
			_, kept := theirs.Settle(*known.Receipt())
			require.Equal(t, c.kept, kept)
		})
	}
	t.Run("a consent's tokens come from none", func(t *testing.T) {
		consent := known
		consent.Record.Generation = 0
		theirs := state()
		theirs.Record.Past, theirs.Record.RotatedAt = consent.Record.Past, now
		_, kept := theirs.Settle(*consent.Receipt())
		require.True(t, kept)
	})
}

// A pair that was settled before is older than what was rotated to since, whatever
// family that counts as.
func TestSettleOfASettledPair(t *testing.T) {
	theirs := own(refresh(9), "")
	theirs.Record.AuthorizedAt = record().AuthorizedAt.Add(-time.Hour)
	_, kept := theirs.Settle(receipt(now))
	require.True(t, kept)
	theirs.Record.Past = theirs.Record.Past.With(fp(refresh(8)))
	_, kept = theirs.Settle(receipt(now))
	require.False(t, kept)
}

// A ledger that was deleted begins anew with what a process knew of it, unless the
// parameters tell of something newer.
func TestRestore(t *testing.T) {
	adopted := state()
	adopted.Record.AuthorizedAtSource, adopted.Record.RotatedAt, adopted.Record.Generation = family.FromAdoption, time.Time{}, 0
	behind, ahead, corrected := record(), record().Succeed(pair(8, now)), record()
	behind.Refresh, behind.Generation = fp(refresh(6)), 6
	corrected.AuthorizedAt, corrected.AuthorizedAtSource = now.Add(-100*24*time.Hour), family.FromPerson
	records := func(r family.Record) []store.Entry { return past(r.Encode().Reveal()) }
	// What is known was written a minute ago.
	restore := func(known family.State, records []store.Entry, change ...given) (family.State, bool) {
		s := healthy()
		s.State = family.State{}
		all(change...)(&s)
		return s.Restore(known, now.Add(-minute), records)
	}
	for _, c := range []struct {
		name    string
		known   family.State
		records []store.Entry
		given   given
		want    bool
	}{
		{"the newest", state(), records(record()), all(), true},
		{"TOKEN_FAMILY is behind", state(), records(behind), all(), true},
		{"TOKEN_FAMILY is gone", state(), nil, all(), true},
		{"TOKEN_FAMILY tells of a newer token", state(), records(ahead), all(), false},
		{"nothing was known", family.State{}, nil, all(), false},
		{"an adopted token that Atlassian has not taken yet", adopted, nil, all(), false},
		{"REFRESH_TOKEN was deleted too", state(), records(record()), func(s *family.Snapshot) { s.RefreshToken = family.Field{} }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			restored, newest := restore(c.known, c.records, c.given)
			require.Equal(t, c.want, newest)
			if newest {
				want := state()
				want.Intent = &family.Intent{Owner: unknownOwner} // another process may have intended a spend since
				require.Equal(t, want, restored)
			}
		})
	}
	t.Run("a person's word about the consent counts", func(t *testing.T) {
		restored, _ := restore(state(), records(corrected))
		require.Equal(t, corrected.AuthorizedAt, restored.Record.AuthorizedAt)
		require.Equal(t, family.FromPerson, restored.Record.AuthorizedAtSource)
	})
	t.Run("another token in REFRESH_TOKEN counts as the family's", func(t *testing.T) {
		restored, _ := restore(state(), nil, func(s *family.Snapshot) { s.RefreshToken = field(refresh(8), 3, now) })
		require.Equal(t, int64(3), restored.Inbox.Kin)
		require.Equal(t, now, restored.Inbox.Modified)
	})
	t.Run("also where the parameter was begun anew, up to a number that was judged", func(t *testing.T) {
		known := state()
		known.Inbox.Judged = family.Judged{Seen: 9, Modified: now.Add(-time.Hour)}
		for version, seen := range map[int64]int64{3: 0, 10: 9} {
			restored, _ := restore(known, nil, func(s *family.Snapshot) { s.RefreshToken = field(refresh(8), version, now) })
			require.Equal(t, family.Judged{Seen: seen, Modified: now}, restored.Inbox.Judged)
		}
	})
	t.Run("unless it stood there when the ledger named the own token still", func(t *testing.T) {
		for modified, kin := range map[time.Time]int64{now.Add(-minute): 9, now.Add(-minute - nano): 0} {
			restored, _ := restore(state(), nil, func(s *family.Snapshot) { s.RefreshToken = field(refresh(8), 9, modified) })
			require.Equal(t, kin, restored.Inbox.Kin)
		}
	})
}
