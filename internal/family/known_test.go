package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
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
	t.Run("also where TOKEN_FAMILY is gone, and the family counts as younger", func(t *testing.T) {
		younger := behind
		younger.Record.AuthorizedAt = now.Add(-time.Hour)
		next, kept := younger.Settle(*known.Receipt())
		require.True(t, kept)
		require.Equal(t, known.Record.AuthorizedAt, next.Record.AuthorizedAt)
	})
	t.Run("but not over a later spend", func(t *testing.T) {
		behind.Record.RotatedAt = now
		_, kept := behind.Settle(*known.Receipt())
		require.False(t, kept)
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
