// Package filestore keeps connections in a directory, for programs on one machine.
// The command line works on the same directory beside them, with
// `tokenkeeper --store file:DIR`.
//
// Directory and files are the owner's alone, and their values lie in clear text. A
// killed process leaves the old value or the new one, whole, and what a write
// returned has reached the disk. The directory has to be on a local file system: any
// number of processes take turns by flock(2). Windows has none, so every call fails
// there.
package filestore

import (
	"github.com/tokenkeeper/tokenkeeper/internal/store/filestore"
	"github.com/tokenkeeper/tokenkeeper/pkg/keeper"
)

// Open opens the store in a directory, and creates that if it is missing. It fails
// if the directory, or a file in it, is open to others than the owner.
func Open(dir string) (keeper.Store, error) {
	s, err := filestore.Open(dir)
	if err != nil {
		return nil, err
	}
	return s, nil
}
