package keeper_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// The ledger took the intent and refuses the settle: a label stood on its second oldest version,
// or its policy changed. The process ends, and a person mends that when the leeway is over. The
// copies hold the successor.
func TestTheLedgerRefusesTheSettleForLong(t *testing.T) {
	for name, why := range map[string]error{"a label": errLabel, "a policy": errPolicy} {
		for _, claims := range []bool{false, true} {
			for _, mended := range []time.Duration{3 * time.Minute, 8 * time.Minute, time.Hour} {
				for _, siblingsDie := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s, claims %v, mended after %s, siblings die: %v", name, claims, mended, siblingsDie), func(t *testing.T) {
						w := newWorldOf(t, claims, func(p *atlassiantest.Policy) { p.SiblingsDie = siblingsDie })
						w.consent()
						w.want(keeper.Rotated)
						w.rotations(2)
						w.clock.Advance(40 * time.Minute)
						born := w.record().AuthorizedAt
						w.after = atFirst("post", func() { w.unwritable = map[string]error{names.Ledger: why} })
						require.Contains(t, w.want(keeper.Failed).Reason, names.Ledger)
						w.after = nil
						w.restart()
						for range mended / time.Minute {
							w.clock.Advance(time.Minute)
							w.tick()
						}
						w.unwritable = nil
						w.ticks(24)
						w.requireKept()
						require.Equal(t, born, w.record().AuthorizedAt)
					})
				}
			}
		}
	}
}

// The same, but a person has stored a consent meanwhile. That stays, and is in use in the end.
func TestTheLedgerRefusesTheSettleUnderAConsent(t *testing.T) {
	w := settledWorld(t)
	w.clock.Advance(40 * time.Minute)
	var stored string
	w.after = atFirst("post", func() {
		w.unwritable = map[string]error{names.Ledger: errPolicy}
		stored = w.consent().Refresh.Reveal()
	})
	w.want(keeper.Failed)
	w.after = nil
	require.Equal(t, stored, w.get(names.RefreshToken).Value.Reveal())
	w.restart()
	w.unwritable = nil
	w.ticks(24)
	w.requireKept()
}
