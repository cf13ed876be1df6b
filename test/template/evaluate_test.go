package template

import (
	"fmt"
	"regexp"
	"strings"
)

// fault is what evaluation panics with: the template is wrong, or uses
// something that this evaluator must first be taught.
type fault string

// nothing is what AWS::NoValue evaluates to: the property or list item that
// holds it does not exist.
type nothing struct{}

// value evaluates intrinsic functions, all the way down.
func (s *stack) value(v any) any {
	switch v := v.(type) {
	case object:
		if len(v) == 1 {
			for name, argument := range v {
				if name == "Ref" || strings.HasPrefix(name, "Fn::") {
					return s.call(name, argument)
				}
			}
		}
		out := object{}
		for key, item := range v {
			if item := s.value(item); !isNothing(item) {
				out[key] = item
			}
		}
		return out
	case []any:
		out := []any{}
		for _, item := range v {
			if item := s.value(item); !isNothing(item) {
				out = append(out, item)
			}
		}
		return out
	}
	return v
}

func isNothing(v any) bool {
	_, ok := v.(nothing)
	return ok
}

// call evaluates one intrinsic function.
func (s *stack) call(name string, argument any) any {
	switch name {
	case "Ref":
		return s.ref(argument.(string))
	case "Fn::GetAtt":
		if text, ok := argument.(string); ok {
			id, attribute, _ := strings.Cut(text, ".")
			return s.attribute(id, attribute)
		}
		list := strs(argument)
		return s.attribute(list[0], list[1])
	case "Fn::Sub":
		return s.sub(argument)
	case "Fn::If":
		list := argument.([]any)
		if s.holds(list[0].(string)) {
			return s.value(list[1])
		}
		return s.value(list[2])
	}
	list := argument.([]any)
	switch name {
	case "Fn::Join":
		return strings.Join(strs(s.value(list[1])), literal(name, list[0]))
	case "Fn::Split":
		var out []any
		for item := range strings.SplitSeq(fmt.Sprint(s.value(list[1])), literal(name, list[0])) {
			out = append(out, item)
		}
		return out
	case "Fn::Select":
		index, items := int(list[0].(float64)), strs(s.value(list[1]))
		if index >= len(items) {
			panic(fault(fmt.Sprintf("Fn::Select wants item %d of %d", index, len(items))))
		}
		return items[index]
	}
	panic(fault("the tests do not know " + name))
}

// literal: CloudFormation takes no function as a delimiter.
func literal(name string, v any) string {
	text, ok := v.(string)
	if !ok {
		panic(fault("the delimiter of " + name + " must be a literal string"))
	}
	return text
}

var placeholder = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

func (s *stack) sub(argument any) string {
	text, variables := argument, object{}
	if list, ok := argument.([]any); ok {
		text, variables = list[0], list[1].(object)
	}
	evaluated := placeholder.ReplaceAllStringFunc(text.(string), func(match string) string {
		name := match[2 : len(match)-1]
		if v, ok := variables[name]; ok {
			return fmt.Sprint(s.value(v))
		}
		if id, attribute, ok := strings.Cut(name, "."); ok {
			return s.attribute(id, attribute)
		}
		v := s.ref(name)
		if _, ok := v.(string); !ok {
			panic(fault(fmt.Sprintf("Fn::Sub cannot put %s, which is a list, into a string", name)))
		}
		return v.(string)
	})
	return strings.ReplaceAll(evaluated, "${!", "${")
}

// holds evaluates a condition by its name.
func (s *stack) holds(name string) bool {
	definition, ok := s.doc["Conditions"].(object)[name]
	if !ok {
		panic(fault("there is no condition " + name))
	}
	return s.truth(definition)
}

func (s *stack) truth(v any) bool {
	for name, argument := range v.(object) {
		switch name {
		case "Condition":
			return s.holds(argument.(string))
		case "Fn::Equals":
			list := argument.([]any)
			return fmt.Sprint(s.value(list[0])) == fmt.Sprint(s.value(list[1]))
		case "Fn::Not":
			return !s.truth(argument.([]any)[0])
		case "Fn::And", "Fn::Or":
			for _, item := range argument.([]any) {
				if s.truth(item) == (name == "Fn::Or") {
					return name == "Fn::Or"
				}
			}
			return name == "Fn::And"
		}
	}
	panic(fault(fmt.Sprintf("the tests do not know the condition %v", v)))
}

// ref is Ref of a parameter, a pseudo parameter or a resource.
func (s *stack) ref(name string) any {
	if name == "AWS::NoValue" {
		return nothing{}
	}
	if v, ok := s.values[name]; ok {
		return v
	}
	s.mustCreate(name)
	switch id := s.physical(name); s.resource(name)["Type"] {
	case "AWS::SQS::Queue":
		return "https://sqs.eu-west-1.amazonaws.com/111122223333/" + id
	case "AWS::SNS::Topic":
		return "arn:aws:sns:eu-west-1:111122223333:" + id
	default:
		return id
	}
}

// physical is the name that a resource is given, or one made up as
// CloudFormation would.
func (s *stack) physical(id string) string {
	for _, property := range []string{"FunctionName", "LogGroupName", "QueueName", "RoleName", "TopicName", "AlarmName", "DashboardName", "Name"} {
		if v := at(s.resource(id), "Properties", property); v != nil {
			return fmt.Sprint(s.value(v))
		}
	}
	return "tokens-" + id
}

// mustCreate: CloudFormation refuses a reference to a resource whose condition
// does not hold.
func (s *stack) mustCreate(id string) {
	if condition, ok := s.resource(id)["Condition"].(string); ok && !s.holds(condition) {
		panic(fault("a reference to " + id + ", which this deployment does not create"))
	}
}

// attribute is Fn::GetAtt.
func (s *stack) attribute(id, attribute string) string {
	s.mustCreate(id)
	kind := fmt.Sprint(s.resource(id)["Type"], ".", attribute)
	form, ok := map[string]string{
		"AWS::CloudWatch::Alarm.Arn":        "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:%s",
		"AWS::KMS::Key.Arn":                 "arn:aws:kms:eu-west-1:111122223333:key/%s",
		"AWS::SQS::Queue.Arn":               "arn:aws:sqs:eu-west-1:111122223333:%s",
		"AWS::SQS::Queue.QueueName":         "%s",
		"AWS::IAM::Role.Arn":                "arn:aws:iam::111122223333:role/%s",
		"AWS::Lambda::Function.Arn":         "arn:aws:lambda:eu-west-1:111122223333:function:%s",
		"AWS::Logs::LogGroup.Arn":           "arn:aws:logs:eu-west-1:111122223333:log-group:%s:*",
		"AWS::Scheduler::ScheduleGroup.Arn": "arn:aws:scheduler:eu-west-1:111122223333:schedule-group/%s",
	}[kind]
	if !ok {
		panic(fault("the tests do not know the attribute " + kind))
	}
	return fmt.Sprintf(form, s.physical(id))
}
