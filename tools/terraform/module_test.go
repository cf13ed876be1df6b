package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

const module = "../../deploy/terraform"

// blocks are all top-level blocks of a folder's files.
func blocks(t *testing.T, folder string) (found hclsyntax.Blocks) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.tf"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		file, diagnostics := hclparse.NewParser().ParseHCLFile(path)
		require.False(t, diagnostics.HasErrors(), diagnostics.Error())
		found = append(found, file.Body.(*hclsyntax.Body).Blocks...)
	}
	return found
}

// named are the blocks of a kind, by their last label.
func named(t *testing.T, folder, kind string) map[string]*hclsyntax.Body {
	t.Helper()
	found := map[string]*hclsyntax.Body{}
	for _, block := range blocks(t, folder) {
		if block.Type == kind {
			name := block.Labels[len(block.Labels)-1]
			require.NotContains(t, found, name)
			found[name] = block.Body
		}
	}
	return found
}

// functions are Terraform's, as far as the module calls them.
var functions = map[string]function.Function{
	"can": tryfunc.CanFunc, "regex": stdlib.RegexFunc, "join": stdlib.JoinFunc, "contains": stdlib.ContainsFunc,
	"merge": stdlib.MergeFunc, "tostring": stdlib.MakeToFunc(cty.String), "lookup": stdlib.LookupFunc,
	"length": function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(arguments []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.NumberIntVal(int64(len([]rune(arguments[0].AsString())))), nil
		},
	}),
	"alltrue": function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(arguments []cty.Value, _ cty.Type) (cty.Value, error) {
			all := cty.True
			for _, value := range arguments[0].AsValueSlice() {
				all = all.And(value)
			}
			return all, nil
		},
	}),
	"endswith": function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}, {Name: "end", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(arguments []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(strings.HasSuffix(arguments[0].AsString(), arguments[1].AsString())), nil
		},
	}),
}

// typeOf is the type that a variable declares.
func typeOf(t *testing.T, variable *hclsyntax.Body) cty.Type {
	t.Helper()
	types := map[string]cty.Type{
		"string": cty.String, "number": cty.Number, "bool": cty.Bool,
		"list(string)": cty.List(cty.String), "map(string)": cty.Map(cty.String),
	}
	source := variable.Attributes["type"].Expr.Range()
	content, err := os.ReadFile(source.Filename)
	require.NoError(t, err)
	text := string(source.SliceBytes(content))
	require.Contains(t, types, text)
	return types[text]
}

// evaluation is the module with some of its variables set.
func evaluation(t *testing.T, set map[string]cty.Value) *hcl.EvalContext {
	t.Helper()
	values := map[string]cty.Value{}
	for name, variable := range named(t, module, "variable") {
		value, given := set[name]
		switch attribute := variable.Attributes["default"]; {
		case given:
			require.True(t, value.Type().Equals(typeOf(t, variable)), name)
		case attribute != nil:
			value = valueOf(t, attribute.Expr, nil)
			if value.IsNull() {
				value = cty.NullVal(typeOf(t, variable))
			}
		default:
			value = cty.StringVal("required")
		}
		values[name] = value
	}
	context := &hcl.EvalContext{Functions: functions, Variables: map[string]cty.Value{
		"var": cty.ObjectVal(values),
		"data": cty.ObjectVal(map[string]cty.Value{"aws_s3_bucket": cty.ObjectVal(map[string]cty.Value{
			"release": cty.ObjectVal(map[string]cty.Value{"bucket_regional_domain_name": cty.StringVal("bucket.s3.eu-west-1.amazonaws.com")})})}),
	}}
	locals := map[string]cty.Value{}
	for _, block := range blocks(t, module) {
		if block.Type == "locals" {
			for name, attribute := range block.Body.Attributes {
				locals[name] = valueOf(t, attribute.Expr, context)
			}
		}
	}
	context.Variables["local"] = cty.ObjectVal(locals)
	return context
}

func valueOf(t *testing.T, expression hcl.Expression, context *hcl.EvalContext) cty.Value {
	t.Helper()
	value, diagnostics := expression.Value(context)
	require.False(t, diagnostics.HasErrors(), diagnostics.Error())
	return value
}

// accepts tells whether the validations of a variable let a value through.
func accepts(t *testing.T, name string, value cty.Value) bool {
	t.Helper()
	context := evaluation(t, map[string]cty.Value{name: value})
	variable := named(t, module, "variable")[name]
	require.NotNil(t, variable, name)
	for _, block := range variable.Blocks {
		if block.Type == "validation" && valueOf(t, block.Body.Attributes["condition"].Expr, context).False() {
			return false
		}
	}
	return true
}
