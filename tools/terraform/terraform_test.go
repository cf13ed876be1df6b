package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"

	"github.com/tokenkeeper/tokenkeeper"
)

// own are the module's variables that are no parameter of the template.
var own = []string{"release", "bucket", "bucket_prefix", "release_directory", "stack_name", "tags"}

func TestTheFilesAreThoseOfTheTemplate(t *testing.T) {
	files, err := generate(tokenkeeper.Template)
	require.NoError(t, err)
	require.Len(t, files, 3)
	for name, want := range files {
		content, err := os.ReadFile(filepath.Join(module, name))
		require.NoError(t, err)
		require.Equal(t, string(want), string(content), "run `make terraform`")
	}
}

func TestEveryParameterIsAVariable(t *testing.T) {
	parameters, outputs, err := read(tokenkeeper.Template)
	require.NoError(t, err)
	require.Greater(t, len(parameters), 30)
	variables, results := named(t, module, "variable"), named(t, module, "output")
	want := slices.Clone(own)
	for _, p := range parameters {
		name := snake(p.Name)
		want = append(want, name)
		require.Contains(t, variables, name)
		require.Equal(t, p.NoEcho, variables[name].Attributes["sensitive"] != nil, name)
		if p.AllowedPattern != "" {
			require.Regexp(t, `^\^.*\$$`, p.AllowedPattern, "CloudFormation matches the whole value, and Terraform what the pattern says")
		}
		checks := len(p.conditions())
		require.Len(t, variables[name].Blocks, checks, name)
		if p.AllowedPattern+strings.Join(p.AllowedValues, "") != "" && p.kind() != "bool" || p.MinValue != nil || p.MaxLength != nil {
			require.Positive(t, checks, name)
		}
	}
	require.ElementsMatch(t, want, slices.Collect(maps.Keys(variables)))
	want = nil
	for _, o := range outputs {
		want = append(want, snake(o.Name))
	}
	require.ElementsMatch(t, want, slices.Collect(maps.Keys(results)))
}

func list(members ...string) cty.Value {
	var values []cty.Value
	for _, member := range members {
		values = append(values, cty.StringVal(member))
	}
	return cty.ListVal(values)
}

func TestValidations(t *testing.T) {
	text, number := cty.StringVal, cty.NumberIntVal
	key := "arn:aws:kms:eu-west-1:111122223333:key/1234"
	for name, values := range map[string]struct{ good, bad []cty.Value }{
		"connections":                  {[]cty.Value{list("A_", "/b/C_")}, []cty.Value{list("A"), list("A_", ""), list("1_", "2_", "3_", "4_", "5_", "6_")}},
		"previous_parameters_keys":     {[]cty.Value{list(key, key)}, []cty.Value{list(key, "alias/x")}},
		"access_token_format":          {[]cty.Value{text("raw,A_=psoxy-json")}, []cty.Value{text("json")}},
		"schedule_expression":          {[]cty.Value{text("rate(2 minutes)")}, []cty.Value{text("rate(6 minutes)")}},
		"reserved_concurrency":         {[]cty.Value{number(0), number(1)}, []cty.Value{number(2)}},
		"first_warning_days":           {[]cty.Value{number(60)}, []cty.Value{number(0), number(3651)}},
		"warning_scope":                {[]cty.Value{text("connection")}, []cty.Value{text("all")}},
		"hosted_consent":               {[]cty.Value{cty.True, cty.False}, nil},
		"runbook_url":                  {[]cty.Value{text("https://wiki/runbook?id=1")}, []cty.Value{text("a b"), text(`"`)}},
		"page_url":                     {[]cty.Value{text("https://pager/key")}, []cty.Value{text("http://pager/key")}},
		"ledger_path":                  {[]cty.Value{text(""), text("/ledgers")}, []cty.Value{text("/" + strings.Repeat("x", 90))}},
		"release":                      {[]cty.Value{text("v1.2.3"), text("v1.2.3-rc.1")}, []cty.Value{text("1.2.3"), text("latest")}},
		"bucket_prefix":                {[]cty.Value{text(""), text("a/")}, []cty.Value{text("a")}},
		"stack_name":                   {[]cty.Value{text("tokens")}, []cty.Value{text("1"), text(strings.Repeat("a", 55))}},
		"atlassian_api_url":            {[]cty.Value{text("https://api.atlassian.com")}, []cty.Value{text("https://api.atlassian.com/")}},
		"no_change_notification_hours": {[]cty.Value{number(6)}, []cty.Value{number(5)}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, value := range values.good {
				require.True(t, accepts(t, name, value), "%#v", value)
			}
			for _, value := range values.bad {
				require.False(t, accepts(t, name, value), "%#v", value)
			}
		})
	}
	for name, variable := range named(t, module, "variable") {
		if variable.Attributes["default"] != nil && typeOf(t, variable).IsPrimitiveType() && !slices.Contains(own, name) {
			require.True(t, accepts(t, name, cty.NullVal(typeOf(t, variable))), "%s: null must be accepted", name)
		}
	}
}

// TestParameters: what is set goes to CloudFormation as it wants it, and nothing else.
func TestParameters(t *testing.T) {
	stack := named(t, module, "resource")["tokenkeeper"]
	given := func(set map[string]cty.Value) map[string]string {
		values := map[string]string{}
		for name, value := range valueOf(t, stack.Attributes["parameters"].Expr, evaluation(t, set)).AsValueMap() {
			values[name] = value.AsString()
		}
		return values
	}
	require.Equal(t, map[string]string{"CodeBucket": "required", "CodePrefix": "tokenkeeper/"}, given(nil))
	require.Equal(t, map[string]string{
		"CodeBucket": "b", "CodePrefix": "", "Connections": "A_,/b/C_", "HostedConsent": "true", "ReservedConcurrency": "0",
		"PageUrl": "https://pager/key", "PreviousParametersKeys": "k1,k2", "LedgerPath": "",
	}, given(map[string]cty.Value{
		"bucket": cty.StringVal("b"), "bucket_prefix": cty.StringVal(""), "connections": list("A_", "/b/C_"), "hosted_consent": cty.True,
		"reserved_concurrency": cty.NumberIntVal(0), "page_url": cty.StringVal("https://pager/key"), "previous_parameters_keys": list("k1", "k2"),
		"ledger_path": cty.StringVal(""),
	}))

	context := evaluation(t, map[string]cty.Value{"release": cty.StringVal("v1.2.3")})
	require.Equal(t, "https://bucket.s3.eu-west-1.amazonaws.com/tokenkeeper/tokenkeeper_v1.2.3_template.json", valueOf(t, stack.Attributes["template_url"].Expr, context).AsString())
	var archives []string
	for _, archive := range context.Variables["local"].GetAttr("archives").AsValueSlice() {
		archives = append(archives, archive.AsString())
	}
	require.Equal(t, []string{"tokenkeeper_v1.2.3_refresher_arm64.zip", "tokenkeeper_v1.2.3_refresher_x86_64.zip",
		"tokenkeeper_v1.2.3_bootstrap_arm64.zip", "tokenkeeper_v1.2.3_bootstrap_x86_64.zip"}, archives)
}

// TestReferences: every variable is declared and used.
func TestReferences(t *testing.T) {
	used := map[string]bool{}
	for _, block := range blocks(t, module) {
		require.Empty(t, hclsyntax.VisitAll(block, func(node hclsyntax.Node) hcl.Diagnostics {
			if traversal, ok := node.(*hclsyntax.ScopeTraversalExpr); ok && traversal.Traversal.RootName() == "var" && block.Type != "variable" {
				used[traversal.Traversal[1].(hcl.TraverseAttr).Name] = true
			}
			return nil
		}))
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(named(t, module, "variable"))), slices.Collect(maps.Keys(used)))
}

var fence = regexp.MustCompile("(?ms)^```hcl\n(.*?)^```$")

// TestExamples: the example and the README give the module only what it takes,
// all that it requires, and values that it accepts.
func TestExamples(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(module, "README.md"))
	require.NoError(t, err)
	found := fence.FindAllSubmatch(readme, -1)
	require.Len(t, found, 1)
	file, diagnostics := hclparse.NewParser().ParseHCL(found[0][1], "README.md")
	require.False(t, diagnostics.HasErrors(), diagnostics.Error())
	variables := named(t, module, "variable")
	for _, block := range append(blocks(t, filepath.Join(module, "examples/psoxy")), file.Body.(*hclsyntax.Body).Blocks...) {
		if block.Type != "module" {
			continue
		}
		for name, attribute := range block.Body.Attributes {
			if name == "source" || len(attribute.Expr.Variables()) > 0 {
				continue
			}
			require.Contains(t, variables, name)
			value := valueOf(t, attribute.Expr, nil)
			if value.Type().IsTupleType() {
				value = cty.ListVal(value.AsValueSlice())
			}
			require.True(t, accepts(t, name, value), name)
		}
		for name, variable := range variables {
			if variable.Attributes["default"] == nil {
				require.Contains(t, block.Body.Attributes, name)
			}
		}
	}
}

// TestFormat: as terraform fmt leaves it.
func TestFormat(t *testing.T) {
	require.NoError(t, filepath.WalkDir(module, func(path string, _ os.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".tf" {
			var content []byte
			content, err = os.ReadFile(path)
			require.Equal(t, string(hclwrite.Format(content)), string(content), path)
		}
		return err
	}))
}
