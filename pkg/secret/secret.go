// Package secret has a type for credentials. Printers and logs cannot show it, and
// encoders refuse it. The package needs the standard library only.
//
//	token := secret.New(value)
//	fmt.Println(token)           // [redacted]
//	slog.Info("got", "t", token) // t=[redacted]
//	json.Marshal(token)          // fails: a stored "[redacted]" is a lost token
//	send(token.Reveal())         // the value
package secret

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// redacted is what a Secret shows in place of its value.
const redacted = "[redacted]"

// Secret holds a credential: a token, an authorization code, a client secret or a
// state value. Printers and logs (fmt, slog) show "[redacted]". Only Reveal and
// AppendReveal return the value. The zero Secret is empty.
//
// A Secret cannot be encoded (JSON, XML, gob, text). An encoded value is meant to be
// read again, and a stored "[redacted]" would be a lost credential that nobody
// notices. A Secret cannot be decoded from JSON or text either: wrap the string
// with New.
//
// Two Secrets are equal under == if their values are equal. The comparison does not
// take constant time.
type Secret struct {
	// masked is the value XORed with pad. For a Secret in an unexported field of
	// another struct, and for the verb %p, fmt calls no method but prints this field.
	// So it must not be the value. XOR keeps == correct.
	masked string
}

// pad masks Secrets. Each process generates a new one. It is as long as the largest
// parameter that can be stored. So a known part of a token, such as the head of a
// JWT, reveals nothing about the other parts. It prevents accidental printing. It
// does not protect against somebody who reads the process's memory.
var pad = sync.OnceValue(func() []byte {
	p := make([]byte, 8192)
	_, _ = rand.Read(p) // it never fails: it ends the process instead
	return p
})

// appendMasked masks a value, or unmasks a masked one, and appends the result.
func appendMasked(dst []byte, s string) []byte {
	at := len(dst)
	dst = append(dst, s...)
	for pad := pad(); at < len(dst); at += len(pad) {
		subtle.XORBytes(dst[at:], dst[at:], pad)
	}
	return dst
}

// mask masks a value, or unmasks a masked one. It copies by parts that fit on the stack,
// so that the result is the only thing that is allocated.
func mask[T string | []byte](s T) string {
	var b strings.Builder
	b.Grow(len(s))
	var part [256]byte
	for pad, at := pad(), 0; at < len(s); at += len(part) {
		n := copy(part[:], s[at:])
		subtle.XORBytes(part[:n], part[:n], pad[at%len(pad):])
		b.Write(part[:n])
	}
	return b.String()
}

// New wraps value, byte for byte. It keeps a copy.
func New[T string | []byte](value T) Secret { return Secret{masked: mask(value)} }

// Reveal returns the value, which is then not protected any more. Call it only
// where the value is sent or stored.
func (s Secret) Reveal() string { return mask(s.masked) }

// AppendReveal appends the value to dst. It lets a caller read a value without a new
// string for it.
func (s Secret) AppendReveal(dst []byte) []byte { return appendMasked(dst, s.masked) }

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.masked == "" }

// Len is the length of the value in bytes. It is safe to print.
func (s Secret) Len() int { return len(s.masked) }

// String implements fmt.Stringer and never shows the value.
func (s Secret) String() string { return redacted }

// GoString implements fmt.GoStringer and never shows the value.
func (s Secret) GoString() string { return redacted }

// Format implements fmt.Formatter: every verb and flag prints "[redacted]".
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// errEncoded is the error of every encoding of a Secret.
var errEncoded = errors.New("a Secret cannot be encoded, since it would be stored as " + redacted + " and lost: " +
	"encode what Reveal returns if that is meant, or leave the field out")

// MarshalJSON implements json.Marshaler and always fails.
func (s Secret) MarshalJSON() ([]byte, error) { return nil, errEncoded }

// MarshalText implements encoding.TextMarshaler and always fails.
func (s Secret) MarshalText() ([]byte, error) { return nil, errEncoded }

// LogValue implements slog.LogValuer and never shows the value.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
