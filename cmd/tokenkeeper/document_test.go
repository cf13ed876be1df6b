package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shellBlock is a fenced block of shell commands in a document.
var shellBlock = regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```")

// documented are the lines of the shell blocks in all documents, by document.
func documented(t *testing.T) map[string][]string {
	t.Helper()
	lines := map[string][]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "deploy/*/*.md", "pkg/*/*.md", ".github/*.md"} {
		paths, err := filepath.Glob(filepath.Join("../..", pattern))
		require.NoError(t, err)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
				joined := strings.ReplaceAll(block[1], "\\\n", " ")
				lines[path] = append(lines[path], strings.Split(joined, "\n")...)
			}
		}
	}
	return lines
}

// TestDocumentedCommands: this program has every command and flag that a document
// shows, and the Makefile every target.
func TestDocumentedCommands(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	commands, targets := 0, 0
	for path, lines := range documented(t) {
		for _, line := range lines {
			line, _, _ = strings.Cut(line, " # ")
			words := strings.Fields(strings.ReplaceAll(line, "'", ""))
			switch {
			case len(words) == 0:
			case words[0] == "make":
				targets++
				require.Contains(t, string(makefile), "\n"+words[1]+":", "%s: %s", path, line)
			case words[0] == "tokenkeeper", words[0] == "build/tokenkeeper", strings.HasPrefix(line, "go run ./cmd/tokenkeeper"):
				commands++
				words = words[1:]
				if words[0] == "run" && len(words) > 1 && words[1] == "./cmd/tokenkeeper" {
					words = words[2:]
				}
				requireCommand(t, path, line, words)
			}
		}
	}
	require.Greater(t, commands, 20)
	require.Greater(t, targets, 5)
}

func requireCommand(t *testing.T, path, line string, args []string) {
	t.Helper()
	root := newRootCommand()
	command, rest, err := root.Find(args)
	require.NoError(t, err, "%s: %s", path, line)
	require.NotSame(t, root, command, "%s: %s", path, line)
	require.NoError(t, command.ParseFlags(rest), "%s: %s", path, line)
	require.NoError(t, command.ValidateArgs(command.Flags().Args()), "%s: %s", path, line)
}
