package simulation

import (
	"context"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// newKeeper makes the keeper of one process. What it does side by side is done
// one after the other: a simulated process is one coroutine.
func newKeeper(s store.Store, e keeper.TokenEndpoint, process string, now func() time.Time, sleep func(context.Context, time.Duration), backwards bool) *keeper.Keeper {
	together := func(tasks ...func()) {
		for i := range tasks {
			if backwards {
				i = len(tasks) - 1 - i
			}
			tasks[i]()
		}
	}
	return keeper.New(keeper.Config{Store: s, Token: e, Process: process, Now: now, Sleep: sleep, Together: together})
}

// connectionOf is the connection as an operator configures it.
func connectionOf(name string, shared bool) family.Connection {
	policy := family.DefaultPolicy()
	if shared {
		policy.AccessFormat = psoxy.JSON
	}
	return family.Connection{Name: name, Policy: policy}
}
