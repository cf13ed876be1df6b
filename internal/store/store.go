// Package store is the contract between the keeper and the place where the
// parameters of a connection live. It follows SSM Parameter Store, which offers no
// compare-and-swap and no transaction. The rotation protocol builds only on what
// it does offer: create-only puts, and the version number that every put returns.
//
// Adapters: [github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore],
// [github.com/tokenkeeper/tokenkeeper/internal/store/gcpstore], filestore and
// memstore. All of them pass the one conformance suite in storetest.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// MaxValueBytes is the largest value a parameter can hold: the limit of an
// advanced SSM parameter. Every adapter enforces it, so that a value which one
// store accepts is accepted by all.
const MaxValueBytes = 8192

// Errors that adapters return, wrapped with the parameter's name but never with
// its value. After each of them nothing was written. Any other error of a write
// or a delete is ambiguous: it may have taken effect. A cancelled or expired
// context is returned as [context.Canceled] or [context.DeadlineExceeded], and is
// ambiguous too.
var (
	// ErrNotFound: no such parameter, or no such version of it.
	ErrNotFound = errors.New("no such parameter")
	// ErrExists: Create found a parameter of that name.
	ErrExists = errors.New("the parameter exists already")
	// ErrTooLarge: the value exceeds MaxValueBytes; nothing was written.
	ErrTooLarge = errors.New("the value is larger than 8192 bytes, the most a parameter can hold")
	// ErrEmpty: the value is empty, which Parameter Store refuses; nothing was
	// written.
	ErrEmpty = errors.New("the value is empty, and a parameter cannot be: delete the parameter instead")
	// ErrNotText: the value is not valid UTF-8. It would not come back byte for
	// byte, so nothing was written.
	ErrNotText = errors.New("the value is not valid UTF-8 text, and a parameter holds only text")
	// ErrName: no parameter can have this name; see CheckName.
	ErrName = errors.New("not a parameter name: expected 1 to 1011 letters, digits and . _ - /")
	// ErrDenied: the caller lacks a permission, or the encryption key is not
	// usable; nothing was written.
	ErrDenied = errors.New("access to the parameter or to its key is denied")
	// ErrUnwritable: the parameter accepts no write from anybody, as it is. A
	// person has to change it first, and the error says what. Examples: a label
	// on the oldest version that is kept, a type that holds lists, a limit.
	ErrUnwritable = errors.New("the parameter accepts no write as it is")
	// ErrNotWritten: the store was too busy, or could not be reached. The same
	// call may be repeated; adapters have done so a few times.
	ErrNotWritten = errors.New("nothing was written")
)

// Kind says how a parameter is kept.
type Kind int

const (
	// Plain parameters hold nothing secret (SSM type String).
	Plain Kind = iota
	// Encrypted parameters hold a secret (SSM type SecureString).
	Encrypted
)

// Entry is one parameter as it was read.
type Entry struct {
	// Value as stored, untrimmed. Held as a Secret whatever its kind, so that
	// no stored value can be printed by accident. Empty only where somebody has
	// destroyed this version, as Google Cloud lets people do.
	Value atlassian.Secret
	// Version counts the writes to this name, from 1. It restarts at 1 when the
	// parameter was deleted and created.
	Version int64
	// Modified is when this version was written, by the store's clock.
	Modified time.Time
	// Kind is how the parameter is kept: a secret found as Plain was put there
	// by hand and lies in the open. Google Cloud encrypts everything.
	Kind Kind
	// ReadAt is the store's own clock when it answered, or zero where it does not
	// tell. All entries of one Read or History have the same: where these take
	// several calls, the latest answer's, so that no age is underestimated.
	// Parameter Store tells whole seconds, rounded down: a value that was just
	// written may have been Modified up to a second later.
	ReadAt time.Time
	// By is who wrote this version, in the store's words: on AWS the ARN of a user
	// or of a role's session. Only History tells, and only on Parameter Store.
	By string
}

// NamesPerCall is how many names one call reads.
const NamesPerCall = 10

// Store keeps parameters. Its methods may be called concurrently. A read can be
// stale: it may miss writes of the last moments, this process's own among them.
// Names are whole parameter names. No error carries a value.
type Store interface {
	// Read returns the newest version of each name it finds. Names that do not
	// exist are absent from the result, and that is no error. Any number of
	// names may be asked for; up to NamesPerCall cost one call.
	Read(ctx context.Context, names ...string) (map[string]Entry, error)

	// History returns the versions of a parameter from the given one on that are
	// kept, oldest first; at least the last 100 are. A parameter that does not
	// exist has none, and that is no error.
	History(ctx context.Context, name string, from int64) ([]Entry, error)

	// Create writes a parameter that must not exist, as version 1; otherwise
	// it returns ErrExists and changes nothing. A Create right after a Delete
	// of the same name is not always exclusive: re-read before relying on it.
	// An adapter that repeats a call whose answer was lost may meet its own
	// parameter and return ErrExists: the value read back tells.
	Create(ctx context.Context, name string, value atlassian.Secret, kind Kind) (version int64, err error)

	// Write creates the parameter or adds a version to it, and returns the
	// version it wrote: the caller's one proof of what was written in between.
	// A repeated call (see Create) may have written the value twice, and returns
	// the later version. An existing parameter keeps the kind it has, whatever
	// kind says: Parameter Store cannot change it, and a value that is not saved
	// is worse than one that stays where it was.
	Write(ctx context.Context, name string, value atlassian.Secret, kind Kind) (version int64, err error)

	// Delete removes the parameter and all its versions, or returns ErrNotFound.
	Delete(ctx context.Context, name string) error
}
