package family

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Fingerprint is the first 12 hex digits of a secret's SHA-256: the only form
// in which a token may appear outside the store.
type Fingerprint string

// FingerprintOf returns the fingerprint of a secret; of an empty one, "".
func FingerprintOf(s atlassian.Secret) Fingerprint {
	if s.IsZero() {
		return ""
	}
	var stack [1024]byte
	sum := sha256.Sum256(s.AppendReveal(stack[:0]))
	return Fingerprint(hex.EncodeToString(sum[:6]))
}
