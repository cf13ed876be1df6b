package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
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
	cmd.Flags().Float64Var(&f.lifetimeDays, "family-lifetime-days", 365, "how long a consent lasts at Atlassian, in days")
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

// parameters are all of a connection's.
type parameters struct {
	family.Snapshot
	// cloudID is CLOUD_ID, empty where it is absent or not filled in.
	cloudID string
}

// record is what is known of the family: what the ledger says, or TOKEN_FAMILY
// where that says nothing, or else what the first tick would begin it with. Its
// AuthorizedAt is zero where there is no family.
func (p parameters) record() family.Record {
	switch {
	case !p.State.Empty():
		return p.State.Record
	case p.Family != nil:
		return *p.Family
	}
	stored := store.Entry{Value: p.RefreshToken.Value, Version: p.RefreshToken.Version, Modified: p.RefreshToken.Modified}
	state, _ := p.Adopt([]store.Entry{stored}, nil, family.DefaultPolicy())
	return state.Record
}

// readParameters reads a connection in one call. Where its ledger may not be
// read, the other parameters tell what they can.
func readParameters(ctx context.Context, st store.Store, conn family.Connection) (parameters, error) {
	n := conn.Names()
	names := []string{n.ClientID, n.ClientSecret, n.RefreshToken, n.AccessToken, n.CloudID, n.Family, n.Lock}
	entries, err := st.Read(ctx, append(names, n.Ledger)...)
	if errors.Is(err, store.ErrDenied) {
		entries, err = st.Read(ctx, names...)
	}
	if err != nil {
		return parameters{}, fmt.Errorf("reading the parameters of %s failed: %w", conn.Name, err)
	}
	p := parameters{family.NewSnapshot(conn, entries), family.FieldOf(entries[n.CloudID]).Value.Reveal()}
	if p.Now.IsZero() {
		p.Now = time.Now()
	}
	newest := ledger.Peek(entries[n.Ledger], conn.Name)
	if p.State, err = family.ParseState(newest.State, newest.Written, conn.Name); err != nil {
		return parameters{}, fmt.Errorf("%s: its newest entry %w", n.Ledger, err)
	}
	p.Written = newest.Written
	return p, nil
}

// openConnection opens the store, reads the connection in it and applies the
// policy to it.
func openConnection(ctx context.Context, c connectionFlag, stores storeFlags, policies policyFlags) (store.Store, parameters, family.Connection, error) {
	none := func(err error) (store.Store, parameters, family.Connection, error) {
		return nil, parameters{}, family.Connection{}, err
	}
	if err := c.check(); err != nil {
		return none(err)
	}
	st, err := stores.open(ctx)
	if err != nil {
		return none(err)
	}
	conn := c.connection()
	p, err := readParameters(ctx, st, conn)
	if err != nil {
		return none(err)
	}
	if conn.Policy, err = policies.policy(); err != nil {
		return none(err)
	}
	return st, p, conn, nil
}
