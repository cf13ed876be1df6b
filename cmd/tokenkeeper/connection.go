package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// connectionFlag names the connection that a command works on.
type connectionFlag struct{ name string }

func (f *connectionFlag) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.name, "connection", "PSOXY_JIRA_CLOUD_", "the connection: the prefix of its parameters' names")
}

func (f *connectionFlag) check() error {
	if err := family.CheckConnection(f.name); err != nil {
		return errUsage{fmt.Errorf("--connection is %w", err)}
	}
	return nil
}

// policyFlags say how a connection is kept, where the command writes tokens.
type policyFlags struct {
	format       string
	lifetimeDays float64
}

func (f *policyFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.format, "access-token-format", os.Getenv("ACCESS_TOKEN_FORMAT"), "form of ACCESS_TOKEN: raw, or psoxy-json; without it the form that is stored, or raw")
	f.registerLifetime(cmd)
}

func (f *policyFlags) registerLifetime(cmd *cobra.Command) {
	cmd.Flags().Float64Var(&f.lifetimeDays, "family-lifetime-days", 365, "how long a consent lasts at Atlassian, in days")
}

// apply returns the policy for a connection that was read as s.
func (f *policyFlags) apply(s family.Snapshot) (family.Policy, error) {
	p := family.DefaultPolicy()
	if !(f.lifetimeDays >= 1 && f.lifetimeDays <= 3650) {
		return p, errUsage{fmt.Errorf("--family-lifetime-days is %v: expected 1 to 3650", f.lifetimeDays)}
	}
	p.Lifetime = time.Duration(f.lifetimeDays * 24 * float64(time.Hour))
	switch {
	case f.format != "":
		format, err := family.ParseAccessFormat(f.format)
		if err != nil {
			return p, errUsage{fmt.Errorf("--access-token-format: %w", err)}
		}
		p.AccessFormat = format
	case !s.AccessExpires.IsZero(): // only psoxy's form says when it expires
		p.AccessFormat = family.PsoxyJSON
	}
	return p, nil
}

// parameters are all of a connection's.
type parameters struct {
	family.Snapshot
	// cloudID is CLOUD_ID, empty where it is absent or not filled in.
	cloudID string
}

// readParameters reads a connection in one call.
func readParameters(ctx context.Context, st store.Store, connection string) (parameters, error) {
	n := family.NamesOf(connection)
	entries, err := st.Read(ctx, n.ClientID, n.ClientSecret, n.RefreshToken, n.AccessToken, n.CloudID, n.Family, n.Lock)
	if err != nil {
		return parameters{}, fmt.Errorf("reading the parameters of %s failed: %w", connection, err)
	}
	return parameters{family.NewSnapshot(connection, entries), family.FieldOf(entries[n.CloudID]).Value.Reveal()}, nil
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
	p, err := readParameters(ctx, st, c.name)
	if err != nil {
		return none(err)
	}
	policy, err := policies.apply(p.Snapshot)
	if err != nil {
		return none(err)
	}
	return st, p, family.Connection{Name: c.name, Policy: policy}, nil
}
