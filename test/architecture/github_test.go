package architecture

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// read is a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return string(text)
}

// TestWorkflowsCallMake: what GitHub runs can be run by anybody, since it is the
// Makefile's. actionlint checks the rest.
func TestWorkflowsCallMake(t *testing.T) {
	workflows, err := filepath.Glob(filepath.Join(root, ".github/workflows/*.yml"))
	require.NoError(t, err)
	require.Len(t, workflows, 3)
	makefile := read(t, "Makefile")
	targets := regexp.MustCompile(`(?m)^ *- run: make ([a-z-]+)`)
	for _, path := range workflows {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		called := targets.FindAllStringSubmatch(string(text), -1)
		require.NotEmpty(t, called, path)
		for _, target := range called {
			require.Contains(t, makefile, "\n"+target[1]+":", "%s calls a target that is not there", path)
		}
		require.Contains(t, string(text), "\npermissions:\n  contents: read\n", "%s: what a job needs more it asks for by itself", path)
	}
}

// TestUpdatesLookSomewhere: every folder that dependabot is sent to has a file of
// its kind, and every such file of the repository is seen.
func TestUpdatesLookSomewhere(t *testing.T) {
	var config struct {
		Updates []struct {
			Ecosystem   string `yaml:"package-ecosystem"`
			Directory   string
			Directories []string
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, ".github/dependabot.yml")), &config))
	seen := map[string]bool{}
	files := map[string]string{"gomod": "go.mod", "pip": "requirements.txt", "npm": "package.json", "maven": "pom.xml", "docker": "Dockerfile", "github-actions": ".github/workflows"}
	for _, update := range config.Updates {
		require.Contains(t, files, update.Ecosystem)
		for _, directory := range append(update.Directories, update.Directory) {
			if directory != "" {
				path := strings.TrimPrefix(filepath.Join(directory, files[update.Ecosystem]), "/")
				require.FileExists(t, filepath.Join(root, path, map[bool]string{true: "test.yml"}[update.Ecosystem == "github-actions"]))
				seen[path] = true
			}
		}
	}
	for path := range sources(t) {
		module := filepath.Join(filepath.Dir(path), "go.mod")
		if _, err := os.Stat(filepath.Join(root, module)); err == nil {
			require.True(t, seen[module], "%s gets no updates", module)
		}
	}
}

// TestForms: GitHub ignores a form that it cannot read, and says so to nobody.
func TestForms(t *testing.T) {
	for _, name := range []string{"problem", "idea"} {
		var form struct {
			Name, Description string
			Labels            []string
			Body              []struct {
				Type, ID    string
				Attributes  map[string]any
				Validations map[string]bool
			}
		}
		decoder := yaml.NewDecoder(strings.NewReader(read(t, ".github/ISSUE_TEMPLATE/"+name+".yml")))
		decoder.KnownFields(true)
		require.NoError(t, decoder.Decode(&form))
		require.NotEmpty(t, form.Name)
		require.NotEmpty(t, form.Description)
		ids := map[string]bool{}
		for _, element := range form.Body {
			if element.Type == "markdown" {
				require.NotEmpty(t, element.Attributes["value"])
				continue
			}
			require.Contains(t, []string{"textarea", "input", "dropdown"}, element.Type)
			require.NotEmpty(t, element.Attributes["label"])
			require.Equal(t, element.Type == "dropdown", element.Attributes["options"] != nil)
			require.NotEmpty(t, element.ID)
			require.False(t, ids[element.ID], "two elements are named %s", element.ID)
			ids[element.ID] = true
		}
	}
}
