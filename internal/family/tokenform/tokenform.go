// Package tokenform decides by its form whether a text can be an OAuth token. So a
// text that was stored in a token's place by mistake is found before it is
// presented. It never shows the text.
package tokenform

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// tokenCharacters are those of a b64token (RFC 6750 section 2.1), and the colon
// and bar that some servers use. "=" is allowed at the end.
const tokenCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/:|"

// leastToken is the length in bytes below which nothing is taken for a token.
const leastToken = 16

// Problem says why a text cannot be a token, as a clause for people; "" if it can
// be one. When in doubt it can be: only the server knows its tokens.
func Problem(text string) string {
	if placeholder(text) {
		return "it is a placeholder, not a token"
	}
	if clean := Clean(text); clean != text && len(clean) >= leastToken && strings.Trim(clean, tokenCharacters) == "" {
		return "it holds a token with other characters around it: store the token alone, without quotes, names or line ends"
	}
	if rest := strings.Trim(strings.TrimRight(text, "="), tokenCharacters); rest != "" {
		return "it holds characters that no token has: store the value of refresh_token alone"
	}
	switch {
	case len(text) < leastToken:
		return fmt.Sprintf("it has %d characters, and no token is so short", len(text))
	case strings.HasPrefix(text, "eyJ") && !whole(text):
		return "it is a damaged token: a part of it is missing"
	case strings.HasPrefix(Decoded(text), "eyJ") && whole(Decoded(text)):
		return "it is the Base64 form of a token: store the token itself"
	}
	return ""
}

// placeholders are what people and programs write where a secret belongs,
// without case and without what is around the word.
var placeholders = []string{"fillme", "changeme", "replaceme", "null", "nil", "none", "undefined", "todo", "tbd",
	"placeholder", "redacted", "sensitive", "sensitivevalue", "empty", "secret", "token", "refreshtoken", "yourrefreshtoken", "example", "test", "dummy"}

func placeholder(token string) bool {
	if strings.HasPrefix(token, "$") || strings.Trim(token, token[:1]) == "" {
		return true // a variable that was not replaced, or one character repeated
	}
	word := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(token))
	return len(token) < 2*leastToken && (word == "" && len(token) < leastToken || slices.Contains(placeholders, word))
}

// Clean returns a text without what people paste around a token: quotes, brackets,
// punctuation, line ends written as text, and a name before it.
func Clean(token string) string {
	if _, value, named := strings.Cut(token, "="); named && strings.TrimLeft(value, "=") != "" {
		token = value
	} else if name, value, named := strings.Cut(token, ":"); named && strings.Contains(strings.ToLower(name), "token") {
		token = value
	}
	for before := ""; before != token; {
		before = token
		for _, end := range []string{`\n`, `\r`, "%0A", "%0a", "%0D", "%0d", "%20"} {
			token = strings.TrimSuffix(token, end)
		}
		token = strings.Trim(token, " \t\r\n\"'`“”‘’‹›«»<>{}[]();,%&")
	}
	return token
}

// signatures are the sizes of a JWT's signature in bytes, by algorithm (RFC 7518
// section 3.1, RFC 8037); those of an RSA key are multiples of 64.
var signatures = map[string]int{"HS256": 32, "HS384": 48, "HS512": 64, "ES256": 64, "ES384": 96, "ES512": 132, "EdDSA": 64}

// whole reports whether a text that begins as a JWT may be one. A text that it does
// not understand may still be a token.
func whole(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) < 3 {
		return false
	}
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	var h struct {
		Alg string `json:"alg"`
	}
	if err != nil || json.Unmarshal(header, &h) != nil {
		return len(parts) != 3
	}
	if _, ok := atlassian.Claims(atlassian.NewSecret(token)); !ok {
		return true
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	switch size := signatures[h.Alg]; {
	case err != nil:
		return false
	case size > 0:
		return len(signature) == size
	case strings.HasPrefix(h.Alg, "RS"), strings.HasPrefix(h.Alg, "PS"):
		return len(signature) >= 128 && len(signature)%64 == 0
	}
	return true
}

// Decoded is the decoded Base64 text; "" if the text is not Base64.
func Decoded(text string) string {
	plain := strings.TrimRight(text, "=")
	for _, form := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := form.DecodeString(plain); err == nil {
			return strings.TrimSpace(string(b))
		}
	}
	return ""
}
