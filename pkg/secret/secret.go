// Package secret has a type for credentials that printers and logs cannot show
// and encoders refuse to store. It needs the standard library only.
//
//	token := secret.New(value)
//	fmt.Println(token)           // [redacted]
//	slog.Info("got", "t", token) // t=[redacted]
//	json.Marshal(token)          // fails: "[redacted]" in a file is a token lost
//	send(token.Reveal())         // the value
package secret

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// redacted is all that anything but Reveal ever shows of a Secret.
const redacted = "[redacted]"

// Secret holds a credential: a token, an authorization code, a client secret
// or a state value. However it is printed or logged (fmt, slog), it shows
// "[redacted]"; only Reveal gives the value. The zero Secret is empty.
//
// Encoding one (JSON, XML, gob, text) fails. Whoever encodes a value means to
// read it again, and "[redacted]" in its place is a credential that is lost
// without a sound. A Secret cannot be read from JSON or text either: wrap the
// string with New.
//
// Two Secrets are equal under == when their values are; the comparison does
// not take constant time.
type Secret struct {
	// masked is the value XORed with pad. fmt calls no method of a Secret in an
	// unexported field of another struct, nor under %p: it prints this field,
	// which therefore must not be the value. XOR keeps == true to the values.
	masked string
}

// pad masks Secrets. It is drawn anew for each process and, as it is as long as
// the largest parameter that can be stored, known parts of a token (the head of
// every JWT) give nothing away of its other parts. It guards against printing
// by accident, not against who reads this process's memory.
var pad = sync.OnceValue(func() []byte {
	p := make([]byte, 8192)
	_, _ = rand.Read(p) // it never fails: it ends the process instead
	return p
})

// appendMasked appends a value masked, or a masked one unmasked.
func appendMasked(dst []byte, s string) []byte {
	at := len(dst)
	dst = append(dst, s...)
	for pad := pad(); at < len(dst); at += len(pad) {
		subtle.XORBytes(dst[at:], dst[at:], pad)
	}
	return dst
}

// mask is appendMasked for a string of its own.
func mask(s string) string {
	var stack [1024]byte
	return string(appendMasked(stack[:0], s))
}

// New wraps value, byte for byte.
func New(value string) Secret { return Secret{masked: mask(value)} }

// Reveal returns the value. Every call is a place where a secret leaves the
// protection of its type: keep them few, at the edge that sends or stores it.
func (s Secret) Reveal() string { return mask(s.masked) }

// AppendReveal appends to dst what Reveal gives: for who looks at a value and
// keeps nothing of it, in memory of his own.
func (s Secret) AppendReveal(dst []byte) []byte { return appendMasked(dst, s.masked) }

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.masked == "" }

// Len is the length of the value in bytes; it is safe to print.
func (s Secret) Len() int { return len(s.masked) }

// String implements fmt.Stringer and never shows the value.
func (s Secret) String() string { return redacted }

// GoString implements fmt.GoStringer and never shows the value.
func (s Secret) GoString() string { return redacted }

// Format implements fmt.Formatter: every verb and flag prints "[redacted]".
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// errEncoded is what every encoding of a Secret fails with.
var errEncoded = errors.New("a Secret is not encoded, since it would be stored as " + redacted + " and lost: " +
	"encode what Reveal returns where that is meant, or leave the field out")

// MarshalJSON implements json.Marshaler and always fails.
func (s Secret) MarshalJSON() ([]byte, error) { return nil, errEncoded }

// MarshalText implements encoding.TextMarshaler and always fails.
func (s Secret) MarshalText() ([]byte, error) { return nil, errEncoded }

// LogValue implements slog.LogValuer and never shows the value.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
