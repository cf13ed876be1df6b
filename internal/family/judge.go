package family

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Judgement is what is believed of a value in REFRESH_TOKEN.
type Judgement int

const (
	// Copied: it is the ledger's own token.
	Copied Judgement = iota
	// Absent: there is no value, or one that stands for none.
	Absent
	// NoToken: it cannot be a refresh token, so it is not presented.
	NoToken
	// Older: it was the newest token once. Presenting it could kill the family.
	Older
	// Candidate: it may be a newer token. Only Atlassian can tell.
	Candidate
)

// Judge judges a value that stands in REFRESH_TOKEN. The reason is a clause for
// people, without a secret; it is empty for a copy and a candidate.
func (s State) Judge(f Field) (j Judgement, reason string) {
	token, own := f.Value.Reveal(), s.Refresh.Reveal()
	fp := FingerprintOf(f.Value)
	switch {
	case token == "":
		return Absent, "it is empty or not filled in"
	case token == own:
		return Copied, ""
	case s.Record.Past.Has(fp):
		return Older, "it is an older token of this connection"
	case s.Record.AuthorizedAtSource == FromConsent && f.Modified.Before(s.Record.AuthorizedAt):
		return Older, "it was stored before the consent that is in use"
	}
	if why := s.malformed(token); why != "" {
		return NoToken, why
	}
	claims, ok := atlassian.Claims(f.Value)
	if !ok {
		return Candidate, ""
	}
	mine, _ := atlassian.Claims(s.Refresh)
	issued := claims.IssuedAt
	switch {
	case claims.TokenType == "ACCESS":
		return NoToken, "it is an access token: store the value of refresh_token"
	case issued.IsZero():
	case chainOf(f.Value) == s.Record.Chain && s.Record.Chain != "" && issued.Before(mine.IssuedAt):
		return Older, "it was issued before the newest token of this family"
	case s.Record.olderConsent(issued):
		return Older, "it was issued before the consent that is in use"
	}
	return Candidate, ""
}

// olderConsent reports whether a token that was issued at the given time comes
// from an earlier consent than the family's own. Of an adopted family only the
// time is known at which its token was stored.
func (r Record) olderConsent(issued time.Time) bool {
	margin := ClockTolerance
	if r.AuthorizedAtSource != FromConsent {
		margin = 24 * time.Hour
	}
	return !r.AuthorizedAt.IsZero() && issued.Before(r.AuthorizedAt.Add(-margin))
}

// tokenCharacters are those of a b64token (RFC 6750 section 2.1), and the colon
// and bar that some servers use. "=" is allowed at the end.
const tokenCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/:|"

// leastToken is the length in bytes below which nothing is taken for a token.
const leastToken = 16

// malformed says why a text cannot be a refresh token; "" if it can be one.
func (s State) malformed(token string) string {
	own := s.Refresh.Reveal()
	if placeholder(token) {
		return "it is a placeholder, not a token"
	}
	if clean := cleaned(token); clean != token {
		switch {
		case clean == own && own != "":
			return "it is the newest token with other characters around it"
		case len(clean) >= leastToken && strings.Trim(clean, tokenCharacters) == "":
			return "it holds a token with other characters around it: store the token alone, without quotes, names or line ends"
		}
	}
	if rest := strings.Trim(strings.TrimRight(token, "="), tokenCharacters); rest != "" {
		return "it holds characters that no token has: store the value of refresh_token alone"
	}
	switch {
	case len(token) < leastToken:
		return fmt.Sprintf("it has %d characters, and no token is so short", len(token))
	case own != "" && len(token) < len(own) && strings.Contains(own, token):
		return "it is a part of the newest token"
	case own != "" && strings.HasPrefix(token, own):
		return "it is the newest token with other characters after it"
	case sameClaims(token, own):
		return "it is a damaged copy of the newest token"
	case strings.HasPrefix(token, "eyJ") && !whole(token):
		return "it is a damaged token: a part of it is missing"
	case encoded(token, own):
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

// cleaned is a text without what people paste around a token: quotes, brackets,
// punctuation, line ends written as text, and a name before it.
func cleaned(token string) string {
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

// sameClaims reports whether two JWTs differ in their signatures only, or in
// what follows the header by its end only.
func sameClaims(token, own string) bool {
	a, b := strings.Split(token, "."), strings.Split(own, ".")
	return len(a) == 3 && len(b) == 3 && a[1] == b[1]
}

// signatures are the sizes of a JWT's signature in bytes, by algorithm (RFC 7518
// section 3.1, RFC 8037); those of an RSA key are multiples of 64.
var signatures = map[string]int{"HS256": 32, "HS384": 48, "HS512": 64, "ES256": 64, "ES384": 96, "ES512": 132, "EdDSA": 64}

// whole reports whether a text that begins as a JWT may be one. What it does not
// understand may be.
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

// encoded reports whether a text is the Base64 form of a token.
func encoded(token, own string) bool {
	plain := strings.TrimRight(token, "=")
	for _, form := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := form.DecodeString(plain); err == nil {
			text := strings.TrimSpace(string(b))
			if text == own && own != "" || strings.HasPrefix(text, "eyJ") && whole(text) {
				return true
			}
		}
	}
	return false
}
