package template

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/cloudformation"
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

var runTransform = sync.OnceValues(func() ([]byte, error) { return transformWith() })

// transformWith runs the transform with more in its environment.
func transformWith(environment ...string) ([]byte, error) {
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
	cmd.Env = append(os.Environ(), environment...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, stderr.String())
	}
	return out, nil
}

// object is a JSON object.
type object = cloudformation.Object

// stack is the transformed template under one set of parameter values. What
// cannot be evaluated panics, and is a finding of the check that came upon it.
type stack struct {
	*cloudformation.Stack
	settings
	doc      object
	scenario string
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

// listed are the parameters of a stack whose connections are listed, and others.
func listed(more ...string) map[string]string {
	parameters := map[string]string{"ConnectionsPath": "/ops/connections", "ParameterPath": "/tokenkeeper/"}
	for pair := range slices.Chunk(more, 2) {
		parameters[pair[0]] = pair[1]
	}
	return parameters
}

// scenarios that every check passes in.
var scenarios = []scenario{
	{"defaults", nil},
	{"three connections", map[string]string{"Connections": "A_JIRA_CLOUD_,B_JIRA_CLOUD_,C_JIRA_CLOUD_"}},
	{"root path", map[string]string{"Connections": "/psoxy/prod/PSOXY_JIRA_CLOUD_"}},
	{"five, with and without a path", map[string]string{"Connections": "A_,/r/B_,C_,/D_,/r/s/"}},
	{"five with long paths", map[string]string{"ParametersKey": "stack", "Connections": strings.Join(longConnections, ",")}},
	{"ledgers elsewhere", map[string]string{"LedgerPath": "/tokenkeeper-ledgers", "ParametersKey": "stack", "Connections": "A_,/r/B_", "ConsumerRoleArns": consumerARN}},
	{"five with long paths, and ledgers elsewhere", map[string]string{"LedgerPath": "/department/production/tokenkeeper-ledgers", "ParametersKey": "stack", "PreviousParametersKeys": otherKeyARN, "Connections": strings.Join(longConnections, ",")}},
	{"a list, and ledgers elsewhere", listed("LedgerPath", "/ops/ledgers", "ParametersKey", "stack")},
	{"stack key and consumers", map[string]string{"ParametersKey": "stack", "ConsumerRoleArns": consumerARN + "," + consumerARN + "-2", "Connections": "A_,/r/B_"}},
	{"stack key without consumers", map[string]string{"ParametersKey": "stack"}},
	{"consumers without the stack key", map[string]string{"ConsumerRoleArns": consumerARN}},
	{"the stack's key, after another", map[string]string{"ParametersKey": "stack", "PreviousParametersKeys": otherKeyARN, "ConsumerRoleArns": consumerARN}},
	{"another key, after two", map[string]string{"ParametersKey": otherKeyARN, "PreviousParametersKeys": keyARN + "," + anotherKeyARN, "ConsumerRoleArns": consumerARN, "Connections": strings.Join(longConnections, ",")}},
	{"another key", map[string]string{"ParametersKey": otherKeyARN, "Connections": "A_,B_"}},
	{"told by Parameter Store", map[string]string{"NoChangeNotificationHours": "6", "Connections": "A_,/r/B_"}},
	{"told by Parameter Store, at a topic of one's own", map[string]string{"NoChangeNotificationHours": "24", "PageTopicArn": topicARN, "TicketTopicArn": topicARN}},
	{"no key of its own", map[string]string{"StackKey": "none"}},
	{"no key of its own, but another's", map[string]string{"StackKey": "none", "ParametersKey": otherKeyARN, "PageEmail": "ops@example.com"}},
	{"hosted consent", map[string]string{"HostedConsent": "true", "ConsentOrganization": "Example & Söhne", "ConsentContact": "it@example.com", "Connections": "A_,/r/B_"}},
	{"nothing reserved", map[string]string{"ReservedConcurrency": "0"}},
	{"topics of one's own", map[string]string{"PageTopicArn": topicARN, "TicketTopicArn": topicARN + "-tickets", "PageEmail": "a@b.example", "PageUrl": "https://b.example"}},
	{"one topic of one's own", map[string]string{"TicketTopicArn": topicARN, "PageEmail": "ops@example.com", "PageUrl": "https://events.example.com/integration/key/enqueue", "TicketEmail": "a@b.example"}},
	{"everybody subscribes", map[string]string{"PageEmail": "ops@example.com", "TicketEmail": "team@example.com", "TicketUrl": "https://tickets.example.com/"}},
	{"other warnings", map[string]string{"FirstWarningDays": "90", "SecondWarningDays": "45", "ThirdWarningDays": "21", "FourthWarningDays": "10", "LastWarningDays": "3", "RunbookUrl": "https://wiki.example.com/tokenkeeper"}},
	{"warnings by connection", map[string]string{"WarningScope": "connection", "Connections": "A_,B_"}},
	{"x86", map[string]string{"Architecture": "x86_64", "ScheduleExpression": "rate(1 minute)", "ScheduleState": "DISABLED"}},
	{"a list of connections", listed()},
	{"a list, under the stack's key", listed("ParametersKey", "stack", "ParameterStoreThroughput", "higher", "ConnectionMetricsLimit", "500", "WarningScope", "connection")},
	{"a list, after another key", listed("PreviousParametersKeys", otherKeyARN, "ParametersKey", "stack", "ConsumerRoleArns", consumerARN)},
	{"a list, under another key", listed("ParametersKey", otherKeyARN, "StackKey", "none")},
	{"another namespace", map[string]string{"MetricNamespace": "Team/Tokens", "LogRetentionDays": "7"}},
}

// deploy gives the template the scenario's values.
func deploy(raw []byte, sc scenario) (*stack, error) {
	s := &stack{scenario: sc.name, settings: settings{values: map[string]any{}}}
	if err := json.Unmarshal(raw, &s.doc); err != nil {
		return nil, err
	}
	var err error
	if s.Stack, err = cloudformation.Deploy(s.doc, "tokens", sc.parameters); err != nil {
		return nil, err
	}
	for name := range s.doc["Parameters"].(object) {
		s.values[name] = s.Parameter(name)
	}
	s.connections = strings.Split(fmt.Sprint(s.values["Connections"]), ",")
	return s, nil
}

// must gives back what was evaluated.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// ids of the resources of a type, or of all types if it is empty, that the
// deployment creates, in order.
func (s *stack) ids(resourceType string) []string { return must(s.IDs(resourceType)) }

func (s *stack) value(v any) any { return must(s.Value(v)) }

func (s *stack) ref(name string) any { return s.value(object{"Ref": name}) }

func (s *stack) attribute(id, name string) string {
	return fmt.Sprint(s.value(object{"Fn::GetAtt": []any{id, name}}))
}

func (s *stack) physical(id string) string { return must(s.Physical(id)) }

func (s *stack) truth(condition any) bool { return must(s.Holds(condition)) }

// properties of a resource, with the intrinsic functions evaluated.
func (s *stack) properties(id string) object { return must(s.Properties(id)) }

func (s *stack) resource(id string) object { return must(s.Resource(id)) }

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
func strs(v any) []string { return cloudformation.Strings(v) }

// fault is what a check panics with that cannot go on.
type fault string
