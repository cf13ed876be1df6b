package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// connectionFlag names the connection that a command works on, and its ledger.
type connectionFlag struct{ name, ledgerPath string }

func (f *connectionFlag) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.name, "connection", "PSOXY_JIRA_CLOUD_", "the connection: the prefix of its parameters' names")
	cmd.Flags().StringVar(&f.ledgerPath, "ledger-path", os.Getenv("LEDGER_PATH"), "the path below which the ledgers are; without it each is beside its connection")
}

func (f *connectionFlag) check() error {
	if err := family.CheckConnection(f.name); err != nil {
		return errUsage{fmt.Errorf("--connection is %w", err)}
	}
	if f.ledgerPath != "" {
		if err := config.CheckLedgerPath(f.ledgerPath); err != nil {
			return errUsage{fmt.Errorf("--ledger-path is %w", err)}
		}
	}
	return nil
}

// connection is the connection, not yet with its policy.
func (f *connectionFlag) connection() family.Connection {
	c := family.Connection{Name: f.name}
	if f.ledgerPath != "" {
		c.Ledger = config.LedgerBelow(f.ledgerPath, f.name)
	}
	return c
}

// defaultLifetimeDays is how long a consent lasts at Atlassian.
const defaultLifetimeDays = 365

// policyFlags say how a connection is kept, where the command writes tokens.
type policyFlags struct {
	format       string
	lifetimeDays float64
}

func (f *policyFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.format, "access-token-format", os.Getenv("ACCESS_TOKEN_FORMAT"), "form of ACCESS_TOKEN: raw, psoxy-json, or auto for the form that is stored; without it auto")
	f.registerLifetime(cmd)
}

func (f *policyFlags) registerLifetime(cmd *cobra.Command) {
	cmd.Flags().Float64Var(&f.lifetimeDays, "family-lifetime-days", defaultLifetimeDays, "how long a consent lasts at Atlassian, in days")
}

// policy returns the policy that the flags ask for.
func (f *policyFlags) policy() (family.Policy, error) {
	p := family.DefaultPolicy()
	if !(f.lifetimeDays >= 1 && f.lifetimeDays <= 3650) {
		return p, errUsage{fmt.Errorf("--family-lifetime-days is %v: expected 1 to 3650", f.lifetimeDays)}
	}
	p.Lifetime = time.Duration(f.lifetimeDays * 24 * float64(time.Hour))
	p.AccessFormat = psoxy.AsStored
	if f.format != "" {
		format, err := psoxy.ParseAccessFormat(f.format)
		if err != nil {
			return p, errUsage{fmt.Errorf("--access-token-format: %w", err)}
		}
		p.AccessFormat = format
	}
	return p, nil
}

// openConnection opens the store, reads the connection in it and applies the
// policy to it.
func openConnection(ctx context.Context, c connectionFlag, stores *storeFlags, policies policyFlags) (store.Store, health.Survey, family.Connection, error) {
	none := func(err error) (store.Store, health.Survey, family.Connection, error) {
		return nil, health.Survey{}, family.Connection{}, err
	}
	if err := c.check(); err != nil {
		return none(err)
	}
	st, err := stores.open(ctx)
	if err != nil {
		return none(err)
	}
	conn := c.connection()
	if conn.Policy, err = policies.policy(); err != nil {
		return none(err)
	}
	seen, path, err := stores.look(ctx, st, conn)
	if err != nil {
		return none(err)
	}
	if path != "" {
		return none(errUsage{fmt.Errorf("the ledger of %s is below %s: give --ledger-path %s, or a second one would begin beside it", conn.Name, path, path)})
	}
	return st, seen, conn, nil
}
