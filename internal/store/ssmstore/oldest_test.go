package ssmstore

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzOldestVersion compares the search by hand with a regular expression.
func FuzzOldestVersion(f *testing.F) {
	form := regexp.MustCompile(`Version ([0-9]{1,18}), the oldest version`)
	for _, s := range []string{"", "Version 7, the oldest version, has a label", "Version , the oldest version", "Version 1x, the oldest version",
		"a, the oldest version Version 22, the oldest version", "Version Version 3, the oldest version", "Version 1234567890123456789, the oldest version"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := ""
		if found := form.FindStringSubmatch(s); found != nil {
			want = found[1]
		}
		require.Equal(t, want, oldestVersion(s))
	})
}
