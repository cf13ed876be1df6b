package tfvars

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Merge returns source, the text of a .tfvars file, with the values in it. What
// is not ours stays as it is, comments and layout included; values that are
// right already change nothing. name is the file's, for errors.
//
// It fails, and names the place, where source is not valid or where
// connector_settings is not an object.
func Merge(source []byte, name string, v Values) ([]byte, error) {
	if v.CloudID == "" {
		return nil, errors.New("there is no cloud id to hand over")
	}
	body, err := parse(source, name)
	if err != nil {
		return nil, err
	}
	m := merger{source: source, newline: newlineOf(source)}
	appended := ""
	for _, s := range v.variables() {
		if a := body.Attributes[s.name]; a != nil {
			m.replace(a.Expr, s.value)
		} else {
			appended += s.name + " = " + literal(s.value) + m.newline
		}
	}
	if a := body.Attributes[settingsName]; a == nil {
		appended += v.settingsLines(m.newline)
	} else if object, ok := a.Expr.(*hclsyntax.ObjectConsExpr); ok {
		m.object(object, v.settings())
	} else if isNull(a.Expr) {
		m.edit(a.Expr.Range(), strings.TrimPrefix(strings.TrimSuffix(v.settingsLines(m.newline), m.newline), settingsName+" = "))
	} else {
		return nil, fmt.Errorf("%s: %s is not an object: expected { … }; correct it first", at(a.Expr.Range()), settingsName)
	}
	m.append(appended)

	merged := m.apply()
	if err := check(merged, name, v); err != nil {
		return nil, err
	}
	return merged, nil
}

func parse(source []byte, name string) (*hclsyntax.Body, error) {
	file, diagnostics := hclsyntax.ParseConfig(source, name, hcl.InitialPos)
	for _, d := range diagnostics.Errs() {
		return nil, fmt.Errorf("%w; correct the file first", d)
	}
	return file.Body.(*hclsyntax.Body), nil // hclsyntax makes no other
}

// check reads the result again: Terraform must find the new values in it.
func check(merged []byte, name string, v Values) error {
	body, err := parse(merged, name)
	if err != nil {
		return fmt.Errorf("%s cannot be edited without breaking it: set the values by hand", name)
	}
	found := func(a *hclsyntax.Attribute) cty.Value {
		if a == nil {
			return cty.NilVal
		}
		got, _ := a.Expr.Value(nil)
		return got
	}
	right := func(got cty.Value, want string) bool {
		return got != cty.NilVal && got.Type() == cty.String && got.IsKnown() && !got.IsNull() && got.AsString() == cty.StringVal(want).AsString()
	}
	settings := found(body.Attributes[settingsName])
	for _, s := range v.variables() {
		if !right(found(body.Attributes[s.name]), s.value) {
			return fmt.Errorf("%s cannot be edited so that %s is set: set it by hand", name, s.name)
		}
	}
	for _, s := range v.settings() {
		if settings == cty.NilVal || !settings.Type().IsObjectType() || !settings.Type().HasAttribute(s.name) ||
			!right(settings.GetAttr(s.name), s.value) {
			return fmt.Errorf("%s cannot be edited so that %s.%s is set: set it by hand", name, settingsName, s.name)
		}
	}
	return nil
}

// merger collects edits of a source.
type merger struct {
	source  []byte
	newline string
	edits   []edit
}

// edit replaces the bytes from start to end.
type edit struct {
	start, end int
	text       string
}

func (m *merger) edit(r hcl.Range, text string) {
	m.edits = append(m.edits, edit{r.Start.Byte, r.End.Byte, text})
}

// replace sets an expression, unless it has the value already.
func (m *merger) replace(e hclsyntax.Expression, value string) {
	if got, diagnostics := e.Value(nil); !diagnostics.HasErrors() && got.RawEquals(cty.StringVal(value)) {
		return
	}
	m.edit(e.Range(), literal(value))
}

// object sets members of an object, and adds those that are missing.
func (m *merger) object(o *hclsyntax.ObjectConsExpr, settings []setting) {
	missing := slices.Clone(settings)
	for _, item := range o.Items {
		key, diagnostics := item.KeyExpr.Value(nil)
		if diagnostics.HasErrors() || key.Type() != cty.String || key.IsNull() {
			continue
		}
		if want, ours := value(settings, key.AsString()); ours {
			m.replace(item.ValueExpr, want)
			missing = slices.DeleteFunc(missing, func(s setting) bool { return s.name == key.AsString() })
		}
	}
	if len(missing) > 0 {
		m.insert(o, missing)
	}
}

// insert adds members at the end of an object. If the closing brace has a line of
// its own, so does each member; otherwise they go on the brace's line.
func (m *merger) insert(o *hclsyntax.ObjectConsExpr, settings []setting) {
	brace := o.SrcRange.End.Byte - 1
	line := bytes.LastIndexByte(m.source[:brace], '\n') + 1
	if indent := m.source[line:brace]; len(bytes.TrimSpace(indent)) == 0 && line > o.OpenRange.End.Byte {
		var b strings.Builder
		for _, s := range settings {
			b.WriteString(string(indent) + "  " + s.name + " = " + literal(s.value) + m.newline)
		}
		m.edits = append(m.edits, edit{line, line, b.String()})
		return
	}
	var members []string
	for _, s := range settings {
		members = append(members, s.name+" = "+literal(s.value))
	}
	from, separator := o.OpenRange.End.Byte, ""
	if n := len(o.Items); n > 0 {
		from = o.Items[n-1].ValueExpr.Range().End.Byte
		if !hasComma(m.source[from:brace]) {
			separator = ","
		}
	}
	end := from + len(bytes.TrimRight(m.source[from:brace], " \t"))
	m.edits = append(m.edits, edit{end, brace, separator + " " + strings.Join(members, ", ") + " "})
}

// hasComma reports whether source has a comma outside of comments.
func hasComma(source []byte) bool {
	tokens, _ := hclsyntax.LexExpression(source, "", hcl.InitialPos)
	return slices.ContainsFunc(tokens, func(t hclsyntax.Token) bool { return t.Type == hclsyntax.TokenComma })
}

// append adds lines at the end of the file.
func (m *merger) append(lines string) {
	if lines == "" {
		return
	}
	if n := len(m.source); n > 0 && m.source[n-1] != '\n' {
		lines = m.newline + lines
	}
	m.edits = append(m.edits, edit{len(m.source), len(m.source), lines})
}

// apply carries the edits out, from the last to the first.
func (m *merger) apply() []byte {
	slices.SortStableFunc(m.edits, func(a, b edit) int { return b.start - a.start })
	result := m.source
	for _, e := range m.edits {
		result = slices.Concat(result[:e.start], []byte(e.text), result[e.end:])
	}
	return result
}

func isNull(e hclsyntax.Expression) bool {
	got, diagnostics := e.Value(nil)
	return !diagnostics.HasErrors() && got.IsNull()
}

// newlineOf is the line ending that a file uses.
func newlineOf(source []byte) string {
	if bytes.Contains(source, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

func at(r hcl.Range) string { return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line) }
