package architecture

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxLines a Go file may have: a reader who opens it sees one thing.
const maxLines = 400

// sources are the repository's Go files with their text, by path from its root.
func sources(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() && (rel == "build" || strings.HasPrefix(entry.Name(), ".") && rel != ".") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) == ".go" {
			files[rel], err = os.ReadFile(path)
		}
		return err
	}))
	return files
}

// sourceRules are what every file must keep. Each returns what it finds wrong.
var sourceRules = map[string]func(path string, text []byte, file *ast.File) []string{
	"length":    tooLong,
	"skipping":  skips,
	"documents": undocumented,
}

func TestSources(t *testing.T) {
	files := sources(t)
	require.NotEmpty(t, files[filepath.Join("pkg", "atlassian", "token.go")])
	for path, text := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments)
		require.NoError(t, err)
		for name, rule := range sourceRules {
			found := rule(path, text, file)
			require.Empty(t, found, "%s: %s", name, strings.Join(found, "\n"))
		}
	}
}

// tooLong finds files that nobody reads to their end.
func tooLong(path string, text []byte, _ *ast.File) []string {
	if lines := bytes.Count(text, []byte("\n")); lines > maxLines {
		return []string{fmt.Sprintf("%s has %d lines: expected %d at most; split it by what it is about", path, lines, maxLines)}
	}
	return nil
}

// skips finds tests that may choose not to run. A property test's *rapid.T is
// something else: its Skip discards one generated step, not the test.
func skips(path string, _ []byte, file *ast.File) (found []string) {
	generated := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if f, ok := n.(*ast.Field); ok && isRapidT(f.Type) {
			for _, name := range f.Names {
				generated[name.Name] = true
			}
		}
		return true
	})
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if f, ok := call.Fun.(*ast.SelectorExpr); ok && strings.HasSuffix(path, "_test.go") {
			if of, ok := f.X.(*ast.Ident); ok && generated[of.Name] {
				return true
			}
			switch f.Sel.Name {
			case "Skip", "Skipf", "SkipNow":
				found = append(found, path+" skips a test: make what it needs available, or delete it")
			}
		}
		return true
	})
	return found
}

// isRapidT tells whether a type is *rapid.T.
func isRapidT(e ast.Expr) bool {
	star, ok := e.(*ast.StarExpr)
	if !ok {
		return false
	}
	name, ok := star.X.(*ast.SelectorExpr)
	if !ok || name.Sel.Name != "T" {
		return false
	}
	pkg, ok := name.X.(*ast.Ident)
	return ok && pkg.Name == "rapid"
}

// undocumented finds exported identifiers that a user of the package could not
// understand without reading the code: types, functions, methods, constants
// and variables. The comment of a group serves its members.
func undocumented(path string, _ []byte, file *ast.File) (found []string) {
	if strings.HasSuffix(path, "_test.go") {
		return nil
	}
	complain := func(name string, docs ...*ast.CommentGroup) {
		for _, d := range docs {
			if strings.TrimSpace(d.Text()) != "" {
				return
			}
		}
		found = append(found, fmt.Sprintf("%s: %s is exported and has no comment: say what it means", path, name))
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && exportedReceiver(d) {
				complain(d.Name.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() {
						complain(s.Name.Name, d.Doc, s.Doc, s.Comment)
					}
				case *ast.ValueSpec:
					for _, name := range s.Names {
						if name.IsExported() {
							complain(name.Name, d.Doc, s.Doc, s.Comment)
						}
					}
				}
			}
		}
	}
	return found
}

// exportedReceiver: a method counts when its type can be named from outside.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if index, ok := t.(*ast.IndexExpr); ok {
		t = index.X
	}
	name, ok := t.(*ast.Ident)
	return ok && name.IsExported()
}

func TestSourceRulesAreNotBlind(t *testing.T) {
	for _, tt := range []struct {
		rule, path, text string
		findings         int
	}{
		{"length", "a.go", "package a\n" + strings.Repeat("\n", maxLines-1), 0},
		{"length", "a.go", "package a\n" + strings.Repeat("\n", maxLines), 1},
		{"skipping", "a_test.go", "package a\nfunc f(t T) { t.Fatal(); t.Skip(1) }\n", 1},
		{"skipping", "a_test.go", "package a\nfunc f(t T) { if x { t.Skipf(``) }; t.SkipNow() }\n", 2},
		{"skipping", "a_test.go", "package a\nfunc f(t T) { t.Run() } // not t.Skip()\n", 0},
		{"skipping", "a_test.go", "package a\nfunc f(t *testing.T) { check(func(rt *rapid.T) { rt.Skip() }); t.Skip() }\n", 1},
		{"documents", "a.go", "package a\n// A is.\ntype A int\n// B does.\nfunc (a *A) B() {}\n// C is.\nconst C = 1\nvar d, e = 1, 2\nfunc f() {}\n", 0},
		{"documents", "a.go", "package a\ntype A int\nfunc (a *A) B() {}\nconst C = 1\nvar D, E = 1, 2\nfunc F() {}\n", 6},
		{"documents", "a.go", "package a\n// The colours.\nconst (\n\tRed = 1\n\tBlue = 2\n)\nconst (\n\tX = 1 // X marks it.\n\tY = 2\n)\n", 1},
		{"documents", "a.go", "package a\ntype t int\nfunc (t) Error() string { return `` }\n", 0},
		{"documents", "a_test.go", "package a\ntype A int\n", 0},
	} {
		file, err := parser.ParseFile(token.NewFileSet(), tt.path, tt.text, parser.ParseComments)
		require.NoError(t, err)
		require.Len(t, sourceRules[tt.rule](tt.path, []byte(tt.text), file), tt.findings, "%s on %s", tt.rule, tt.text)
	}
}
