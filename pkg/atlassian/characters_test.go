package atlassian

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// The regular expressions say what the hand-written checks accept.
var (
	pathForm    = regexp.MustCompile(`^(?:[A-Za-z0-9/?:@!$&'()*+,;=._~-]|%[0-9A-Fa-f]{2})*$`)
	escapeForm  = regexp.MustCompile(`(?i)%(?:2f|2e|5c|25|7f|[01][0-9a-f])`)
	reasonForm  = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,100}$`)
	codeForm    = regexp.MustCompile(`^[a-z_]{1,40}$`)
	decimalForm = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
)

// FuzzCharacters compares the hand-written checks with the regular expressions.
func FuzzCharacters(f *testing.F) {
	for _, s := range []string{"", "/ex/jira/{x}", "/a%20b", "/a%2fb", "/a%2F", "/%", "/%1", "/%zz", "/%5C%25", "%%20", "/a%7f%00%1f%20", "/é", "/\xff",
		"jira-quota-global-based", "invalid_grant", "Invalid", "_", "3600", "-5", "1e9999", "1.5e-3", "0x10", "Inf", "1_000", "1e", "--5", ".", "5.", "\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		require.Equal(t, pathForm.MatchString(s), pathCharacters(s))
		if pathForm.MatchString(s) {
			require.Equal(t, escapeForm.MatchString(s), ambiguousEscape(s))
		}
		require.Equal(t, reasonForm.MatchString(s), len(s) <= maxShortHeader && made(s, letters+digits+"_.:-"))
		require.Equal(t, codeForm.MatchString(s), len(s) <= maxCode && made(s, lower+"_"))
		n, ok := decimal(s)
		if decimalForm.MatchString(s) {
			require.True(t, ok)
			want, _ := strconv.ParseFloat(s, 64)
			require.Equal(t, want, n)
		} else if ok { // not JSON, but a number
			require.Regexp(t, `^[+-]?([0-9]+\.?|[0-9]*\.[0-9]+)([eE][+-]?[0-9]+)?$`, s)
		}
	})
}
