package keeper_test

import (
	"testing"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

// Psoxy rotated, and died while it presented what it had stored. Its lock tells that
// this token is in doubt, and is replaced by ours: the ledger keeps what it told.
func TestPsoxyDiedOverItsOwnSuccessor(t *testing.T) {
	w := shared(t)
	w.psoxy.saves(w.psoxy.spends(), 2)
	w.clock.Advance(time.Second)
	w.psoxy.locks()
	w.psoxy.spends()
	w.clock.Advance(3 * time.Minute)
	w.want(keeper.Replayed)
	w.requireSharedAndKept()
}
