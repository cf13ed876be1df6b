package atlassian

import (
	"errors"

	"github.com/tokenkeeper/tokenkeeper/pkg/secret"
)

// Secret holds a credential: a token, an authorization code, a client secret or
// a state value. It is [secret.Secret]: printers and logs redact it, and
// encoders fail on it.
type Secret = secret.Secret

// NewSecret wraps value, byte for byte.
func NewSecret(value string) Secret { return secret.New(value) }

// errNotEncoded is what encoding a Token fails with.
var errNotEncoded = errors.New("a Token is not encoded as a whole, since its tokens would be lost: " +
	"encode the values of Access.Reveal(), Refresh.Reveal() and ExpiresAt, and store them where secrets belong")

// MarshalJSON fails: a Token that was stored with its secrets redacted would be
// a family lost without a sound. Encode a type of your own, with what Reveal
// returns.
func (t Token) MarshalJSON() ([]byte, error) { return nil, errNotEncoded }
