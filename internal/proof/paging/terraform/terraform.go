// Package terraform reads a module of Terraform as far as a simulation needs it: its
// variables with their defaults, its locals, and the blocks and attributes of its
// resources. It deploys nothing and knows no provider; what cannot be evaluated is an
// error where it is asked for.
package terraform

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Module is a module with values for its variables.
type Module struct {
	resources map[string]map[string]*hclsyntax.Body
	context   *hcl.EvalContext
}

// Read reads all files of a folder. Variables are the values of variables, as text;
// the others have their defaults, and one without a default its own name. known are
// the attributes that resources of each type and name are to have.
func Read(folder string, variables map[string]string, known map[string]cty.Value) (*Module, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.tf"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("%s holds no module of Terraform (%v)", folder, err)
	}
	m := &Module{resources: map[string]map[string]*hclsyntax.Body{}, context: &hcl.EvalContext{Functions: functions, Variables: maps.Clone(known)}}
	if m.context.Variables == nil {
		m.context.Variables = map[string]cty.Value{}
	}
	values, locals := map[string]cty.Value{}, map[string]hcl.Expression{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		file, diagnostics := hclparse.NewParser().ParseHCL(text, path)
		if diagnostics.HasErrors() {
			return nil, diagnostics
		}
		for _, block := range file.Body.(*hclsyntax.Body).Blocks {
			if err := m.take(block, variables, values, locals); err != nil {
				return nil, err
			}
		}
	}
	for name := range variables {
		if _, ok := values[name]; !ok {
			return nil, fmt.Errorf("the module has no variable %q", name)
		}
	}
	m.context.Variables["var"] = cty.ObjectVal(values)
	evaluated := map[string]cty.Value{}
	for _, name := range slices.Sorted(maps.Keys(locals)) {
		if v, diagnostics := locals[name].Value(m.context); !diagnostics.HasErrors() {
			evaluated[name] = v // others may need what only a provider knows
		}
	}
	m.context.Variables["local"] = cty.ObjectVal(evaluated)
	return m, nil
}

// take files a block of the module.
func (m *Module) take(block *hclsyntax.Block, variables map[string]string, values map[string]cty.Value, locals map[string]hcl.Expression) error {
	switch block.Type {
	case "variable":
		name := block.Labels[0]
		value := cty.StringVal(name)
		if given, ok := variables[name]; ok {
			value = cty.StringVal(given)
		} else if def := block.Body.Attributes["default"]; def != nil {
			v, diagnostics := def.Expr.Value(nil)
			if diagnostics.HasErrors() {
				return diagnostics
			}
			value = v
		}
		values[name] = value
	case "locals":
		for name, attribute := range block.Body.Attributes {
			locals[name] = attribute.Expr
		}
	case "resource":
		if m.resources[block.Labels[0]] == nil {
			m.resources[block.Labels[0]] = map[string]*hclsyntax.Body{}
		}
		m.resources[block.Labels[0]][block.Labels[1]] = block.Body
	}
	return nil
}

// functions are those that modules may use in what is read here.
var functions = map[string]function.Function{
	"concat": stdlib.ConcatFunc, "join": stdlib.JoinFunc, "replace": stdlib.ReplaceFunc, "tostring": stdlib.MakeToFunc(cty.String),
}

// Resources are the names of the resources of a type, sorted.
func (m *Module) Resources(kind string) []string { return slices.Sorted(maps.Keys(m.resources[kind])) }

// Resource returns the body of a resource.
func (m *Module) Resource(kind, name string) (Body, error) {
	body := m.resources[kind][name]
	if body == nil {
		return Body{}, fmt.Errorf("the module has no %s %q", kind, name)
	}
	return Body{m, body, kind + "." + name}, nil
}

// Body is a resource, or a block in one.
type Body struct {
	module *Module
	body   *hclsyntax.Body
	name   string
}

// Blocks are the blocks of a type in the body, in order.
func (b Body) Blocks(kind string) (found []Body) {
	for _, block := range b.body.Blocks {
		if block.Type == kind {
			found = append(found, Body{b.module, block.Body, b.name + "." + kind})
		}
	}
	return found
}

// Block is the one block at a path of types.
func (b Body) Block(path ...string) (Body, error) {
	for _, kind := range path {
		found := b.Blocks(kind)
		if len(found) != 1 {
			return Body{}, fmt.Errorf("%s has %d blocks %s: expected one", b.name, len(found), kind)
		}
		b = found[0]
	}
	return b, nil
}

// Has reports whether the body has an attribute.
func (b Body) Has(name string) bool { return b.body.Attributes[name] != nil }

// Names are the names of the attributes and the blocks, sorted.
func (b Body) Names() []string {
	names := slices.Collect(maps.Keys(b.body.Attributes))
	for _, block := range b.body.Blocks {
		names = append(names, block.Type)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// value evaluates an attribute as a type.
func (b Body) value(name string, kind cty.Type) (cty.Value, error) {
	attribute := b.body.Attributes[name]
	if attribute == nil {
		return cty.NilVal, fmt.Errorf("%s has no %s", b.name, name)
	}
	v, diagnostics := attribute.Expr.Value(b.module.context)
	if diagnostics.HasErrors() {
		return cty.NilVal, fmt.Errorf("%s: %s: %w", b.name, name, diagnostics)
	}
	v, err := convert.Convert(v, kind)
	if err != nil || v.IsNull() || !v.IsWhollyKnown() {
		return cty.NilVal, fmt.Errorf("%s: %s is not a %s (%v)", b.name, name, kind.FriendlyName(), err)
	}
	return v, nil
}

// Text is an attribute that is text, or can be.
func (b Body) Text(name string) (string, error) {
	v, err := b.value(name, cty.String)
	if err != nil {
		return "", err
	}
	return v.AsString(), nil
}

// Number is an attribute that is a number, or can be.
func (b Body) Number(name string) (float64, error) {
	v, err := b.value(name, cty.Number)
	if err != nil {
		return 0, err
	}
	f, _ := v.AsBigFloat().Float64()
	return f, nil
}

// Texts is an attribute that is a list of texts.
func (b Body) Texts(name string) (all []string, err error) {
	v, err := b.value(name, cty.List(cty.String))
	if err != nil {
		return nil, err
	}
	for _, one := range v.AsValueSlice() {
		all = append(all, one.AsString())
	}
	return all, nil
}
