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
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/filestore"
	"github.com/tokenkeeper/tokenkeeper/internal/store/gcpstore"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
)

// storeFlags say where the parameters of connections are. Every command that
// works on a store has them.
type storeFlags struct {
	place string
	keyID string
	// create makes a directory that does not exist. Where it is not set, a
	// misspelt one is an error, and not a store in which nothing is ever due.
	create bool
}

func (f *storeFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.place, "store", "ssm", "where the parameters are: ssm (region and credentials as the AWS SDK finds them, AWS_ENDPOINT_URL honoured), gcp:PROJECT or gcp:PROJECT/PREFIX (Google Cloud's Secret Manager), or file:DIR")
	cmd.Flags().StringVar(&f.keyID, "key-id", "alias/aws/ssm", "the key that encrypts parameters in ssm: an id, an ARN or an alias")
}

// directory returns the directory of a file store; ok is false for another store.
func (f *storeFlags) directory() (dir string, ok bool) { return strings.CutPrefix(f.place, "file:") }

// google returns what follows gcp: in the flag; ok is false for another store.
func (f *storeFlags) google() (place string, ok bool) { return strings.CutPrefix(f.place, "gcp:") }

// project returns the project in Google Cloud; ok is false for another store.
func (f *storeFlags) project() (project string, ok bool) {
	place, ok := f.google()
	project, _, _ = strings.Cut(place, "/")
	return project, ok && project != ""
}

// openGoogle opens a store of Google Cloud. SECRET_MANAGER_EMULATOR_HOST names an
// emulator, as such variables do for Google's other services.
func (f *storeFlags) openGoogle(ctx context.Context) (store.Store, error) {
	place, _ := f.google()
	project, prefix, _ := strings.Cut(place, "/")
	if project == "" || strings.ContainsAny(project, " \t\n") || prefix != "" && gcpstore.CheckName(prefix) != nil {
		return nil, errUsage{fmt.Errorf("--store is %q: expected gcp:PROJECT, or gcp:PROJECT/PREFIX where PREFIX begins the secrets' ids and has letters, digits, _ and -", f.place)}
	}
	client, err := gcpstore.NewClient(ctx, os.Getenv("SECRET_MANAGER_EMULATOR_HOST"))
	if err != nil {
		return nil, fmt.Errorf("--store: %w", err)
	}
	return gcpstore.New(client, gcpstore.Config{Project: project, Prefix: prefix, Keep: keptVersions}), nil
}

// keptVersions is how many versions of a parameter are kept on Google Cloud, where
// each costs money: as many as a ledger needs, and half a day's of the copies.
func keptVersions(name string) int {
	if strings.HasSuffix(name, "TOKEN_LEDGER") {
		return store.KeptVersions
	}
	return 20
}

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
	if f.place != "ssm" {
		return nil, errUsage{fmt.Errorf("--store is %q: expected ssm, gcp:PROJECT, or file:DIR such as file:./tokens", f.place)}
	}
	if f.keyID == "" || strings.ContainsAny(f.keyID, " \t\n,") {
		return nil, errUsage{fmt.Errorf("--key-id is %q: expected one key id, key ARN or alias such as alias/aws/ssm", f.keyID)}
	}
	cfg, err := awsConfig(ctx)
	if err != nil {
		return nil, err
	}
	return ssmstore.New(ssmstore.NewClient(cfg), f.keyID, time.Now), nil
}

// awsConfig is the AWS configuration of the environment.
func awsConfig(ctx context.Context) (aws.Config, error) {
	cfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return aws.Config{}, fmt.Errorf("the AWS configuration cannot be used: %w", err)
	}
	if cfg.Region == "" {
		return aws.Config{}, errors.New("no AWS region is configured: set AWS_REGION, or AWS_PROFILE to a profile with one")
	}
	return cfg, nil
}
