package main

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"go.yaml.in/yaml/v3"
)

// parameter is one of the template's.
type parameter struct {
	Name                  string   `yaml:"-"`
	Type                  string   `yaml:"Type"`
	Description           string   `yaml:"Description"`
	Default               string   `yaml:"Default"`
	AllowedPattern        string   `yaml:"AllowedPattern"`
	AllowedValues         []string `yaml:"AllowedValues"`
	ConstraintDescription string   `yaml:"ConstraintDescription"`
	MinValue              *int64   `yaml:"MinValue"`
	MaxValue              *int64   `yaml:"MaxValue"`
	MaxLength             *int64   `yaml:"MaxLength"`
	NoEcho                bool     `yaml:"NoEcho"`
}

// output is one of the template's.
type output struct {
	Name        string `yaml:"-"`
	Description string `yaml:"Description"`
}

// read takes parameters and outputs from a template, in its order.
func read(template []byte) (parameters []parameter, outputs []output, err error) {
	var document struct {
		Parameters yaml.Node `yaml:"Parameters"`
		Outputs    yaml.Node `yaml:"Outputs"`
	}
	if err := yaml.Unmarshal(template, &document); err != nil {
		return nil, nil, err
	}
	for i := 0; i+1 < len(document.Parameters.Content); i += 2 {
		var p parameter
		if err := document.Parameters.Content[i+1].Decode(&p); err != nil {
			return nil, nil, err
		}
		p.Name = document.Parameters.Content[i].Value
		parameters = append(parameters, p)
	}
	for i := 0; i+1 < len(document.Outputs.Content); i += 2 {
		var o output
		if err := document.Outputs.Content[i+1].Decode(&o); err != nil {
			return nil, nil, err
		}
		o.Name = document.Outputs.Content[i].Value
		outputs = append(outputs, o)
	}
	return parameters, outputs, nil
}

// snake turns a name such as PageTopicArn into page_topic_arn.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			_ = b.WriteByte('_')
		}
		_, _ = b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// kind is the variable's type.
func (p parameter) kind() string {
	switch {
	case p.Type == "Number":
		return "number"
	// A String in the template, since CloudFormation cannot bound a list's length.
	case p.Type == "CommaDelimitedList", p.Name == "Connections":
		return "list(string)"
	case strings.Join(p.AllowedValues, ",") == "true,false":
		return "bool"
	}
	return "string"
}

// value is the parameter's value in HCL, as CloudFormation takes it.
func (p parameter) value() string {
	v := "var." + snake(p.Name)
	switch p.kind() {
	case "list(string)":
		return v + ` == null ? null : join(",", ` + v + `)`
	case "string":
		return v
	}
	return v + " == null ? null : tostring(" + v + ")"
}

// conditions that hold for a value that is not null, each with what is said
// otherwise.
func (p parameter) conditions() (conditions [][2]string) {
	v := "var." + snake(p.Name)
	says := "The value " + strings.TrimSuffix(p.ConstraintDescription, ".") + "."
	if p.AllowedPattern != "" {
		switch {
		case p.Type == "CommaDelimitedList":
			conditions = append(conditions, [2]string{fmt.Sprintf("alltrue([for member in %s : can(regex(%s, member))])", v, literal(p.AllowedPattern)), says})
		case p.kind() == "list(string)":
			conditions = append(conditions, [2]string{fmt.Sprintf(`can(regex(%s, join(",", %s)))`, literal(p.AllowedPattern), v), says})
		default:
			conditions = append(conditions, [2]string{fmt.Sprintf("can(regex(%s, %s))", literal(p.AllowedPattern), v), says})
		}
	}
	if len(p.AllowedValues) > 0 && p.kind() != "bool" {
		var values []string
		for _, value := range p.AllowedValues {
			if p.kind() == "string" {
				value = literal(value)
			}
			values = append(values, value)
		}
		conditions = append(conditions, [2]string{fmt.Sprintf("contains([%s], %s)", strings.Join(values, ", "), v), "The value must be one of " + strings.Join(p.AllowedValues, ", ") + "."})
	}
	if p.MinValue != nil && p.MaxValue != nil {
		conditions = append(conditions, [2]string{fmt.Sprintf("%s >= %d && %s <= %d", v, *p.MinValue, v, *p.MaxValue), fmt.Sprintf("The value must be from %d to %d.", *p.MinValue, *p.MaxValue)})
	}
	if p.MaxLength != nil {
		conditions = append(conditions, [2]string{fmt.Sprintf("length(%s) <= %d", v, *p.MaxLength), fmt.Sprintf("The value must have %d characters at most.", *p.MaxLength)})
	}
	return conditions
}

// literal is a text in HCL.
func literal(text string) string {
	return string(hclwrite.TokensForValue(cty.StringVal(text)).Bytes())
}

const generated = "# Written by `make terraform` from template.yaml: change that.\n"

// generate returns the files, by name.
func generate(template []byte) (map[string][]byte, error) {
	parameters, outputs, err := read(template)
	if err != nil {
		return nil, err
	}
	var variables, locals, results bytes.Buffer
	for _, p := range parameters {
		fmt.Fprintf(&variables, "\nvariable %q {\n", snake(p.Name))
		fmt.Fprintf(&variables, "type = %s\n", p.kind())
		fmt.Fprintf(&variables, "description = %s\n", literal(p.Description+" The template's default: "+p.shownDefault()+"."))
		fmt.Fprint(&variables, "default = null\n")
		if p.NoEcho {
			fmt.Fprint(&variables, "sensitive = true\n")
		}
		for _, c := range p.conditions() {
			fmt.Fprintf(&variables, "validation {\ncondition = var.%s == null ? true : %s\nerror_message = %s\n}\n", snake(p.Name), c[0], literal(c[1]))
		}
		fmt.Fprint(&variables, "}\n")
		fmt.Fprintf(&locals, "%s = %s\n", p.Name, p.value())
	}
	for _, o := range outputs {
		fmt.Fprintf(&results, "\noutput %q {\ndescription = %s\nvalue = lookup(aws_cloudformation_stack.tokenkeeper.outputs, %q, null)\n}\n", snake(o.Name), literal(o.Description), o.Name)
	}
	return map[string][]byte{
		"variables.tf":  hclwrite.Format([]byte(generated + variables.String())),
		"parameters.tf": hclwrite.Format([]byte(generated + "\nlocals {\n# Those that are not null go to CloudFormation; the others keep the template's default.\nparameters = {\n" + locals.String() + "}\n}\n")),
		"outputs.tf":    hclwrite.Format([]byte(generated + results.String())),
	}, nil
}

func (p parameter) shownDefault() string {
	if p.Default == "" {
		return "none"
	}
	return p.Default
}
