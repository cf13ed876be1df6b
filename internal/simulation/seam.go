package simulation

import (
	"context"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/rotation"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

type (
	keeperProcess = rotation.Keeper
	tokenEndpoint = rotation.TokenEndpoint
	connection    = rotation.Connection
	outcome       = rotation.Outcome
	grant         = rotation.Grant
)

const (
	actionIdle     = rotation.Idle
	actionRotated  = rotation.Rotated
	actionReplayed = rotation.Replayed
)

func newKeeper(s store.Store, e tokenEndpoint, process string, now func() time.Time, sleep func(context.Context, time.Duration)) *keeperProcess {
	return rotation.New(rotation.Config{Store: s, Token: e, Process: process, Now: now, Sleep: sleep})
}

func connectionOf(name string, shared bool) connection {
	policy := family.DefaultPolicy()
	if shared {
		policy.AccessFormat = family.PsoxyJSON
	}
	return connection{Name: name, Policy: policy}
}

func ledgerName(n family.Names) string { return connectionName + "TOKEN_LEDGER" }

func grantOf(at time.Time, t atlassian.Token) grant { return grant{At: at, Token: t} }
