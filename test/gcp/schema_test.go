package gcp

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// property is an attribute or a block of the provider's schema.
type property struct {
	Required bool
	// Type is one such as string or "list of string", or the properties of a block.
	Type json.RawMessage
}

// block returns the properties of a block; ok is false for an attribute.
func (p property) block() (properties map[string]property, ok bool) {
	return properties, json.Unmarshal(p.Type, &properties) == nil
}

// schema is what hashicorp/google takes in the module's resources, by type;
// tools/providerschema.py makes it.
func schema(t *testing.T) map[string]map[string]property {
	t.Helper()
	text, err := os.ReadFile("testdata/google.json")
	require.NoError(t, err)
	var provider struct {
		Provider  string
		Resources map[string]map[string]property
	}
	require.NoError(t, json.Unmarshal(text, &provider))
	require.Equal(t, "registry.terraform.io/hashicorp/google", provider.Provider)
	return provider.Resources
}

// ofTerraform are what every resource may have.
var ofTerraform = []string{"for_each", "count", "depends_on", "lifecycle"}

// mismatches compares a body with the properties that the provider knows.
func mismatches(path string, body *hclsyntax.Body, known map[string]property) (found []string) {
	has := map[string]bool{}
	for name, attribute := range body.Attributes {
		has[name] = true
		p, ok := known[name]
		if _, block := p.block(); !ok || block {
			if !slices.Contains(ofTerraform, name) {
				found = append(found, fmt.Sprintf("%s has no attribute %s", path, name))
			}
		} else if !fits(attribute.Expr, p) {
			found = append(found, fmt.Sprintf("%s.%s is not a %s", path, name, p.Type))
		}
	}
	for _, block := range body.Blocks {
		name, inner := block.Type, block.Body
		if name == "dynamic" {
			name, inner = block.Labels[0], block.Body.Blocks[0].Body
		}
		has[name] = true
		properties, ok := known[name].block()
		if ok {
			found = append(found, mismatches(path+"."+name, inner, properties)...)
		} else if !slices.Contains(ofTerraform, name) {
			found = append(found, fmt.Sprintf("%s has no block %s", path, name))
		}
	}
	for name, p := range known {
		if p.Required && !has[name] {
			found = append(found, fmt.Sprintf("%s lacks %s", path, name))
		}
	}
	slices.Sort(found)
	return found
}

// fits tells whether a value that needs nothing else is of the type.
func fits(expression hclsyntax.Expression, p property) bool {
	v, diagnostics := expression.Value(nil)
	if diagnostics.HasErrors() || v.IsNull() {
		return true
	}
	kind := map[string]cty.Type{"string": cty.String, "number": cty.Number, "boolean": cty.Bool, "any": cty.Bool,
		"list of string": cty.List(cty.String), "map of string": cty.Map(cty.String)}[strings.Trim(string(p.Type), `"`)]
	if kind == cty.NilType {
		return false
	}
	_, err := convert.Convert(v, kind)
	return err == nil
}

// problems are all mismatches of a text.
func problems(t *testing.T, text []byte, resources map[string]map[string]property) (found []string) {
	t.Helper()
	file, diagnostics := hclparse.NewParser().ParseHCL(text, "module.tf")
	require.False(t, diagnostics.HasErrors(), diagnostics.Error())
	for _, block := range file.Body.(*hclsyntax.Body).Blocks {
		if block.Type != "resource" {
			continue
		}
		known, ok := resources[block.Labels[0]]
		if !ok {
			found = append(found, "there is no resource "+block.Labels[0])
			continue
		}
		found = append(found, mismatches(strings.Join(block.Labels, "."), block.Body, known)...)
	}
	return found
}

// TestTheProviderTakesTheModule: every attribute and block is one that the provider
// has, and none is missing that it requires. References are another test's.
func TestTheProviderTakesTheModule(t *testing.T) {
	resources := schema(t)
	for name, text := range files(t) {
		require.Empty(t, problems(t, text, resources), name)
	}
	for _, tt := range []struct{ text, problem string }{
		{`resource "google_service_account" "a" { account_id = "x" }`, ""},
		{`resource "google_service_account" "a" {}`, "google_service_account.a lacks account_id"},
		{"resource \"google_service_account\" \"a\" {\n account_id = \"x\"\n mail = \"x\"\n}", "google_service_account.a has no attribute mail"},
		{"resource \"google_service_account\" \"a\" {\n account_id = \"x\"\n disabled = \"perhaps\"\n}", `google_service_account.a.disabled is not a "boolean"`},
		{"resource \"google_service_account\" \"a\" {\n account_id = \"x\"\n key {}\n}", "google_service_account.a has no block key"},
		{`resource "google_secret" "a" {}`, "there is no resource google_secret"},
	} {
		found := problems(t, []byte(tt.text), resources)
		require.Equal(t, tt.problem, strings.Join(found, "; "))
	}
}
