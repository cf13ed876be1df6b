package atlassian

import "strings"

// These checks are written by hand because regular expressions cost too much:
// compiling them took a third of the Lambda function's start time.

// Sets of characters.
const (
	lower   = "abcdefghijklmnopqrstuvwxyz"
	letters = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
)

// made reports whether s is not empty and has only characters of a set.
func made(s, set string) bool { return s != "" && strings.Trim(s, set) == "" }

// pathCharacters reports whether s has only characters of a path and query (RFC
// 3986 sections 3.3 and 3.4). Two hexadecimal digits must follow each "%".
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

// ambiguousEscape reports whether s escapes a slash, dot, backslash, percent sign or
// control character. Some servers decode these before they split the path into
// segments, and others after it.
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

// escape reads the two hexadecimal digits at the start of s.
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
