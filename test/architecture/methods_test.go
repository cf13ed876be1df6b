package architecture

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxMethods a type may have. One with more is several types.
const maxMethods = 20

func TestNoTypeHasTooManyMethods(t *testing.T) {
	found, err := crowded(sources(t))
	require.NoError(t, err)
	require.Empty(t, found, strings.Join(found, "\n"))
}

// crowded finds types with too many methods. Those in tests count as well.
func crowded(files map[string][]byte) (found []string, err error) {
	methods := map[string]int{}
	for path, text := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv != nil {
				methods[filepath.ToSlash(filepath.Dir(path))+": "+receiver(f)]++
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(methods)) {
		if n := methods[name]; n > maxMethods {
			found = append(found, fmt.Sprintf("%s has %d methods: expected %d at most; split it by what belongs together", name, n, maxMethods))
		}
	}
	return found, nil
}

// receiver is the name of a method's type, without a pointer and type parameters.
func receiver(f *ast.FuncDecl) string {
	e := f.Recv.List[0].Type
	for {
		switch of := e.(type) {
		case *ast.StarExpr:
			e = of.X
		case *ast.IndexExpr:
			e = of.X
		case *ast.IndexListExpr:
			e = of.X
		case *ast.Ident:
			return of.Name
		}
	}
}

func TestTheMethodRuleIsNotBlind(t *testing.T) {
	methods := func(receiver string, from, to int) (text []byte) {
		text = []byte("package a\n")
		for n := from; n < to; n++ {
			text = fmt.Appendf(text, "func (%s) m%d() {}\n", receiver, n)
		}
		return text
	}
	for name, tt := range map[string]struct {
		files map[string][]byte
		found string
	}{
		"at the limit":           {map[string][]byte{"a/a.go": methods("x T", 0, 20)}, ""},
		"over it":                {map[string][]byte{"a/a.go": methods("x T", 0, 21)}, "a: T has 21 methods"},
		"pointers and values":    {map[string][]byte{"a/a.go": methods("T", 0, 11), "a/b_test.go": methods("*T", 11, 21)}, "a: T has 21 methods"},
		"with type parameters":   {map[string][]byte{"a/a.go": methods("t *T[K]", 0, 11), "a/b.go": methods("t T[K]", 11, 22)}, "a: T has 22 methods"},
		"with several of these":  {map[string][]byte{"a/a.go": methods("t *T[K, V]", 0, 21)}, "a: T has 21 methods"},
		"of one name, elsewhere": {map[string][]byte{"a/a.go": methods("T", 0, 15), "b/a.go": methods("T", 0, 15)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := crowded(tt.files)
			require.NoError(t, err)
			if tt.found == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Contains(t, found[0], tt.found)
		})
	}
}
