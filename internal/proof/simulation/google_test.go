package simulation

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The promises hold where the store is Secret Manager. The command runs far more.
func TestGoogle(t *testing.T) {
	s := Simulate(context.Background(), Random(1, 1500, Draw{Weight: Heavy, Mode: Reader, Google: true}), 2, nil)
	require.Zero(t, s.Counters, "%+v", s.Broken)
	require.NotZero(t, s.Faults[Stale.String()])
}

// A person may destroy every version of a ledger: its numbers go on.
func TestADestroyedLedger(t *testing.T) {
	var versions []int64
	for at := range 40 {
		p := Plan{Seed: 1, Situation: Rotation, Settings: Settings{Google: true}, Faults: Schedule{{At: at, Kind: LedgerDeleted}}}
		r := Run(p)
		require.Zero(t, r.Counters, p.String())
		versions = append(versions, r.final[slotLedger].Version)
	}
	require.Greater(t, slices.Max(versions), slices.Min(versions)+5, "some were destroyed, some deleted")
}
