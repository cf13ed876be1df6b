package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
)

// listFlags say where parameters list the connections, in place of --connection.
type listFlags struct {
	// path is below which the list is, and root is what every listed name begins with.
	path, root string
}

func (f *listFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.path, "connections-path", os.Getenv("CONNECTIONS_PATH"), "with --store ssm, in place of --connection: the path below which parameters list the connections, read again every few minutes")
	cmd.Flags().StringVar(&f.root, "parameter-path", os.Getenv("PARAMETER_PATH"), "what the name of every listed connection begins with, such as /tokenkeeper/")
}

// given reports whether a list is to be read.
func (f *listFlags) given() bool { return f.path != "" || f.root != "" }

// check refuses what does not go together. named: connections are named too.
func (f *listFlags) check(store, ledgerPath string, named bool) error {
	switch {
	case !f.given():
		return nil
	case named:
		return errUsage{errors.New("--connection is given beside --connections-path: expected one of them")}
	case store != "ssm":
		return errUsage{errors.New("--connections-path needs --store ssm: the list is in Parameter Store; with another store repeat --connection")}
	}
	if err := config.CheckConnectionsPath(f.path, f.root); err != nil {
		return errUsage{fmt.Errorf("--connections-path is %w", err)}
	}
	if err := config.CheckParameterPath(f.root); err != nil {
		return errUsage{fmt.Errorf("--parameter-path is %w", err)}
	}
	if ledgerPath != "" {
		if err := config.CheckLedgerPath(ledgerPath); err != nil {
			return errUsage{fmt.Errorf("--ledger-path is %w", err)}
		}
	}
	return nil
}

// open returns what reads the list, as a fleet asks for it.
func (f *listFlags) open(cfg aws.Config, ledgerPath string, policy family.Policy) func(context.Context, *slog.Logger) ([]family.Connection, []keeper.Outcome, error) {
	list := &config.List{Source: ssmstore.NewByPath(ssmstore.NewClient(cfg), f.path), Root: f.root,
		Connection: func(name string) family.Connection {
			conn := (&connectionFlag{name: name, ledgerPath: ledgerPath}).connection()
			conn.Policy = policy
			return conn
		}}
	return list.Connections
}
