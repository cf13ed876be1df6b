// Package filestore keeps parameters in a directory, one file each, with the
// semantics of SSM Parameter Store. It serves the command line, the demo and
// people without AWS. The values are in clear text. Their protection is the mode:
// 0700 for the directory and 0600 for every file. A store that finds another mode
// refuses to work.
//
// # What a crash can do
//
// A parameter is replaced by writing a temporary file, syncing it, renaming it
// over the old one and syncing the directory. Whatever is killed or loses power
// at any point leaves the old parameter or the new one, whole. A Write that
// returned has reached the disk.
//
// # Many processes
//
// Every change is made under an exclusive flock(2) on a lock file. The kernel's
// lock on the open file counts, not the file: it ends with the process, and the
// file stays. Reads take no lock. The directory has to be on a local file system;
// flock is not reliable on every network file system.
package filestore

import (
	"context"
	"fmt"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Store implements store.Store on one directory. Any number of Stores, in any
// number of processes, may be open on the same directory.
type Store struct {
	dir directory
	// turn holds one token. It lets one goroutine at a time wait for the lock, so
	// that many do not each block a thread.
	turn chan struct{}
}

var _ store.Store = (*Store)(nil)

// Open opens the store in dir, and creates the directory if it is missing. It
// removes what a killed process left half-written. It fails if the directory, or a
// parameter in it, is open to the group or to others.
func Open(dir string) (*Store, error) {
	d, err := openDirectory(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: d, turn: make(chan struct{}, 1)}
	if err := s.locked(context.Background(), d.removeTemp); err != nil {
		return nil, err
	}
	return s, nil
}

// Read implements store.Store.
func (s *Store) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	parameters := make(map[string]*parameter, len(names))
	for _, name := range names {
		p, err := s.load(ctx, name)
		if err != nil {
			return nil, err
		}
		if p != nil {
			parameters[name] = p
		}
	}
	now := time.Now().UTC()
	found := make(map[string]store.Entry, len(parameters))
	for name, p := range parameters {
		found[name] = p.newest().entry(now)
	}
	return found, nil
}

// History implements store.Store.
func (s *Store) History(ctx context.Context, name string, from int64) ([]store.Entry, error) {
	p, err := s.load(ctx, name)
	if err != nil || p == nil {
		return nil, err
	}
	now := time.Now().UTC()
	var entries []store.Entry
	for _, v := range p.Versions {
		if v.Version >= from {
			entries = append(entries, v.entry(now))
		}
	}
	return entries, nil
}

// load reads a parameter; nil if it does not exist.
func (s *Store) load(ctx context.Context, name string) (*parameter, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := store.CheckName(name); err != nil {
		return nil, err
	}
	return s.dir.load(name)
}

// Create implements store.Store.
func (s *Store) Create(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
	return s.put(ctx, name, value, kind, false)
}

// Write implements store.Store.
func (s *Store) Write(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
	return s.put(ctx, name, value, kind, true)
}

func (s *Store) put(ctx context.Context, name string, value atlassian.Secret, kind store.Kind, overwrite bool) (version int64, err error) {
	if err := store.CheckWrite(name, value); err != nil {
		return 0, err
	}
	err = s.locked(ctx, func() error {
		p, err := s.dir.load(name)
		switch {
		case err != nil:
			return err
		case p == nil:
			p = &parameter{Name: name, Kind: kindNames[kind]}
		case !overwrite:
			return fmt.Errorf("%s: %w", name, store.ErrExists)
		}
		version = p.add(value, time.Now().UTC())
		return s.dir.save(p)
	})
	if err != nil {
		return 0, err
	}
	return version, nil
}

// Delete implements store.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := store.CheckName(name); err != nil {
		return err
	}
	return s.locked(ctx, func() error { return s.dir.remove(name) })
}

// locked runs f while it holds the lock of the directory. Once f has begun,
// ctx does not interrupt it.
func (s *Store) locked(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	l, err := s.dir.lock(ctx)
	if err != nil {
		return err
	}
	defer l.Close()
	return f()
}
