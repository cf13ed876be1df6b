package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// lock waits for the directory's lock until ctx ends. Closing the returned file
// releases it.
//
// Each call opens the lock file again. flock belongs to the open file, so two
// calls exclude each other within one process too. The file is never removed,
// since another process might hold the lock of the removed file while a third
// takes that of a new one.
func (d directory) lock(ctx context.Context) (*os.File, error) {
	path := d.path(lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the store's directory %s is gone: %w", d, err)
	}
	if err != nil {
		return nil, denied("the store's lock", err)
	}
	taken, err := flock(f, false)
	if err != nil || taken {
		return closedOn(f, err, path)
	}

	done := make(chan error, 1)
	go func() {
		_, err := flock(f, true)
		done <- err
	}()
	select {
	case err := <-done:
		return closedOn(f, err, path)
	case <-ctx.Done():
		// flock cannot be interrupted: let it come to its end, and release.
		go func() {
			<-done
			f.Close()
		}()
		return nil, ctx.Err()
	}
}

func closedOn(f *os.File, err error, path string) (*os.File, error) {
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w; expected a local file system that supports flock", path, err)
	}
	return f, nil
}
