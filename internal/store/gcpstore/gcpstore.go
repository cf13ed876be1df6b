// Package gcpstore keeps parameters in Google Cloud Secret Manager: each is a
// secret, and each write adds a version to it.
//
// # What carries the ledger
//
// AddSecretVersion returns the number of the version it added, which is one more
// than that of the version before: what PutParameter's version is on AWS. Google
// promises that a version can be read by its number at once, and nothing else:
// `latest`, aliases, labels, lists and permissions are eventually consistent,
// "typically within minutes", but "may take a few hours"
// (https://docs.cloud.google.com/secret-manager/docs/reference/consistency). So
// Read asks for `latest`, and then for the next numbers until one does not exist.
// So a read is never older than the versions that were added before it. Where it
// is not told yet when another process added a version, it fails, and can be
// repeated.
//
// # What differs from Parameter Store
//
//   - Every value is encrypted: Kind is Encrypted, whatever was asked for.
//   - A name is a secret id, so it has no dots and no slashes; see CheckName.
//   - A version that somebody destroyed is an entry without a value. One that is
//     disabled makes reads fail with ErrDenied until it is enabled or destroyed:
//     were it passed over, the ledger would say something else once it is enabled.
//   - A secret without a version, as psoxy's Terraform makes them, is absent. For
//     Create it exists: only making the secret is exclusive.
//   - Delete deletes the secret with its labels and permissions. The keeper never
//     does so; a consent does, with what it has set aside.
//   - Nobody destroys old versions but whoever writes: see Config.Keep.
//   - psoxy's lock is a label, and the version it reads may be named by another;
//     see lock.go and label.go.
//
// # Limits, as Google documents them
//
// A payload holds 64 KiB; store.MaxValueBytes is less. A project has 90,000
// accesses, 600 reads of metadata and 600 writes a minute
// (https://docs.cloud.google.com/secret-manager/quotas). Reading a parameter costs
// two accesses and one read of metadata; writing costs one write, for a labelled
// secret three with two reads. An enabled or disabled version costs money by the
// month, a destroyed one does not.
//
// # Permissions
//
// On each secret secretmanager.secrets.get, secrets.update, versions.add,
// versions.access, versions.get, versions.list and versions.destroy. Who makes
// secrets (authorize) also needs secrets.create on the project, and who looks for
// connections (status) secrets.list.
package gcpstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"google.golang.org/grpc/codes"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Config says where the secrets are.
type Config struct {
	// Project is the project's id or number.
	Project string
	// Prefix stands before every name, and is often empty.
	Prefix string
	// Keep tells how many versions of a parameter are kept, 5 at least and
	// store.KeptVersions at most; older ones are destroyed, because each costs money.
	// chain: History shows the destroyed ones too, as entries without a value, so that
	// a ledger finds all numbers. nil keeps KeptVersions of each, as the contract says.
	Keep func(name string) (versions int, chain bool)
	// Log hears of what could not be destroyed, which costs money and harms
	// nothing else. nil means nobody.
	Log *slog.Logger
}

// Store implements store.Store.
type Store struct {
	Config
	api    *api
	memory memory
}

var _ store.Store = (*Store)(nil)

// New returns a store of the secrets in a project. It panics if the project is
// empty. NewClient makes the client.
func New(c client, cfg Config) *Store {
	if cfg.Project == "" {
		panic("gcpstore.New: no project")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Store{Config: cfg, api: &api{client: c, project: cfg.Project, prefix: cfg.Prefix}, memory: newMemory()}
}

// maxID is the longest secret id.
const maxID = 255

// CheckName returns an error that wraps store.ErrName if no secret id can be or
// begin with the name. An id has up to 255 letters, digits, _ and - (API reference,
// CreateSecretRequest.secret_id).
func CheckName(name string) error {
	if err := store.CheckName(name); err != nil {
		return err
	}
	for i := range len(name) {
		c := name[i]
		if letter := 'a' <= c|0x20 && c|0x20 <= 'z'; !letter && (c < '0' || c > '9') && c != '_' && c != '-' {
			return fmt.Errorf("%.80q: a secret of Google Cloud has only letters, digits, _ and - in its name: %w", name, store.ErrName)
		}
	}
	if len(name) > maxID {
		return fmt.Errorf("%.80q… (%d bytes): a secret of Google Cloud has at most %d: %w", name, len(name), maxID, store.ErrName)
	}
	return nil
}

// check is what every method asks first.
func (s *Store) check(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := store.CheckName(name); err != nil {
		return err
	}
	return CheckName(s.Prefix + name)
}

// Create implements store.Store.
func (s *Store) Create(ctx context.Context, name string, value atlassian.Secret, _ store.Kind) (int64, error) {
	if err := s.check(ctx, name); err != nil {
		return 0, err
	}
	if err := store.CheckValue(name, value); err != nil {
		return 0, err
	}
	if secret, ok := lockSecret(name); ok {
		return s.lock(ctx, name, secret, value, false)
	}
	if err := s.api.create(ctx, name, nil); err != nil {
		return 0, err
	}
	version, err := s.add(ctx, name, value)
	if err == nil && version != 1 {
		return 0, fmt.Errorf("%s: another writer was first after the secret was created; version %d holds what was to be version 1", name, version)
	}
	return version, err
}

// Write implements store.Store.
func (s *Store) Write(ctx context.Context, name string, value atlassian.Secret, _ store.Kind) (int64, error) {
	if err := s.check(ctx, name); err != nil {
		return 0, err
	}
	if err := store.CheckValue(name, value); err != nil {
		return 0, err
	}
	if secret, ok := lockSecret(name); ok {
		return s.lock(ctx, name, secret, value, true)
	}
	named := int64(0)
	if psoxy.ReadsByLabel(name) {
		var err error
		if named, err = s.nameNext(ctx, name); err != nil {
			return 0, err
		}
	}
	version, err := s.add(ctx, name, value)
	if codeOf(err) == codes.NotFound {
		if err = s.api.create(ctx, name, nil); err != nil && !errors.Is(err, store.ErrExists) {
			return 0, err
		}
		version, err = s.add(ctx, name, value)
	}
	if err != nil {
		return 0, err
	}
	if named > 0 && named != version {
		if _, err := s.nameVersion(ctx, name, version); err != nil {
			return 0, fmt.Errorf("version %d was added, but its label %s does not name it: %s", version, psoxy.VersionLabel, err)
		}
	}
	s.tidy(ctx, name, version)
	return version, nil
}

// Delete implements store.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := s.check(ctx, name); err != nil {
		return err
	}
	if secret, ok := lockSecret(name); ok {
		return s.unlock(ctx, name, secret)
	}
	s.memory.forget(name)
	return s.api.delete(ctx, name)
}

// Names lists the names of all parameters. It needs secretmanager.secrets.list on
// the project, which no other call does.
func (s *Store) Names(ctx context.Context) ([]string, error) { return s.api.names(ctx) }

// add adds a version, remembers when, and returns its number.
func (s *Store) add(ctx context.Context, name string, value atlassian.Secret) (int64, error) {
	added, err := s.api.add(ctx, name, value)
	if err == nil {
		s.memory.wrote(name, added.number, added.at)
		s.memory.see(name, version{number: added.number}) // what it holds is remembered once it was read back
	}
	return added.number, err
}
