package cloudformation

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// nothing is what AWS::NoValue evaluates to: the property or list item that
// holds it does not exist.
type nothing struct{}

func isNothing(v any) bool {
	_, ok := v.(nothing)
	return ok
}

// value evaluates intrinsic functions, all the way down.
func (s *Stack) value(v any) any {
	switch v := v.(type) {
	case Object:
		if len(v) == 1 {
			for name, argument := range v {
				if name == "Ref" || strings.HasPrefix(name, "Fn::") {
					return s.call(name, argument)
				}
			}
		}
		out := Object{}
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

// call evaluates one intrinsic function.
func (s *Stack) call(name string, argument any) any {
	switch name {
	case "Ref":
		return s.ref(argument.(string))
	case "Fn::GetAtt":
		if name, ok := argument.(string); ok {
			id, attribute, _ := strings.Cut(name, ".")
			return s.attribute(id, attribute)
		}
		list := Strings(argument)
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
	list, _ := argument.([]any)
	switch {
	case name == "Fn::Join" && len(list) == 2:
		return strings.Join(Strings(s.value(list[1])), literal(name, list[0]))
	case name == "Fn::Split" && len(list) == 2:
		var out []any
		for item := range strings.SplitSeq(text(s.value(list[1])), literal(name, list[0])) {
			out = append(out, item)
		}
		return out
	case name == "Fn::Select" && len(list) == 2:
		index, items := int(list[0].(float64)), Strings(s.value(list[1]))
		if index >= len(items) {
			panic(fault(fmt.Sprintf("Fn::Select wants item %d of %d", index, len(items))))
		}
		return items[index]
	}
	panic(fault(name + " is not known here"))
}

// literal: CloudFormation takes no function as a delimiter.
func literal(name string, v any) string {
	delimiter, ok := v.(string)
	if !ok {
		panic(fault("the delimiter of " + name + " must be a literal string"))
	}
	return delimiter
}

var placeholder = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

func (s *Stack) sub(argument any) string {
	form, variables := argument, Object{}
	if list, ok := argument.([]any); ok {
		form, variables = list[0], list[1].(Object)
	}
	evaluated := placeholder.ReplaceAllStringFunc(form.(string), func(match string) string {
		name := match[2 : len(match)-1]
		if v, ok := variables[name]; ok {
			return text(s.value(v))
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
func (s *Stack) holds(name string) bool {
	conditions, _ := s.template["Conditions"].(Object)
	definition, ok := conditions[name]
	if !ok {
		panic(fault("there is no condition " + name))
	}
	return s.truth(definition)
}

func (s *Stack) truth(v any) bool {
	for name, argument := range v.(Object) {
		switch name {
		case "Condition":
			return s.holds(argument.(string))
		case "Fn::Equals":
			list := argument.([]any)
			return text(s.value(list[0])) == text(s.value(list[1]))
		case "Fn::Not":
			return !s.truth(argument.([]any)[0])
		case "Fn::And", "Fn::Or":
			for _, item := range argument.([]any) {
				if s.truth(item) == (name == "Fn::Or") {
					return name == "Fn::Or"
				}
			}
			return name == "Fn::And"
		case "Fn::Contains": // of rules alone
			list := argument.([]any)
			return slices.Contains(Strings(list[0]), text(s.value(list[1])))
		}
	}
	panic(fault(fmt.Sprintf("the condition %v is not known here", v)))
}

// ref is Ref of a parameter, a pseudo parameter or a resource.
func (s *Stack) ref(name string) any {
	if name == "AWS::NoValue" {
		return nothing{}
	}
	if v, ok := s.values[name]; ok {
		return v
	}
	r := s.referTo(name)
	switch id := s.physical(name); r["Type"] {
	case "AWS::SQS::Queue":
		return fmt.Sprintf("https://sqs.%s.%s/%s/%s", s.place.Region, s.place.URLSuffix, accountID, id)
	case "AWS::Lambda::Version":
		return s.arn("lambda:REGION:function:" + id + ":" + name) // its number is not known; SAM's name of it is as good
	case "AWS::SNS::Topic":
		return s.arn("sns:REGION:" + id)
	default:
		return id
	}
}

// arn completes an ARN's form: REGION stands for region and account.
func (s *Stack) arn(form string) string {
	return "arn:" + s.place.Partition + ":" + strings.Replace(form, "REGION", s.place.Region+":"+accountID, 1)
}

// arns are the forms of the ARNs by type; GetAtt knows no others.
var arns = map[string]string{
	"AWS::KMS::Key":                 "kms:REGION:key/%s",
	"AWS::SQS::Queue":               "sqs:REGION:%s",
	"AWS::SNS::Topic":               "sns:REGION:%s",
	"AWS::IAM::Role":                "iam::" + accountID + ":role/%s",
	"AWS::Lambda::Function":         "lambda:REGION:function:%s",
	"AWS::Serverless::Function":     "lambda:REGION:function:%s",
	"AWS::Logs::LogGroup":           "logs:REGION:log-group:%s:*",
	"AWS::Scheduler::ScheduleGroup": "scheduler:REGION:schedule-group/%s",
	"AWS::CloudWatch::Alarm":        "cloudwatch:REGION:alarm:%s",
	"AWS::Events::Rule":             "events:REGION:rule/%s",
}

// attribute is Fn::GetAtt.
func (s *Stack) attribute(id, attribute string) string {
	kind := fmt.Sprint(s.referTo(id)["Type"])
	switch form, ok := arns[kind]; {
	case ok && (attribute == "Arn" || attribute == "TopicArn"):
		return s.arn(fmt.Sprintf(form, s.physical(id)))
	case kind == "AWS::Lambda::Version" && attribute == "Version":
		return id
	case attribute == "QueueName" || attribute == "TopicName":
		return s.physical(id)
	}
	panic(fault(fmt.Sprintf("the attribute %s.%s is not known here", kind, attribute)))
}

// Strings turns a string or a list of strings into a slice, as IAM and
// CloudWatch read both.
func Strings(v any) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		var out []string
		for _, item := range v {
			out = append(out, text(item))
		}
		return out
	default:
		return []string{text(v)}
	}
}

// text is a scalar as CloudFormation puts it into a string: numbers in full.
func text(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
