package atlassian

import "strings"

// These checks are written by hand, and not as regular expressions: compiling
// those took a third of the time in which the function starts.

// Sets of characters.
const (
	lower   = "abcdefghijklmnopqrstuvwxyz"
	letters = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
)

// made reports whether s consists of characters of a set, and of one at least.
func made(s, set string) bool { return s != "" && strings.Trim(s, set) == "" }

// pathCharacters reports whether s has only characters of a path and query (RFC
// 3986 section 3.3 and 3.4), with "%" before two hexadecimal digits.
func pathCharacters(s string) bool {
	for i, part := range strings.Split(s, "%") {
		if i > 0 {
			if _, ok := escape(part); !ok {
				return false
			}
		}
		if part != "" && !made(part, letters+digits+"/?:@!$&'()*+,;=._~-") {
			return false
		}
	}
	return true
}

// ambiguousEscape finds escapes that some servers decode before and others after
// they look for segments: of slash, dot, backslash, percent and controls.
func ambiguousEscape(s string) bool {
	for i, part := range strings.Split(s, "%") {
		if i == 0 {
			continue
		}
		if c, ok := escape(part); ok && (c < 0x20 || c == 0x7f || strings.IndexByte(`/.\%`, c) >= 0) {
			return true
		}
	}
	return false
}

// escape reads the two hexadecimal digits that s begins with.
func escape(s string) (c byte, ok bool) {
	if len(s) < 2 {
		return 0, false
	}
	high, ok1 := hexDigit(s[0])
	low, ok2 := hexDigit(s[1])
	return high<<4 | low, ok1 && ok2
}

func hexDigit(c byte) (value byte, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}
