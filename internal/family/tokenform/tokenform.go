// Package tokenform decides by its form whether a text can be an OAuth token. So a
// text that was stored in a token's place by mistake is found before it is
// presented. It never shows the text.
package tokenform

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// tokenCharacters are those of a b64token (RFC 6750 section 2.1), and the colon and bar of some
// servers. "=" may stand at the end.
const tokenCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/:|"

// leastToken is the length in bytes below which nothing is taken for a token.
const leastToken = 16

// ciphertext is how the Base64 form of what AWS KMS has encrypted begins.
const ciphertext = "AQICAH"

// Problem says why a text cannot be a token, as a clause for people; "" if it can
// be one. When in doubt it can be: only the server knows its tokens.
func Problem(text string) string {
	clean, bare := Clean(text), strings.TrimRight(withoutChecksum(text), "=")
	switch {
	case address(text):
		return "it is an address, not a token: store the value of refresh_token alone"
	case placeholder(text):
		return "it is a placeholder, not a token"
	case clean != text && len(clean) >= leastToken && strings.Trim(clean, tokenCharacters) == "":
		return "it holds a token with other characters around it: store the token alone, without quotes, names or line ends"
	case strings.Trim(bare, tokenCharacters) != "":
		return "it holds characters that no token has: store the value of refresh_token alone"
	case strings.HasPrefix(text, ciphertext) && len(text) > 9*leastToken:
		return "it is encrypted by AWS KMS: store the token itself"
	case len(text) < leastToken:
		return fmt.Sprintf("it has %d characters, and no token is so short", len(text))
	case encodes(text, begin):
		return "it is the Base64 form of a token: store the token itself"
	case damaged(text), strings.Contains(text, "..."):
		return "it is a damaged token: copy the whole value again"
	}
	return ""
}

// address reports whether a text tells where a secret is.
func address(text string) bool {
	return strings.Contains(text, "://") || strings.Contains(text, "/secrets/") || strings.HasPrefix(text, "arn:")
}

// longestChecksum is the length of a checksum with the "=" before it, in bytes.
const longestChecksum = 9

// withoutChecksum is a text without the checksum in which Atlassian's API tokens end.
func withoutChecksum(text string) string {
	at := max(0, strings.LastIndexByte(text, '='))
	if sum := text[at:]; at >= leastToken && len(sum) <= longestChecksum && strings.Trim(sum[1:], tokenCharacters) == "" {
		return text[:at]
	}
	return text
}

// placeholders are what people and programs write in the place of a secret, in small letters and
// without what is around the word.
var placeholders = []string{"fillme", "changeme", "replaceme", "null", "nil", "none", "undefined", "todo", "tbd",
	"placeholder", "redacted", "sensitive", "sensitivevalue", "empty", "secret", "token", "refreshtoken", "yourrefreshtoken", "example", "test", "dummy"}

func placeholder(token string) bool {
	if strings.HasPrefix(token, "$") || strings.Trim(token, token[:min(1, len(token))]) == "" {
		return true // a variable that was not replaced, or one character repeated
	}
	word := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(token))
	return len(token) < 2*leastToken && (word == "" && len(token) < leastToken || slices.Contains(placeholders, word)) || worded(token)
}

// worded reports whether a text consists of words, such as "your-refresh-token-here" or the name
// of a parameter. A word is in capital or small letters; a number may follow it.
func worded(text string) bool {
	const (
		letters, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
		most            = leastToken // of a word: a random text has no separators, or digits and both cases
	)
	words := strings.FieldsFunc(text, func(r rune) bool { return !strings.ContainsRune(digits+letters, unicode.ToLower(r)) })
	return len(words) > 1 && !slices.ContainsFunc(words, func(w string) bool {
		word := strings.TrimRight(w, digits)
		small := strings.ToLower(word)
		cased := word == small || word == strings.ToUpper(word) || word[1:] == small[1:]
		return len(word) > most || len(w)-len(word) > 4 || !cased || strings.Trim(word, letters+strings.ToUpper(letters)) != ""
	})
}

// Clean returns a text without what people paste around a token: a name, quotes, brackets,
// punctuation, and line ends written as text.
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
		token = strings.Trim(token, "\ufeff \t\r\n\"'`“”‘’‹›«»<>{}[]();,%&")
	}
	return token
}
