package tokenform

import (
	"slices"
	"strings"
)

// leastPart is the length in bytes from which a part of the newest token is
// recognised.
const leastPart = 8

// MadeOf says how a text was made of the newest token by mistake, as a clause for
// people; "" if it was not.
func MadeOf(token, own string) string {
	switch {
	case own == "":
		return ""
	case len(token) >= leastPart && len(token) < len(own) && strings.Contains(own, token):
		return "it is a part of the newest token"
	case Clean(token) == own, len(own) >= leastPart && strings.Contains(token, own):
		return "it is the newest token with other characters around it"
	case sameClaims(token, own):
		return "it is a damaged copy of the newest token"
	case edited(token, own):
		return "it is the newest token with other characters in it, or without some"
	case retyped(token, own):
		return "it is the newest token with a few other characters"
	case backwards(token) == own:
		return "it is the newest token, written backwards"
	case len(own) >= leastPart && encodes(token, own):
		return "it is the Base64 form of the newest token"
	}
	return ""
}

// few is how many different characters are a slip. Two tokens differ in more, for they or their
// signatures are random.
const few = 4

// edited reports whether a text is the newest token with characters put in, left out or replaced
// at one place, such as an ellipsis or a line break.
func edited(token, own string) bool {
	shorter := min(len(token), len(own))
	begin, end := 0, 0
	for begin < shorter && token[begin] == own[begin] {
		begin++
	}
	for end < shorter-begin && token[len(token)-1-end] == own[len(own)-1-end] {
		end++
	}
	return shorter > leastPart+few && begin+end >= shorter-few
}

// retyped reports whether only a few characters, or only their case, differ from the newest
// token.
func retyped(token, own string) bool {
	if len(token) != len(own) {
		return false
	}
	differ := 0
	for i := range len(token) {
		if !strings.EqualFold(token[i:i+1], own[i:i+1]) {
			differ++
		}
	}
	return differ <= few
}

// sameClaims reports whether two JWTs have the same claims. Each token has its own, so one of the
// two is damaged.
func sameClaims(token, own string) bool {
	a, b := strings.Split(token, "."), strings.Split(own, ".")
	return len(a) == 3 && len(b) == 3 && a[1] == b[1]
}

func backwards(text string) string {
	b := []byte(text)
	slices.Reverse(b)
	return string(b)
}
