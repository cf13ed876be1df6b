// Package keepertest tests implementations of keeper.Store: that a store does what
// the protocol relies on, and that a ledger in it keeps its promises.
//
// Only tests import this package.
package keepertest

import (
	"testing"

	"github.com/tokenkeeper/tokenkeeper/internal/ledger/ledgertest"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/storetest"
	"github.com/tokenkeeper/tokenkeeper/pkg/keeper"
)

// Run runs all tests. open returns a store for one of them. It may return the same
// one each time, and that may hold other names. The tests use their own names,
// which begin with STORETEST_ or LEDGERTEST_, or with a slash and one of these.
func Run(t *testing.T, open func(t *testing.T) keeper.Store) {
	t.Run("store", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) store.Store { return open(t) })
	})
	t.Run("ledger", func(t *testing.T) {
		ledgertest.Run(t, func(t *testing.T) ledgertest.Factory { return ledgertest.InStore(open(t), nil, nil) })
	})
}
