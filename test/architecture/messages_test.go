package architecture

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// message is a quoted message of ours in docs/troubleshooting.md: the first cell of
// a row outside the browser's table.
var message = regexp.MustCompile(`(?m)^\| "([^"]+)" \|`)

// TestMessagesInTroubleshooting: each message that the page explains is in the code.
func TestMessagesInTroubleshooting(t *testing.T) {
	page := read(t, "docs/troubleshooting.md")
	_, ours, found := strings.Cut(page, "## While you consent")
	require.True(t, found)
	var code strings.Builder
	for path, text := range sources(t) {
		if !strings.HasSuffix(path, "_test.go") {
			code.Write(text)
		}
	}
	messages := message.FindAllStringSubmatch(ours, -1)
	require.Greater(t, len(messages), 15)
	for _, m := range messages {
		require.Contains(t, code.String(), m[1], "docs/troubleshooting.md explains a message that no program says")
	}
}
