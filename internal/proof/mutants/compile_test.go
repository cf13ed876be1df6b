package main

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A mutant that does not compile tests nothing. `make mutants` finds that too, but it
// takes a quarter of an hour.
func TestEveryMutantCompiles(t *testing.T) {
	all := mutants()
	folders := map[string]bool{}
	for _, m := range all {
		for _, p := range m.packages() {
			folders[p] = true
		}
	}
	c := newCompiler(t, folders)
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			changed, err := m.apply(root)
			require.NoError(t, err)
			for _, p := range m.packages() {
				require.NoError(t, c.compile(strings.TrimPrefix(p, "./"), changed))
			}
		})
	}
	t.Run("and what does not is found", func(t *testing.T) {
		for _, text := range []string{"package main\n\nfunc f() { x := 1 }", "package main\n\nfunc f() {"} {
			require.Error(t, c.compile("internal/family", sources{"internal/family/broken.go": text}))
		}
	})
}

// compiler checks the types of packages whose imports are compiled already.
type compiler struct {
	fset    *token.FileSet
	imports types.Importer
}

func newCompiler(t *testing.T, folders map[string]bool) compiler {
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}
	for f := range folders {
		args = append(args, f)
	}
	list := exec.CommandContext(t.Context(), "go", args...)
	list.Dir = root
	out, err := list.Output()
	require.NoError(t, err)
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		exports[name] = file
	}
	fset := token.NewFileSet()
	return compiler{fset, importer.ForCompiler(fset, "gc", func(name string) (io.ReadCloser, error) {
		if exports[name] == "" {
			return nil, fmt.Errorf("%s is not compiled", name)
		}
		return os.Open(exports[name])
	})}
}

// compile checks the package in a folder, with the changed files in the place of its own.
func (c compiler) compile(folder string, changed sources) error {
	all := sources{}
	if err := all.add(root, folder); err != nil {
		return err
	}
	for name, text := range changed {
		if path.Dir(name) == folder {
			all[name] = text
		}
	}
	var files []*ast.File
	for name, text := range all {
		file, err := parser.ParseFile(c.fset, filepath.Base(name), text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	_, err := (&types.Config{Importer: c.imports}).Check(folder, c.fset, files, nil)
	return err
}
