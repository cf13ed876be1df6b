package config

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzIsPath compares the check by hand with the regular expression that it replaced.
func FuzzIsPath(f *testing.F) {
	form := regexp.MustCompile(`^(/[A-Za-z0-9_.-]+)+$`)
	for _, s := range []string{"", "/", "/a", "/a/b.c", "a/b", "/a/", "//a", "/a//b", "/a b", "/a\n", "/é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { require.Equal(t, form.MatchString(s), isPath(s), "%q", s) })
}
