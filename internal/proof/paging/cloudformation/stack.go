package cloudformation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Object is a JSON object: a template, a resource, its properties.
type Object = map[string]any

// accountID is the account that every evaluation deploys to.
const accountID = "111122223333"

// Place is where a stack is deployed: its partition, such as aws or aws-cn, its
// region, and the partition's domain, AWS::URLSuffix.
type Place struct{ Partition, Region, URLSuffix string }

// Ireland is the place that Deploy deploys to.
var Ireland = Place{Partition: "aws", Region: "eu-west-1", URLSuffix: "amazonaws.com"}

// Stack is a template under one set of parameter values.
type Stack struct {
	template Object
	values   map[string]any
	name     string
	place    Place
}

// Deploy gives a template the values of its parameters, as CloudFormation would.
// Missing parameters have their default, a list is split, and everything else is a
// string. The error names a parameter that the template does not have, or one
// without a value.
func Deploy(template Object, stackName string, parameters map[string]string) (*Stack, error) {
	return DeployIn(Ireland, template, stackName, parameters)
}

// DeployIn is Deploy to another place.
func DeployIn(place Place, template Object, stackName string, parameters map[string]string) (*Stack, error) {
	s := &Stack{template: template, name: stackName, place: place, values: map[string]any{
		"AWS::AccountId": accountID, "AWS::Region": place.Region, "AWS::Partition": place.Partition, "AWS::StackName": stackName,
		"AWS::URLSuffix": place.URLSuffix,
		"AWS::StackId":   fmt.Sprintf("arn:%s:cloudformation:%s:%s:stack/%s/0b8c7b2e-0000-4000-8000-000000000001", place.Partition, place.Region, accountID, stackName),
	}}
	definitions, _ := template["Parameters"].(Object)
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		if _, ok := definitions[name]; !ok {
			return nil, fmt.Errorf("the template has no parameter %s", name)
		}
	}
	for name, definition := range definitions {
		definition, _ := definition.(Object)
		value, given := parameters[name]
		if !given {
			preset, ok := definition["Default"]
			if !ok {
				return nil, fmt.Errorf("parameter %s has no default: give it a value", name)
			}
			value = text(preset)
		}
		s.values[name] = value
		if definition["Type"] == "CommaDelimitedList" {
			var list []any
			for item := range strings.SplitSeq(value, ",") {
				list = append(list, strings.TrimSpace(item))
			}
			s.values[name] = list
		}
	}
	return s, nil
}

// Parameter is a parameter's value: a string, or a []any of strings for a list;
// nil if there is no such parameter.
func (s *Stack) Parameter(name string) any { return s.values[name] }

// IDs are the logical ids of the resources of a type, or of all types if it is
// empty, that the deployment creates, in alphabetical order.
func (s *Stack) IDs(resourceType string) (ids []string, err error) {
	defer catch(&err)
	resources, _ := s.template["Resources"].(Object)
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		r := s.resource(id)
		if (resourceType == "" || r["Type"] == resourceType) && s.creates(r) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// Resource is a resource as the template has it.
func (s *Stack) Resource(id string) (r Object, err error) {
	defer catch(&err)
	return s.resource(id), nil
}

// Properties of a resource, with the intrinsic functions evaluated; nil if it has
// none. SAM's Globals are among the properties of a function.
func (s *Stack) Properties(id string) (properties Object, err error) {
	defer catch(&err)
	r := s.resource(id)
	own := r["Properties"]
	if r["Type"] == "AWS::Serverless::Function" {
		globals, _ := s.template["Globals"].(Object)
		own = merged(globals["Function"], own)
	}
	properties, _ = s.value(own).(Object)
	return properties, nil
}

// merged is a function's own property over that of Globals: maps merge, and
// anything else is replaced.
func merged(global, own any) any {
	g, isMap := global.(Object)
	o, isOwnMap := own.(Object)
	if !isMap || !isOwnMap {
		return own
	}
	out := maps.Clone(g)
	for name, v := range o {
		out[name] = merged(g[name], v)
	}
	return out
}

// Value evaluates intrinsic functions, all the way down.
func (s *Stack) Value(v any) (value any, err error) {
	defer catch(&err)
	return s.value(v), nil
}

// Holds evaluates a condition, such as {"Condition": "Name"} or
// {"Fn::Equals": […]}.
func (s *Stack) Holds(condition any) (holds bool, err error) {
	defer catch(&err)
	return s.truth(condition), nil
}

// Physical is the name that a resource is given, or one made up as
// CloudFormation would.
func (s *Stack) Physical(id string) (name string, err error) {
	defer catch(&err)
	return s.physical(id), nil
}

// fault is what evaluation panics with: the template is wrong, or uses
// something that this package must first be taught.
type fault string

func (f fault) Error() string { return string(f) }

// catch turns a fault into an error. A value of another form than CloudFormation
// takes is a fault too.
func catch(err *error) {
	switch p := recover().(type) {
	case nil:
	case fault:
		*err = p
	case error:
		*err = fmt.Errorf("the template has a value of an unexpected form: %w", p)
	default:
		panic(p)
	}
}

// creates reports whether the resource's condition holds.
func (s *Stack) creates(r Object) bool {
	condition, conditional := r["Condition"].(string)
	return !conditional || s.holds(condition)
}

// referTo is the resource that a function refers to. CloudFormation refuses a
// reference to one that the deployment does not create.
func (s *Stack) referTo(id string) Object {
	r := s.resource(id)
	if !s.creates(r) {
		panic(fault("a reference to " + id + ", which this deployment does not create"))
	}
	return r
}

func (s *Stack) resource(id string) Object {
	resources, _ := s.template["Resources"].(Object)
	r, ok := resources[id].(Object)
	if !ok {
		panic(fault("there is no resource " + id))
	}
	return r
}

// physical looks for the properties that name a resource.
func (s *Stack) physical(id string) string {
	properties, _ := s.resource(id)["Properties"].(Object)
	for _, property := range []string{"FunctionName", "LogGroupName", "QueueName", "RoleName", "TopicName", "AlarmName", "DashboardName", "Name"} {
		if v, ok := properties[property]; ok {
			if v := s.value(v); !isNothing(v) {
				return fmt.Sprint(v)
			}
		}
	}
	return s.name + "-" + id
}
