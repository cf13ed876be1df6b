package template

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRunbook: every alarm has its entry, and every entry its five answers.
func TestRunbook(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/runbook.md"))
	require.NoError(t, err)
	s, err := deploy(transformed(t), scenario{})
	require.NoError(t, err)
	entries := map[string]string{}
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		title, body, _ := strings.Cut(section, "\n")
		// As GitHub makes an anchor of a heading.
		anchor := strings.ReplaceAll(strings.ToLower(regexp.MustCompile("[^A-Za-z0-9 -]").ReplaceAllString(title, "")), " ", "-")
		entries[anchor] = body
	}
	linked := map[string]string{"NoChangeRule": "no-change"}
	for id, w := range expectedAlarms(s) {
		linked[id] = w.entry
	}
	for id, entry := range linked {
		require.Contains(t, entries, entry, "%s links to an entry that is not there", id)
		for _, question := range []string{"**You see**", "**Why**", "**Confirm**", "**Mend**", "**If you sleep on it**"} {
			require.Contains(t, entries[entry], question, "the entry %s", entry)
		}
		require.Regexp(t, "(?s)\\*\\*Confirm\\*\\*.*?(```|`[a-z]).*\\*\\*Mend\\*\\*", entries[entry], "the entry %s confirms by a command", entry)
	}
}
