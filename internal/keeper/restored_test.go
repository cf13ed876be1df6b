package keeper_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

// Everything is deleted, and a backup is put back one parameter at a time, with a tick
// between. The family has its true age all the same, and keeps it.
func TestBackupIsPutBackSlowly(t *testing.T) {
	for _, claims := range []bool{false, true} {
		w := newWorldOf(t, claims)
		w.consent()
		w.want(keeper.Rotated)
		born := w.record().AuthorizedAt
		w.clock.Advance(80 * 24 * time.Hour)
		w.want(keeper.Rotated)
		token, record := w.get(names.RefreshToken).Value.Reveal(), w.get(names.Family).Value.Reveal()
		for _, name := range []string{names.Ledger, names.Family, names.RefreshToken} {
			w.remove(name)
		}
		w.restart()
		w.clock.Advance(time.Hour)
		w.put(names.RefreshToken, token)
		w.want(keeper.Rotated)
		w.put(names.Family, record)
		w.clock.Advance(2 * time.Minute)
		out := w.want(keeper.Idle)
		require.InDelta(t, 365-80, *out.FamilyDaysRemaining, 0.1)
		require.Equal(t, born, w.record().AuthorizedAt)

		w.clock.Advance(time.Hour)
		w.want(keeper.Rotated)
		w.remove(names.Family)
		w.want(keeper.Idle)
		require.Equal(t, born, w.record().AuthorizedAt)
		require.Equal(t, born, w.ledger().Record.AuthorizedAt)
		w.requireKept()
	}
}

// The record of another family, or a younger one, changes no age.
func TestAnotherRecordIsPutBack(t *testing.T) {
	for _, claims := range []bool{false, true} {
		w := newWorldOf(t, claims)
		w.consent()
		w.want(keeper.Rotated)
		older := w.get(names.Family).Value.Reveal()
		w.clock.Advance(80 * 24 * time.Hour)
		w.consent()
		w.want(keeper.Rotated)
		require.Equal(t, family.FromAdoption, w.record().AuthorizedAtSource)
		born := w.record().AuthorizedAt
		w.put(names.Family, older)
		w.want(keeper.Idle)
		require.Equal(t, born, w.record().AuthorizedAt)
	}
}
