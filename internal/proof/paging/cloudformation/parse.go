package cloudformation

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse reads a template in YAML, with CloudFormation's short tags such as !Ref,
// or in JSON. Short and long forms of a function come out alike, and numbers as
// float64, so that a template in either notation gives the same Object.
func Parse(text []byte) (Object, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("the template is neither YAML nor JSON: %w", err)
	}
	if len(doc.Content) != 1 {
		return nil, errors.New("the template is empty")
	}
	v, err := convert(doc.Content[0])
	if err != nil {
		return nil, err
	}
	template, ok := v.(Object)
	if !ok {
		return nil, errors.New("the template is not a mapping of Parameters, Resources and so on")
	}
	return template, nil
}

// convert turns a node into maps, lists and scalars.
func convert(n *yaml.Node) (any, error) {
	if n.Kind == yaml.AliasNode {
		return convert(n.Alias)
	}
	v, err := plain(n)
	if err != nil || !strings.HasPrefix(n.Tag, "!") || strings.HasPrefix(n.Tag, "!!") {
		return v, err
	}
	switch name := n.Tag[1:]; name {
	case "Ref", "Condition":
		return Object{name: v}, nil
	case "GetAtt":
		if text, ok := v.(string); ok {
			id, attribute, _ := strings.Cut(text, ".")
			v = []any{id, attribute}
		}
		return Object{"Fn::GetAtt": v}, nil
	default:
		return Object{"Fn::" + name: v}, nil
	}
}

// plain converts a node without regard to a short tag.
func plain(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.MappingNode:
		out := Object{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, err := convert(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			out[n.Content[i].Value] = v
		}
		return out, nil
	case yaml.SequenceNode:
		out := []any{}
		for _, item := range n.Content {
			v, err := convert(item)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case yaml.ScalarNode:
		return scalar(n)
	}
	return nil, fmt.Errorf("line %d: unexpected YAML", n.Line)
}

func scalar(n *yaml.Node) (any, error) {
	switch n.Tag {
	case "!!int", "!!float":
		f, err := strconv.ParseFloat(n.Value, 64)
		if err != nil {
			return nil, fmt.Errorf("line %d: %q is no number that JSON has", n.Line, n.Value)
		}
		return f, nil
	case "!!bool":
		return strconv.ParseBool(n.Value)
	case "!!null":
		return nil, nil
	}
	return n.Value, nil
}
