package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/filestore"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
)

// storeFlags say where the parameters of connections are. Every command that
// works on a store has them.
type storeFlags struct {
	name  string
	keyID string
	// aws is the configuration that open has found for ssm.
	aws aws.Config
	// create makes a directory that does not exist. Where it is not set, a
	// misspelt one is an error, and not a store in which nothing is ever due.
	create bool
}

func (f *storeFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.name, "store", "ssm", "where the parameters are: ssm (region and credentials as the AWS SDK finds them, AWS_ENDPOINT_URL honoured), gcp:PROJECT or gcp:PROJECT/PREFIX (Google Cloud's Secret Manager), or file:DIR")
	cmd.Flags().StringVar(&f.keyID, "key-id", "alias/aws/ssm", "the key that encrypts parameters in ssm: an id, an ARN or an alias")
}

// directory returns the directory of a file store; ok is false for another store.
func (f *storeFlags) directory() (dir string, ok bool) { return strings.CutPrefix(f.name, "file:") }

// open opens the store.
func (f *storeFlags) open(ctx context.Context) (store.Store, error) {
	if dir, ok := f.directory(); ok {
		if dir == "" {
			return nil, errUsage{errors.New(`--store "file:" names no directory: expected one such as file:./tokens`)}
		}
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && !f.create {
			return nil, fmt.Errorf("--store: there is no directory %s: expected the one that tokenkeeper authorize made", dir)
		}
		s, err := filestore.Open(dir)
		if err != nil {
			return nil, fmt.Errorf("--store: %w", err)
		}
		return s, nil
	}
	if _, ok := f.google(); ok {
		return f.openGoogle(ctx)
	}
	if f.name != "ssm" {
		kind, _, _ := strings.Cut(f.name, ":") // what follows may be a password
		return nil, errUsage{fmt.Errorf("--store begins with %q: expected ssm, gcp:PROJECT, or file:DIR such as file:./tokens", kind)}
	}
	if f.keyID == "" || strings.ContainsAny(f.keyID, " \t\n,") {
		return nil, errUsage{fmt.Errorf("--key-id is %q: expected one key id, key ARN or alias such as alias/aws/ssm", f.keyID)}
	}
	cfg, err := awsConfig(ctx)
	if err != nil {
		return nil, err
	}
	f.aws = cfg
	return ssmstore.New(ssmstore.NewClient(cfg), f.keyID, time.Now), nil
}

// place is where the store is, as far as that is known without asking.
func (f *storeFlags) place() place {
	if f.name != "ssm" {
		return place{Store: f.name}
	}
	return regionOf(f.aws, os.Getenv)
}

// identify is where the store is, with the account if that can be found out.
func (f *storeFlags) identify(ctx context.Context) place {
	if f.name != "ssm" {
		return f.place()
	}
	p, _, _ := awsPlace(ctx, f.aws) // without the account it still says the region
	return p
}

// names are those of the parameters in the store, as far as they may be tokenkeeper's.
func (f *storeFlags) names(ctx context.Context, st store.Store) ([]string, error) {
	if listed, ok := st.(interface {
		Names(context.Context) ([]string, error)
	}); ok {
		return listed.Names(ctx)
	}
	return ssmstore.Names(ctx, ssmstore.NewClient(f.aws), "TOKEN_LEDGER", "TOKEN_FAMILY", "REFRESH_TOKEN", "CLIENT_SECRET")
}

// connections are those that have parameters in the store.
func (f *storeFlags) connections(ctx context.Context, st store.Store) ([]string, error) {
	names, err := f.names(ctx, st)
	return health.Connections(names), err
}

// look looks at a connection. path is where its ledger was found, if that is not
// where the connection says.
func (f *storeFlags) look(ctx context.Context, st store.Store, conn family.Connection) (seen health.Survey, path string, err error) {
	seen, err = health.Look(ctx, st, conn, time.Now())
	if err != nil || !seen.WithoutLedger() || conn.Ledger != "" {
		return seen, "", err
	}
	names, err := f.names(ctx, st)
	if err != nil {
		return seen, "", nil // it may not be listed, which only the ledger's place needs
	}
	if path = health.LedgerPath(names, conn.Name); path == "" {
		return seen, "", nil
	}
	conn.Ledger = config.LedgerBelow(path, conn.Name)
	seen, err = health.Look(ctx, st, conn, time.Now())
	return seen, path, err
}
