package tokenform

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// begin is how a JWT begins: the Base64 form of {".
const begin = "eyJ"

// damaged reports whether a text was a JWT and is none any more. A part is missing, something
// stands before or after it, its case was changed, or it stands backwards.
func damaged(text string) bool {
	_, claims := atlassian.Claims(atlassian.NewSecret(text))
	switch at := strings.Index(text, begin); {
	case at == 0, claims:
		return !whole(text) && (strings.Contains(text, ".") || beginsJSON(text))
	case at > 0:
		_, claims = atlassian.Claims(atlassian.NewSecret(text[at:]))
		return claims && whole(text[at:])
	}
	return strings.EqualFold(text[:len(begin)], begin) && strings.Count(text, ".") >= 2 || whole(backwards(text))
}

// Within is the JWT in a text, perhaps cut off; "" without one.
func Within(text string) string {
	at := strings.Index(text, begin)
	if at < 0 {
		return ""
	}
	jwt := text[at:]
	if end := strings.IndexFunc(jwt, func(r rune) bool { return !strings.ContainsRune(tokenCharacters, r) }); end >= 0 {
		return jwt[:end]
	}
	return jwt
}

// beginsJSON reports whether a text begins like a JWT's header: its Base64 form is plain
// text. An opaque token may begin with eyJ by chance.
func beginsJSON(text string) bool {
	header, err := base64.RawURLEncoding.DecodeString(text[:min(len(text), leastToken)])
	return err != nil || !slices.ContainsFunc(header, func(b byte) bool { return b < ' ' || b > '~' })
}

// signatures are the sizes of a JWT's signature in bytes, by algorithm (RFC 7518
// section 3.1, RFC 8037); those of an RSA key are multiples of 64.
var signatures = map[string]int{"HS256": 32, "HS384": 48, "HS512": 64, "ES256": 64, "ES384": 96, "ES512": 132, "EdDSA": 64}

// whole reports whether a text that looks like a JWT may be one. When in doubt it may.
func whole(token string) bool {
	parts := strings.Split(token, ".")
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	var h struct {
		Alg string `json:"alg"`
		Enc string `json:"enc"`
	}
	switch {
	case len(parts) < 3, err != nil, json.Unmarshal(header, &h) != nil:
		return false
	case h.Enc != "":
		return len(parts) == 5 // it is encrypted (RFC 7516)
	case h.Alg != "" && len(parts) > 3:
		return false // another follows it
	}
	if _, ok := atlassian.Claims(atlassian.NewSecret(token)); !ok {
		return !strings.HasPrefix(parts[1], begin)
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
