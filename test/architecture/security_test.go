package architecture

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// testName is how docs/security.md names a test.
var testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`")

// TestSecurityNamesTests: each test that docs/security.md relies on exists, and
// each threat has one.
func TestSecurityNamesTests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/security.md"))
	require.NoError(t, err)
	var all strings.Builder
	for path, source := range sources(t) {
		if strings.HasSuffix(path, "_test.go") {
			_, _ = all.Write(source)
		}
	}
	named := testName.FindAllSubmatch(text, -1)
	require.NotEmpty(t, named)
	for _, name := range named {
		require.Contains(t, all.String(), "func "+string(name[1])+"(", "docs/security.md names a test that does not exist")
	}
	_, threats, found := strings.Cut(string(text), "## Threats")
	require.True(t, found)
	threats, _, _ = strings.Cut(threats, "\n## ")
	rows := 0
	for line := range strings.Lines(threats) {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| what ") {
			require.Regexp(t, testName, line, "a threat without a test")
			rows++
		}
	}
	require.Greater(t, rows, 10)
}
