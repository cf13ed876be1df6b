package architecture

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	// root is the repository's.
	root   = "../.."
	module = "github.com/tokenkeeper/tokenkeeper/"
)

// pkg is what `go list` says of a package. Tests' imports are not in it: a test
// may use what its package may not.
type pkg struct {
	ImportPath string
	// Deps are all packages that it needs, directly or not.
	Deps []string
	// Imports are those that it names itself.
	Imports []string
	// Standard: a package of the standard library.
	Standard bool
}

// rule keeps some packages from needing others.
type rule struct {
	name string
	// of are the packages that the rule is about, without the module's path;
	// one that ends in /... stands for all below it as well. Every one must exist.
	of []string
	// forbidden tells whether a package may not be among those that one of them needs.
	forbidden func(path string, standard bool) bool
	// direct: only what a package imports itself counts.
	direct bool
}

// under tells whether path is one of the prefixes or below it.
func under(path string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}

// rules point imports one way: functions and cmd, then adapters, then the
// domain, then pkg/atlassian, then the standard library.
var rules = []rule{
	{
		name: "the domain and pkg know nothing of AWS",
		of: []string{"pkg/...", "internal/family", "internal/ledger", "internal/keeper", "internal/store", "internal/store/memstore", "internal/store/filestore", "internal/countdown", "internal/refresher", "internal/connections", "internal/alarm", "internal/cloudformation", "internal/scenario/...", "internal/consent", "internal/consent/pages", "internal/environment",
			"internal/verify", "internal/psoxy/...", "internal/terminal", "internal/loopback", "internal/authorize"},
		forbidden: func(path string, _ bool) bool { return under(path, "github.com/aws") },
	},
	{
		name:      "the domain does not know its adapters",
		of:        []string{"internal/family", "internal/ledger", "internal/keeper", "internal/store", "internal/countdown", "internal/refresher", "internal/connections", "internal/consent", "internal/consent/pages"},
		forbidden: func(path string, _ bool) bool { return strings.HasPrefix(path, module+"internal/store/") },
	},
	{
		name: "what is psoxy's needs neither the domain nor the keeper",
		of:   []string{"internal/psoxy/..."},
		forbidden: func(path string, _ bool) bool {
			return strings.HasPrefix(path, module+"internal/") && !under(path, module+"internal/psoxy", module+"internal/store")
		},
	},
	{
		name:      "pkg/atlassian and pkg/secret need the standard library only",
		of:        []string{"pkg/atlassian", "pkg/secret"},
		forbidden: func(path string, standard bool) bool { return !standard && path != module+"pkg/secret" },
	},
	{
		name:      "nobody imports a program",
		of:        []string{"..."},
		forbidden: func(path string, _ bool) bool { return under(path, module+"functions", module+"cmd") },
		direct:    true,
	},
	{
		name: "the functions' binaries are small",
		of:   []string{"functions/refresher", "functions/bootstrap"},
		forbidden: func(path string, _ bool) bool {
			return under(path, "github.com/spf13", "github.com/stretchr", "pgregory.net", "github.com/golang-jwt", "testing", module+"pkg/atlassian/atlassiantest")
		},
	},
	{
		name:      "the functions compile no regular expression when they start",
		of:        []string{"functions/...", "pkg/...", "internal/family", "internal/ledger", "internal/keeper", "internal/store/...", "internal/countdown/...", "internal/refresher", "internal/connections", "internal/environment", "internal/tokenform", "internal/psoxy", "internal/consent/..."},
		forbidden: func(path string, _ bool) bool { return path == "regexp" },
		direct:    true,
	},
	{
		name: "what runs in production needs no test parts",
		of: []string{"functions/...", "internal/family", "internal/ledger", "internal/keeper", "internal/store", "internal/store/ssmstore", "internal/store/filestore",
			"internal/store/memstore", "internal/countdown/...", "internal/refresher", "internal/connections", "internal/consent", "internal/consent/pages", "internal/environment", "pkg/atlassian", "pkg/secret"},
		forbidden: func(path string, _ bool) bool {
			return under(path, "github.com/stretchr", "testing", module+"pkg/atlassian/atlassiantest", module+"internal/store/storetest")
		},
	},
}

// matches tells whether a package is meant by one of the patterns.
func matches(path string, patterns []string) bool {
	path = strings.TrimPrefix(path, module)
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		base, all := strings.CutSuffix(pattern, "...")
		return path == strings.TrimSuffix(base, "/") || all && strings.HasPrefix(path, base)
	})
}

// violations of a rule in a set of packages. A rule about packages that do not
// exist is one: it would hold for ever.
func (r rule) violations(packages map[string]pkg) (found []string) {
	for _, pattern := range r.of {
		exists := false
		for path := range packages {
			exists = exists || strings.HasPrefix(path, module) && matches(path, []string{pattern})
		}
		if !exists {
			found = append(found, fmt.Sprintf("%s: there is no package %s; correct the rule", r.name, pattern))
		}
	}
	for path, p := range packages {
		if !strings.HasPrefix(path, module) || !matches(path, r.of) {
			continue
		}
		needed := p.Deps
		if r.direct {
			needed = p.Imports
		}
		for _, d := range needed {
			if dep, ok := packages[d]; d != path && r.forbidden(d, ok && dep.Standard) {
				found = append(found, fmt.Sprintf("%s: %s needs %s", r.name, path, d))
			}
		}
	}
	slices.Sort(found)
	return found
}

// listPackages are the module's packages and all that they need.
func listPackages(t *testing.T) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Deps,Imports,Standard", "./...")
	cmd.Dir = root
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	packages := map[string]pkg{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else {
			require.NoError(t, err)
		}
		packages[p.ImportPath] = p
	}
}

func TestImports(t *testing.T) {
	packages := listPackages(t)
	// Were these not seen, nothing would be.
	require.Contains(t, packages[module+"functions/refresher"].Deps, "github.com/aws/aws-sdk-go-v2/service/ssm")
	require.True(t, packages["fmt"].Standard)
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			found := r.violations(packages)
			require.Empty(t, found, strings.Join(found, "\n"))
		})
	}
}

// TestImportRulesAreNotBlind gives each rule a tree that keeps it and the same
// tree with one import too many.
func TestImportRulesAreNotBlind(t *testing.T) {
	for i, tt := range []struct{ from, to string }{
		{"internal/keeper", "github.com/aws/smithy-go"},
		{"internal/family", module + "internal/store/ssmstore"},
		{"internal/psoxy", module + "internal/family"},
		{"pkg/atlassian", "golang.org/x/oauth2"},
		{"internal/family", module + "functions/refresher"},
		{"functions/refresher", "github.com/spf13/cobra"},
		{"pkg/atlassian", "regexp"},
		{"internal/keeper", "github.com/stretchr/testify/require"},
	} {
		r := rules[i]
		packages := map[string]pkg{"fmt": {ImportPath: "fmt", Standard: true}}
		for _, pattern := range r.of {
			path := module + strings.TrimSuffix(strings.TrimSuffix(pattern, "..."), "/")
			packages[path] = pkg{ImportPath: path, Deps: []string{"fmt"}, Imports: []string{"fmt"}}
		}
		from := module + tt.from
		packages[from] = pkg{ImportPath: from, Deps: []string{"fmt"}, Imports: []string{"fmt"}}
		require.Empty(t, r.violations(packages), r.name)

		packages[from] = pkg{ImportPath: from, Deps: []string{"fmt", tt.to}, Imports: []string{"fmt", tt.to}}
		require.Equal(t, []string{fmt.Sprintf("%s: %s needs %s", r.name, from, tt.to)}, r.violations(packages))

		require.NotEmpty(t, r.violations(nil), "%s: a rule about nothing must fail", r.name)
	}
	require.Len(t, rules, 8, "every rule has its counter-example above")
}
