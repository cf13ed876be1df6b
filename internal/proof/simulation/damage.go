package simulation

import (
	"encoding/base64"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// damages are the ways in which people were seen to spoil a value that they
// meant to paste: each makes another text of it.
var damages = [...]func(string) string{
	func(s string) string { return s[:len(s)-4] },
	func(s string) string { return s[:len(s)/2] },
	func(s string) string { return s[3:] },
	func(s string) string { return "'" + s + "'" },
	func(s string) string { return `"` + s + `"` },
	func(s string) string { return "`" + s + "`" },
	func(s string) string { return "‹" + s + "›" },
	func(s string) string { return "<" + s + ">" },
	func(s string) string { return s + `\n` },
	func(s string) string { return s + "%0A" },
	func(s string) string { return s + "\n" },
	func(s string) string { return " " + s + " \r\n" },
	func(s string) string { return s + "," },
	func(s string) string { return s + ";" },
	func(s string) string { return s + "%" },
	func(s string) string { return "refresh_token=" + s },
	func(s string) string { return `{"refresh_token":"` + s + `"}` },
	func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	func(s string) string { return s[:len(s)/2] + "\n" + s[len(s)/2:] },
	func(s string) string { return s[:len(s)/2] + " " + s[len(s)/2:] },
	func(s string) string { return s + s },
	func(s string) string { return strings.ToLower(s) },
	func(s string) string { return s[:len(s)-1] + flip(s[len(s)-1]) },
	func(s string) string { return "\ufeff" + s },
	func(s string) string { return "Bearer " + s },
}

// flip gives a letter that is not the given one, in a place where it matters. The
// emulator's tokens may end in any number of A.
func flip(c byte) string {
	if c == 'Q' {
		return "A"
	}
	return "Q"
}

// damaged is the n-th damaged form of a value.
func damaged(value atlassian.Secret, n uint64) atlassian.Secret {
	text := value.Reveal()
	if len(text) < 8 {
		return placeholder(n)
	}
	return atlassian.NewSecret(strings.ToValidUTF8(damages[n%uint64(len(damages))](text), "?")) // what is damaged twice
}

// placeholders stand where nobody has put a value yet, or took one away.
var placeholders = [...]string{"fill me", "CHANGE_ME", "null", "None", "undefined", "****", "$REFRESH_TOKEN", "x", "TODO", "${refresh_token}"}

func placeholder(n uint64) atlassian.Secret {
	return atlassian.NewSecret(placeholders[n%uint64(len(placeholders))])
}
