package gcpstore

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// failure is a call that failed. It holds nothing of the API's own message, which
// could quote what was sent.
type failure struct {
	code codes.Code
	// class is an error of package store, or nil where it is open what happened.
	class error
	text  string
}

// Error implements error.
func (f *failure) Error() string { return f.text }

// Unwrap returns the error of package store, if it is one.
func (f *failure) Unwrap() error { return f.class }

// codeOf is the code of a failed call: OK without an error, and Unknown for an
// error that is no failure.
func codeOf(err error) codes.Code {
	if err == nil {
		return codes.OK
	}
	var f *failure
	if errors.As(err, &f) {
		return f.code
	}
	return codes.Unknown
}

// meaning is what a code says: an error of package store, and what to do about it.
type meaning struct {
	class  error
	advice string
}

// meanings are those of the codes after which nothing was written.
var meanings = map[codes.Code]meaning{
	codes.NotFound:      {store.ErrNotFound, ""},
	codes.AlreadyExists: {store.ErrExists, ""},
	codes.PermissionDenied: {store.ErrDenied, "the secret does not exist, or the service account lacks a permission on it: " +
		"Google does not tell which. A permission that was just granted may take minutes"},
	codes.Unauthenticated:    {store.ErrDenied, "Google does not accept the credentials: renew them"},
	codes.FailedPrecondition: {store.ErrDenied, "the secret's own encryption key cannot be used, or the secret has expired"},
	codes.InvalidArgument:    {store.ErrUnwritable, "Secret Manager calls the request invalid: check the project, the prefix and the connection's name"},
	codes.ResourceExhausted:  {store.ErrNotWritten, "the project's quota for Secret Manager is used up"},
	codes.Aborted:            {store.ErrNotWritten, "Secret Manager was busy with another change of this secret"},
}

// failed describes the last attempt of a call. lost: an attempt may have taken effect.
func failed(c calling, code codes.Code, lost bool) error {
	f := &failure{code: code}
	m := meanings[code]
	if !lost || code == codes.AlreadyExists || code == codes.NotFound {
		f.class = m.class
	}
	switch {
	case code == codes.DeadlineExceeded:
		f.text = fmt.Sprintf("%s: %s: no answer within %s per attempt", c.name, c.what, attemptTimeout)
	case m.class == nil:
		f.text = fmt.Sprintf("%s: %s: Secret Manager refused or failed: %s", c.name, c.what, code)
	case m.advice == "":
		f.text = fmt.Sprintf("%s: %v (%s: %s)", c.name, m.class, c.what, code)
	default:
		f.text = fmt.Sprintf("%s: %v: %s (%s: %s)", c.name, m.class, m.advice, c.what, code)
	}
	if lost {
		f.text += "; an attempt had no answer and may have taken effect"
	}
	return f
}
