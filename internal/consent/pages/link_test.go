package pages

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzIsLink compares the check by hand with the regular expression that it replaced.
func FuzzIsLink(f *testing.F) {
	form := regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
	for _, s := range []string{"", strings.Repeat("a", 43), strings.Repeat("a", 42) + "=", strings.Repeat("-", 44), strings.Repeat("a", 42) + "\n", strings.Repeat("é", 43)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { require.Equal(t, form.MatchString(s), isLink(s), "%q", s) })
}
