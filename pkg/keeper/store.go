package keeper

import (
	"context"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/secret"
)

// Store keeps parameters: values under names, with versions. The package's comment
// says what an implementation must guarantee, and package keepertest tests it.
//
// Its methods may be called concurrently. They give up when ctx ends. It is then
// not known whether a write took effect. No error holds a value.
type Store interface {
	// Read returns the newest version of each name that exists. A name that does not
	// is absent from the result, and that is no error.
	Read(ctx context.Context, names ...string) (map[string]Entry, error)

	// History returns the versions of a name from the given one on that are kept,
	// oldest first: at least the last KeptVersions. A name that does not exist has
	// none, and that is no error.
	History(ctx context.Context, name string, from int64) ([]Entry, error)

	// Create writes version 1 of a name that must not exist. Otherwise it returns
	// ErrExists and changes nothing.
	Create(ctx context.Context, name string, value secret.Secret, kind Kind) (version int64, err error)

	// Write adds a version to a name and returns the number of that version. It
	// creates a name that does not exist. An existing name keeps its kind.
	Write(ctx context.Context, name string, value secret.Secret, kind Kind) (version int64, err error)

	// Delete removes a name with all its versions, or returns ErrNotFound. The next
	// version of the name is 1 again.
	Delete(ctx context.Context, name string) error
}

// Both interfaces have the same methods.
var (
	_ store.Store = Store(nil)
	_ Store       = store.Store(nil)
)

// Entry is one version of a name:
//
//   - Value as it was written, to the byte.
//   - Version, counted from 1.
//   - Modified: when this version was written, by the store's clock.
//   - Kind, as Create or the first Write gave it.
//   - ReadAt: the store's clock when it answered; the same in all entries of one
//     answer. Zero where the store does not tell: the process's clock counts then.
//   - By: who wrote it, in the store's words, where History can tell; else empty.
type Entry = store.Entry

// Kind says whether a value is a secret, so that a store can encrypt it.
type Kind = store.Kind

const (
	// Plain values are no secrets.
	Plain = store.Plain
	// Encrypted values are secrets.
	Encrypted = store.Encrypted
)

// Limits of every store, so that what one accepts all accept.
const (
	// MaxValueBytes is the longest value.
	MaxValueBytes = store.MaxValueBytes
	// KeptVersions is how many versions of a name a store keeps at least.
	KeptVersions = store.KeptVersions
)

// Errors of a Store. An error that wraps one of them says that nothing was written.
var (
	// ErrNotFound: there is no such name.
	ErrNotFound = store.ErrNotFound
	// ErrExists: Create found the name.
	ErrExists = store.ErrExists
	// ErrName, ErrEmpty, ErrTooLarge and ErrNotText: what CheckWrite finds.
	ErrName     = store.ErrName
	ErrEmpty    = store.ErrEmpty
	ErrTooLarge = store.ErrTooLarge
	ErrNotText  = store.ErrNotText
	// ErrDenied: a permission is missing, or a key cannot be used.
	ErrDenied = store.ErrDenied
	// ErrUnwritable: a person has to change something before the name takes a write.
	ErrUnwritable = store.ErrUnwritable
	// ErrNotWritten: the store was busy or out of reach. The call may be repeated.
	ErrNotWritten = store.ErrNotWritten
)

// CheckName returns an error that wraps ErrName if nothing can be stored under a
// name. Every method of a Store checks its names so.
func CheckName(name string) error { return store.CheckName(name) }

// CheckWrite is what Create and Write check before they write anything: the name,
// and that the value is text of 1 to MaxValueBytes bytes.
func CheckWrite(name string, value secret.Secret) error { return store.CheckWrite(name, value) }

// NewMemory returns a Store in memory, for tests: what it holds ends with the
// process. now is its clock; nil means time.Now.
func NewMemory(now func() time.Time) Store {
	if now == nil {
		now = time.Now
	}
	return memstore.New(now)
}
