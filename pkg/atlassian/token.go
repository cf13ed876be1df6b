package atlassian

import (
	"errors"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/secret"
)

// Secret holds a credential: a token, an authorization code, a client secret or
// a state value. It is [secret.Secret]: printers and logs redact it, and
// encoders fail on it.
type Secret = secret.Secret

// NewSecret wraps value, byte for byte. It keeps a copy.
func NewSecret[T string | []byte](value T) Secret { return secret.New(value) }

// App identifies an OAuth 2.0 (3LO) app of the Atlassian developer console.
type App struct {
	ClientID     string
	ClientSecret Secret
}

// Token is the answer to a successful token request.
type Token struct {
	// Access is the access token. It is empty only where the answer to a refresh had a
	// successor beside an access token that is missing or damaged.
	Access Secret
	// Refresh is the successor of the presented refresh token. It is empty if the
	// answer had none or the presented one: the consent lacked offline_access, or a
	// rotation kept the old token (one report, CDAC 54555).
	Refresh Secret
	// ExpiresIn is how long the access token lives from the moment of the answer:
	// one second to one day, or 0.
	//
	// It is normally the answer's expires_in. It is the lifetime in the token's own
	// claims if that is more than a minute shorter, or if expires_in is invalid.
	// Without claims it is the documented hour at most.
	//
	// 0 means that Access is empty, or that expires_in was below a second and the token
	// has no claims that say more. The token may be expired already. Refresh soon, but
	// not in a loop, since the next answer may say the same.
	ExpiresIn time.Duration
	// ExpiresInAssumed reports whether ExpiresIn is something else than the answer's
	// expires_in.
	ExpiresInAssumed bool
	// Scopes are the granted ones, in the answer's order; nil if it named none.
	Scopes []string
}

// ExpiresAt is when the access token expires, given when the answer came. The time
// of the request may be given instead: the result is then a moment early, which is
// safe. If ExpiresIn is 0, it is at itself: the token may be expired. It says nothing if
// Access is empty.
func (t Token) ExpiresAt(at time.Time) time.Time { return at.Add(t.ExpiresIn) }

// errNotEncoded is the error of encoding a Token.
var errNotEncoded = errors.New("a Token cannot be encoded as a whole, since its tokens would be lost: " +
	"encode the values of Access.Reveal(), Refresh.Reveal() and ExpiresAt, and store them where secrets belong")

// MarshalJSON fails. A Token that was stored with redacted secrets would be a lost
// family, and nobody would notice. Encode a type of your own with the values of
// Reveal.
func (t Token) MarshalJSON() ([]byte, error) { return nil, errNotEncoded }
