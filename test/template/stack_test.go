package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the repository's.
const root = "../.."

// transformed runs the SAM transform once for all tests and returns its JSON.
func transformed(t *testing.T) []byte {
	t.Helper()
	out, err := runTransform()
	require.NoError(t, err, "tools/transform.py must run; `make setup` installs what it needs")
	return out
}

var runTransform = sync.OnceValues(func() ([]byte, error) {
	// Go runs a cached test again when a file changed that the test itself has
	// read; what Python reads it does not see.
	for _, input := range []string{"template.yaml", "tools/transform.py", "tools/requirements.txt"} {
		if _, err := os.ReadFile(filepath.Join(root, input)); err != nil {
			return nil, err
		}
	}
	python, err := filepath.Abs(filepath.Join(root, ".venv/bin/python"))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(python, "tools/transform.py", "template.yaml")
	cmd.Dir = root
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, stderr.String())
	}
	return out, nil
})

// object is a JSON object.
type object = map[string]any

// stack is the transformed template under one set of parameter values.
type stack struct {
	doc    object
	values map[string]any
	// connections are the prefixes that the scenario deploys.
	connections []string
	scenario    string
}

// scenario is a deployment: parameter values that differ from the defaults.
type scenario struct {
	name       string
	parameters map[string]string
}

const (
	consumerARN = "arn:aws:iam::111122223333:role/psoxy"
	otherKeyARN = "arn:aws:kms:eu-west-1:444455556666:key/0b8c7b2e-0000-4000-8000-000000000001"
	topicARN    = "arn:aws:sns:eu-west-1:111122223333:pager"
)

// longConnections are as many as there can be, longer than they are likely to be.
var longConnections = []string{
	"/department/production/jira-one/PSOXY_JIRA_CLOUD_", "/department/production/jira-two/PSOXY_JIRA_CLOUD_",
	"/department/production/jira-three/PSOXY_JIRA_CLOUD_", "/department/production/jira-four/PSOXY_JIRA_CLOUD_",
	"/department/production/jira-five/PSOXY_JIRA_CLOUD_",
}

// scenarios that every check passes in.
var scenarios = []scenario{
	{"defaults", nil},
	{"three connections", map[string]string{"Connections": "A_JIRA_CLOUD_,B_JIRA_CLOUD_,C_JIRA_CLOUD_"}},
	{"root path", map[string]string{"Connections": "/psoxy/prod/PSOXY_JIRA_CLOUD_"}},
	{"five, with and without a path", map[string]string{"Connections": "A_,/r/B_,C_,/D_,/r/s/"}},
	{"five with long paths", map[string]string{"ParametersKey": "stack", "Connections": strings.Join(longConnections, ",")}},
	{"stack key and consumers", map[string]string{"ParametersKey": "stack", "ConsumerRoleArns": consumerARN + "," + consumerARN + "-2", "Connections": "A_,/r/B_"}},
	{"stack key without consumers", map[string]string{"ParametersKey": "stack"}},
	{"consumers without the stack key", map[string]string{"ConsumerRoleArns": consumerARN}},
	{"another key", map[string]string{"ParametersKey": otherKeyARN, "Connections": "A_,B_"}},
	{"no key of its own", map[string]string{"StackKey": "none"}},
	{"no key of its own, but another's", map[string]string{"StackKey": "none", "ParametersKey": otherKeyARN, "PageEmail": "ops@example.com"}},
	{"nothing reserved", map[string]string{"ReservedConcurrency": "0"}},
	{"topics of one's own", map[string]string{"PageTopicArn": topicARN, "TicketTopicArn": topicARN + "-tickets", "PageEmail": "a@b.example", "PageUrl": "https://b.example"}},
	{"one topic of one's own", map[string]string{"TicketTopicArn": topicARN, "PageEmail": "ops@example.com", "PageUrl": "https://events.example.com/integration/key/enqueue", "TicketEmail": "a@b.example"}},
	{"everybody subscribes", map[string]string{"PageEmail": "ops@example.com", "TicketEmail": "team@example.com", "TicketUrl": "https://tickets.example.com/"}},
	{"other warnings", map[string]string{"FirstWarningDays": "90", "SecondWarningDays": "45", "ThirdWarningDays": "21", "FourthWarningDays": "10", "LastWarningDays": "3", "RunbookUrl": "https://wiki.example.com/tokenkeeper"}},
	{"warnings by connection", map[string]string{"WarningScope": "connection", "Connections": "A_,B_"}},
	{"x86", map[string]string{"Architecture": "x86_64", "ScheduleExpression": "rate(1 minute)", "ScheduleState": "DISABLED"}},
	{"another namespace", map[string]string{"MetricNamespace": "Team/Tokens", "LogRetentionDays": "7"}},
}

// deploy gives the template the scenario's values, as CloudFormation would:
// a list is split, and everything else is a string.
func deploy(raw []byte, sc scenario) (*stack, error) {
	var doc object
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	s := &stack{doc: doc, scenario: sc.name, values: map[string]any{
		"AWS::AccountId": "111122223333", "AWS::Region": "eu-west-1", "AWS::Partition": "aws", "AWS::StackName": "tokens",
	}}
	parameters := doc["Parameters"].(object)
	for name := range sc.parameters {
		if _, ok := parameters[name]; !ok {
			return nil, fmt.Errorf("the template has no parameter %s", name)
		}
	}
	for name, definition := range parameters {
		definition := definition.(object)
		value := fmt.Sprint(definition["Default"])
		if v, ok := sc.parameters[name]; ok {
			value = v
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
	s.connections = strings.Split(fmt.Sprint(s.values["Connections"]), ",")
	return s, nil
}

// ids of the resources of a type, or of all types if it is empty, that the
// deployment creates, in order.
func (s *stack) ids(resourceType string) []string {
	var found []string
	resources := s.doc["Resources"].(object)
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		r := resources[id].(object)
		condition, conditional := r["Condition"].(string)
		if (resourceType == "" || r["Type"] == resourceType) && (!conditional || s.holds(condition)) {
			found = append(found, id)
		}
	}
	return found
}

// key is the ARN of the stack's own key; nil if it has none.
func (s *stack) key() any {
	if s.values["StackKey"] == "none" {
		return nil
	}
	return keyARN
}

// namespace of the stack's metrics.
func (s *stack) namespace() string { return fmt.Sprint(s.values["MetricNamespace"], "/tokens") }

// properties of a resource, with the intrinsic functions evaluated.
func (s *stack) properties(id string) object {
	properties, _ := s.value(s.resource(id)["Properties"]).(object)
	return properties
}

func (s *stack) resource(id string) object {
	r, ok := s.doc["Resources"].(object)[id].(object)
	if !ok {
		panic(fault("there is no resource " + id))
	}
	return r
}

// at follows keys and list indexes into an evaluated value; nil where the way ends.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(object)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// strs turns a string or a list of strings into a slice, as IAM reads both.
func strs(v any) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		var out []string
		for _, item := range v {
			out = append(out, fmt.Sprint(item))
		}
		return out
	default:
		return []string{fmt.Sprint(v)}
	}
}
