package tokenform

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"
	"unicode/utf8"
)

// mostDecoded is how much of a text is unpacked, in bytes.
const mostDecoded = 64 << 10

// encodes reports whether a text that holds a part was encoded, once or a few times. A random
// text decodes to invalid UTF-8.
func encodes(text, part string) bool {
	for range 8 {
		if text = decoded(text); strings.Contains(text, part) && utf8.ValidString(text) {
			return true
		}
	}
	return false
}

// utf16Marks stand beside the ASCII characters in UTF-16, in which PowerShell encodes.
var utf16Marks = strings.NewReplacer("\x00", "", "\xff\xfe", "", "\xfe\xff", "")

// decoded is the text of which this is the Base64 or hexadecimal form, unpacked if it was packed;
// "" if it is neither.
func decoded(text string) string {
	plain := strings.TrimRight(text, "=")
	for _, decode := range []func(string) ([]byte, error){hex.DecodeString, base64.RawStdEncoding.DecodeString, base64.RawURLEncoding.DecodeString} {
		b, err := decode(plain)
		if err != nil {
			continue
		}
		if z, err := gzip.NewReader(bytes.NewReader(b)); err == nil {
			b, _ = io.ReadAll(io.LimitReader(z, mostDecoded)) // as far as it goes
		}
		return strings.TrimSpace(utf16Marks.Replace(string(b)))
	}
	return ""
}
