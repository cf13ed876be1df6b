package architecture

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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
	// of are patterns of packages, without the module's path: one that ends in /...
	// stands for all below it as well. Every pattern must match something.
	of []string
	// but are patterns of packages that the rule is not about.
	but []string
	// forbidden tells whether a package may not be among those that one of them needs.
	forbidden func(path string, standard bool) bool
	// direct: only what a package imports itself counts.
	direct bool
}

// under tells whether path is one of the prefixes or below it.
func under(path string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}

// adapters connect one of our contracts to something outside.
var adapters = []string{"internal/store/ssmstore", "internal/store/gcpstore", "internal/store/filestore", "internal/store/memstore", "internal/metrics/cloudwatchsink", "internal/metrics/monitoringsink", "internal/metrics/exporter", "internal/consent/lambdaclient"}

// ofAWS are the adapters to AWS.
var ofAWS = []string{"internal/config/awsenv", "internal/store/ssmstore", "internal/metrics/cloudwatchsink", "internal/consent/lambdaclient", "pkg/keeper/ssmstore"}

// ofGoogle are the packages of Google's libraries, and of what they need.
var ofGoogle = []string{"cloud.google.com", "google.golang.org", "github.com/googleapis"}

// suites are what adapters are tested with.
var suites = []string{"internal/store/storetest", "internal/ledger/ledgertest", "pkg/atlassian/atlassiantest", "pkg/keeper/keepertest"}

// layers are patterns of packages, the lowest layer first. A name counts before a
// pattern that ends in /... . A package imports from its own layer and from lower ones.
var layers = [][]string{
	{"pkg/..."},
	{"internal/store"},
	{"internal/psoxy"},
	{"internal/family/..."},
	{"internal/ledger"},
	{"internal/keeper"},
	{"internal/metrics", "internal/config", "internal/consent", "internal/fleet/..."},
	{"internal/config/awsenv", "internal/store/...", "internal/ledger/...", "internal/metrics/...", "internal/consent/..."},
	{"pkg/keeper", "pkg/keeper/keepertest", "pkg/keeper/filestore", "pkg/keeper/ssmstore"}, // a public face of what is below
	{"internal/authorize/...", "internal/psoxy/..."},
	{"internal/proof/..."},
	{"functions/...", "cmd/...", "bench/...", "test/...", "tools/..."},
}

// rules keep the domain free of what is outside, and the functions small.
var rules = []rule{
	{
		name:      "only adapters and programs know AWS",
		of:        []string{"pkg/...", "internal/..."},
		but:       ofAWS,
		forbidden: func(path string, _ bool) bool { return under(path, "github.com/aws") },
	},
	{
		name:      "only its adapters and programs know Google Cloud",
		of:        []string{"pkg/...", "internal/..."},
		but:       []string{"internal/store/gcpstore", "internal/metrics/monitoringsink", "internal/metrics/exporter"}, // Prometheus encodes by protobuf
		forbidden: func(path string, _ bool) bool { return under(path, ofGoogle...) },
	},
	{
		name: "nothing of Google Cloud is in the functions for AWS",
		of:   []string{"functions/..."},
		forbidden: func(path string, _ bool) bool {
			return under(path, append(ofGoogle, module+"internal/store/gcpstore")...)
		},
	},
	{
		name:      "the domain does not know its adapters",
		of:        []string{"internal/..."},
		but:       append([]string{"internal/proof/..."}, append(adapters, suites...)...),
		forbidden: func(path string, _ bool) bool { return strings.HasPrefix(path, module) && matches(path, adapters) },
	},
	{
		name:      "pkg/atlassian and pkg/secret need the standard library only",
		of:        []string{"pkg/atlassian", "pkg/secret"},
		forbidden: func(path string, standard bool) bool { return !standard && path != module+"pkg/secret" },
	},
	{
		name: "the functions' binaries are small",
		of:   []string{"functions/..."},
		forbidden: func(path string, _ bool) bool {
			return under(path, "github.com/spf13", "github.com/stretchr", "pgregory.net", "github.com/golang-jwt", "github.com/prometheus", "testing")
		},
	},
	{
		name: "the functions link the AWS services that they call, and nothing that looks for credentials",
		of:   []string{"functions/..."},
		forbidden: func(path string, _ bool) bool {
			const sdk = "github.com/aws/aws-sdk-go-v2/"
			return under(path, sdk+"config", sdk+"feature") || under(path, sdk+"service") && !under(path, sdk+"service/ssm", sdk+"service/cloudwatch")
		},
	},
	{
		name:      "what the functions are made of compiles no regular expression when it starts",
		of:        []string{"functions/...", "pkg/...", "internal/..."},
		but:       append([]string{"internal/proof/...", "internal/authorize/...", "internal/psoxy/tfvars"}, suites...),
		forbidden: func(path string, _ bool) bool { return path == "regexp" },
		direct:    true,
	},
	{
		name: "what runs in production needs no test parts",
		of:   []string{"functions/...", "pkg/...", "internal/..."},
		but:  append([]string{"internal/proof/..."}, suites...),
		forbidden: func(path string, _ bool) bool {
			return under(path, "github.com/stretchr", "testing", module+"internal/proof") || strings.HasPrefix(path, module) && matches(path, suites)
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
		if !strings.HasPrefix(path, module) || !matches(path, r.of) || matches(path, r.but) {
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
		{"internal/keeper", "google.golang.org/grpc"},
		{"functions/bootstrap", "cloud.google.com/go/secretmanager/apiv1"},
		{"internal/family", module + "internal/store/ssmstore"},
		{"pkg/atlassian", "golang.org/x/oauth2"},
		{"functions/refresher", "github.com/spf13/cobra"},
		{"functions/refresher", "github.com/aws/aws-sdk-go-v2/service/sts"},
		{"pkg/atlassian", "regexp"},
		{"internal/keeper", "github.com/stretchr/testify/require"},
	} {
		r := rules[i]
		t.Run(r.name, func(t *testing.T) {
			packages := map[string]pkg{"fmt": {ImportPath: "fmt", Standard: true}}
			for _, pattern := range r.of {
				path := module + strings.TrimSuffix(strings.TrimSuffix(pattern, "..."), "/")
				packages[path] = pkg{ImportPath: path, Deps: []string{"fmt"}, Imports: []string{"fmt"}}
			}
			from := module + tt.from
			packages[from] = pkg{ImportPath: from, Deps: []string{"fmt"}, Imports: []string{"fmt"}}
			require.Empty(t, r.violations(packages))

			packages[from] = pkg{ImportPath: from, Deps: []string{"fmt", tt.to}, Imports: []string{"fmt", tt.to}}
			require.Equal(t, []string{fmt.Sprintf("%s: %s needs %s", r.name, from, tt.to)}, r.violations(packages))

			require.NotEmpty(t, r.violations(nil), "a rule about nothing must fail")
		})
	}
	require.Len(t, rules, 9, "every rule has its counter-example above")
}

// layerOf is a package's layer, and -1 where no pattern knows it.
func layerOf(path string) int {
	if i := slices.IndexFunc(layers, func(names []string) bool { return slices.Contains(names, strings.TrimPrefix(path, module)) }); i >= 0 {
		return i
	}
	return slices.IndexFunc(layers, func(patterns []string) bool { return matches(path, patterns) })
}

// upward are the imports of ours that go from a layer to a higher one, and the
// packages without a layer.
func upward(packages map[string]pkg) (found []string) {
	for path, p := range packages {
		if !strings.HasPrefix(path, module) {
			continue
		}
		if layerOf(path) < 0 {
			found = append(found, path+" is in no layer")
		}
		for _, to := range p.Imports {
			if strings.HasPrefix(to, module) && layerOf(to) > layerOf(path) {
				found = append(found, path+" imports "+to)
			}
		}
	}
	slices.Sort(found)
	return found
}

func TestImportsPointOneWay(t *testing.T) {
	packages := listPackages(t)
	require.Empty(t, upward(packages))

	wrong := module + "internal/keeper"
	packages[wrong] = pkg{ImportPath: wrong, Imports: []string{module + "internal/fleet"}}
	packages[module+"internal/new"] = pkg{ImportPath: module + "internal/new"}
	require.Equal(t, []string{module + "internal/keeper imports " + module + "internal/fleet", module + "internal/new is in no layer"}, upward(packages))
}

// TestInternalIsSmall: a newcomer finds every folder's subject by its name.
func TestInternalIsSmall(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(root, "internal"))
	require.NoError(t, err)
	require.LessOrEqual(t, len(entries), 12)
}
