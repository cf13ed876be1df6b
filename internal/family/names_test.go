package family_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// FuzzCheckConnection compares the check by hand with the regular expression
// that it replaced.
func FuzzCheckConnection(f *testing.F) {
	form := regexp.MustCompile(`^/?([A-Za-z0-9_.-]+/)*[A-Za-z0-9_.-]*[_./-]$`)
	for _, name := range []string{"", "PSOXY_JIRA_CLOUD_", "/corp/PSOXY_", "corp/PSOXY_", "/", "//", "/a//", "//a_", "/a//b_", "a", "a_b", "_", "a b_", "a_\n", "é_", "/a/", "a/"} {
		f.Add(name)
	}
	f.Add(strings.Repeat("a", 900) + "_")
	f.Fuzz(func(t *testing.T, name string) {
		slash := strings.Contains(name, "/") && !strings.HasPrefix(name, "/")
		want := form.MatchString(name) && len(name) <= 900 && !slash
		require.Equal(t, want, family.CheckConnection(name) == nil, "%q", name)
	})
}
