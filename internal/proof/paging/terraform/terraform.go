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
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Module is a module with values for its variables.
type Module struct {
	resources map[string]map[string]Body
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
	m := &Module{resources: map[string]map[string]Body{}, context: &hcl.EvalContext{Functions: functions, Variables: maps.Clone(known)}}
	if m.context.Variables == nil {
		m.context.Variables = map[string]cty.Value{}
	}
	values, locals := map[string]cty.Value{}, map[string]hcl.Expression{}
	var resources []*hclsyntax.Block
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
			if block.Type == "resource" {
				resources = append(resources, block)
			}
			if err := take(block, variables, values, locals); err != nil {
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
	m.evaluate(locals)
	for _, block := range resources {
		m.expand(block)
	}
	return m, nil
}

// evaluate gives the locals their values, which may refer to each other. Those that
// need what only a provider knows have none.
func (m *Module) evaluate(locals map[string]hcl.Expression) {
	evaluated := map[string]cty.Value{}
	for before := -1; before < len(evaluated); {
		before = len(evaluated)
		m.context.Variables["local"] = cty.ObjectVal(evaluated)
		for name, expression := range locals {
			if v, diagnostics := expression.Value(m.context); !diagnostics.HasErrors() {
				evaluated[name] = v
			}
		}
	}
}

// expand files a resource: by its name, or by its address for each member of its
// for_each, if that can be evaluated.
func (m *Module) expand(block *hclsyntax.Block) {
	kind, name := block.Labels[0], block.Labels[1]
	if m.resources[kind] == nil {
		m.resources[kind] = map[string]Body{}
	}
	if each := block.Body.Attributes["for_each"]; each != nil {
		if members, diagnostics := each.Expr.Value(m.context); !diagnostics.HasErrors() {
			for key, value := range members.Elements() {
				address := fmt.Sprintf("%s[%q]", name, key.AsString())
				m.resources[kind][address] = Body{with(m.context, "each", key, value), block.Body, kind + "." + address}
			}
			return
		}
	}
	m.resources[kind][name] = Body{m.context, block.Body, kind + "." + name}
}

// with is a context in which name.key and name.value are known too.
func with(context *hcl.EvalContext, name string, key, value cty.Value) *hcl.EvalContext {
	child := context.NewChild()
	child.Variables = map[string]cty.Value{name: cty.ObjectVal(map[string]cty.Value{"key": key, "value": value})}
	return child
}

// take files a variable, or locals.
func take(block *hclsyntax.Block, variables map[string]string, values map[string]cty.Value, locals map[string]hcl.Expression) error {
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
	}
	return nil
}

// functions are those that modules may use in what is read here.
var functions = map[string]function.Function{
	"concat": stdlib.ConcatFunc, "join": stdlib.JoinFunc, "merge": stdlib.MergeFunc, "replace": stdlib.ReplaceFunc, "tostring": stdlib.MakeToFunc(cty.String), "try": tryfunc.TryFunc,
}

// Resources are the names of the resources of a type, sorted; name["key"] where a
// resource has a for_each.
func (m *Module) Resources(kind string) []string { return slices.Sorted(maps.Keys(m.resources[kind])) }

// Resource returns the body of a resource.
func (m *Module) Resource(kind, name string) (Body, error) {
	body, ok := m.resources[kind][name]
	if !ok {
		return Body{}, fmt.Errorf("the module has no %s %q", kind, name)
	}
	return body, nil
}

// Body is a resource, or a block in one.
type Body struct {
	context *hcl.EvalContext
	body    *hclsyntax.Body
	name    string
}

// Blocks are the blocks of a type in the body, in order; dynamic ones as often as
// there are members. One whose members cannot be evaluated is left as it stands, so
// that its attributes are errors.
func (b Body) Blocks(kind string) (found []Body) {
	for _, block := range b.body.Blocks {
		name := b.name + "." + kind
		switch {
		case block.Type == kind:
			found = append(found, Body{b.context, block.Body, name})
		case block.Type == "dynamic" && block.Labels[0] == kind:
			content := block.Body.Blocks[0].Body
			members, diagnostics := block.Body.Attributes["for_each"].Expr.Value(b.context)
			if diagnostics.HasErrors() {
				found = append(found, Body{b.context, content, name})
				continue
			}
			for key, value := range members.Elements() {
				found = append(found, Body{with(b.context, kind, key, value), content, name})
			}
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

// Has reports whether the body has an attribute, and that not null.
func (b Body) Has(name string) bool {
	attribute := b.body.Attributes[name]
	if attribute == nil {
		return false
	}
	v, diagnostics := attribute.Expr.Value(b.context)
	return diagnostics.HasErrors() || !v.IsNull()
}

// Names are the names of the attributes and the blocks, sorted, but for those of
// Terraform itself.
func (b Body) Names() (names []string) {
	for name := range b.body.Attributes {
		if b.Has(name) && name != "for_each" {
			names = append(names, name)
		}
	}
	for _, block := range b.body.Blocks {
		switch block.Type {
		case "lifecycle":
		case "dynamic":
			names = append(names, block.Labels[0])
		default:
			names = append(names, block.Type)
		}
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
	v, diagnostics := attribute.Expr.Value(b.context)
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
