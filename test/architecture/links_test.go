package architecture

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+?) *$`)
	fenced  = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
)

// anchor is the one that GitHub gives a heading.
func anchor(heading string) string {
	kept := func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', r >= '0' && r <= '9', r >= 'a' && r <= 'z', r > 127:
			return r
		}
		return -1
	}
	text := link.ReplaceAllString(strings.ReplaceAll(heading, "[", ""), "")
	return strings.Map(kept, strings.ToLower(text))
}

// brokenLinks of a document: relative links to a file, or a heading in it, that
// does not exist. read returns a file's content.
func brokenLinks(path, text string, read func(path string) (string, error)) (broken []string) {
	for _, found := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		target, fragment, _ := strings.Cut(found[1], "#")
		if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
			continue
		}
		content, at := text, path
		if target != "" {
			at = filepath.Join(filepath.Dir(path), target)
			var err error
			if content, err = read(at); err != nil {
				broken = append(broken, fmt.Sprintf("%s links to %s, which does not exist", path, found[1]))
				continue
			}
		}
		if fragment == "" || filepath.Ext(at) != ".md" {
			continue
		}
		exists := strings.Contains(content, `<a id="`+fragment+`">`)
		for _, h := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(content, ""), -1) {
			exists = exists || anchor(h[1]) == fragment
		}
		if !exists {
			broken = append(broken, fmt.Sprintf("%s links to %s, where there is no such heading", path, found[1]))
		}
	}
	return broken
}

// TestLinks: every relative link of every document leads somewhere.
func TestLinks(t *testing.T) {
	read := func(path string) (string, error) {
		info, err := os.Stat(filepath.Join(root, path))
		if err != nil || info.IsDir() {
			return "", err
		}
		content, err := os.ReadFile(filepath.Join(root, path))
		return string(content), err
	}
	documents := 0
	var broken []string
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() && (rel == "build" || strings.HasPrefix(entry.Name(), ".") && rel != "." && rel != ".github") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			documents++
			text, err := read(rel)
			require.NoError(t, err)
			broken = append(broken, brokenLinks(rel, text, read)...)
		}
		return nil
	}))
	require.Greater(t, documents, 10)
	require.Empty(t, broken, strings.Join(broken, "\n"))
}

func TestLinksAreNotBlind(t *testing.T) {
	files := map[string]string{"docs/a.md": "# An `A`: b_c\n<a id=\"here\"></a>\n```\n# No heading\n```\n", "x.go": ""}
	read := func(path string) (string, error) {
		text, ok := files[path]
		if !ok {
			return "", os.ErrNotExist
		}
		return text, nil
	}
	for _, tt := range []struct {
		text   string
		broken int
	}{
		{"[a](../docs/a.md), [a](a.md#an-a-b_c), [a](a.md#here), [x](../x.go#L1), [b](https://b/c)", 0},
		{"[a](b.md) and [a](/docs/a.md)", 2},
		{"[a](a.md#no-heading) and [self](#none)", 2},
		{"# Self\n[self](#self)\n```\n[code](nowhere)\n```\n", 0},
	} {
		require.Len(t, brokenLinks("docs/b.md", tt.text, read), tt.broken, tt.text)
	}
}

// TestMap: README names every folder that a newcomer meets first, and no other.
func TestMap(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	_, folders, found := strings.Cut(string(text), "## Where things are")
	require.True(t, found)
	for row := range strings.SplitSeq(folders, "\n| ") {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(strings.SplitN(row, " | ", 2)[0], -1) {
			_, err := os.Stat(filepath.Join(root, name[1]))
			require.NoError(t, err, "README's map of folders names %s", name[1])
		}
	}
	for _, parent := range []string{".", "functions", "internal", "pkg", "cmd"} {
		entries, err := os.ReadDir(filepath.Join(root, parent))
		require.NoError(t, err)
		for _, entry := range entries {
			name := filepath.Join(parent, entry.Name())
			holders := parent == "." && slices.Contains([]string{"build", "functions", "internal", "pkg", "cmd"}, name)
			if entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") && !holders {
				require.Contains(t, folders, "`"+name+"`", "README's map of folders misses %s", name)
			}
		}
	}
}
