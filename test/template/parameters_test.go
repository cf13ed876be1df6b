package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/cloudformation"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// parameters are the template's, as definitions.
func parameters(t *testing.T) map[string]object {
	t.Helper()
	var doc struct{ Parameters map[string]object }
	require.NoError(t, json.Unmarshal(transformed(t), &doc))
	return doc.Parameters
}

// accepts tells whether CloudFormation would take a value for a parameter.
func accepts(definition object, value string) bool {
	if allowed := strs(definition["AllowedValues"]); allowed != nil && !slices.Contains(allowed, value) {
		return false
	}
	pattern, ok := definition["AllowedPattern"].(string)
	return !ok || regexp.MustCompile(`^(?:`+pattern+`)$`).MatchString(value)
}

func TestParameterPatterns(t *testing.T) {
	definitions := parameters(t)
	for name, values := range map[string]struct{ good, bad []string }{
		"Connections": {
			[]string{"PSOXY_JIRA_CLOUD_", "A_,B_", "A_,B.,C-,/d/,/e/f_", "/psoxy/prod/PSOXY_JIRA_CLOUD_"},
			[]string{"", "A", "A_, B_", "A_,", ",A_", "a/b_", "//a_", "/a//b_", "A*_", "A?_", "${x}_", "1_,2_,3_,4_,5_,6_"}},
		"ConnectionsPath":          {[]string{"", "/tokenkeeper-connections", "/ops/tokenkeeper/list.1"}, []string{"/", "list", "/list/", "/a//b", "/a*", "/a,/b"}},
		"ParameterPath":            {[]string{"", "/tokenkeeper/", "/corp/jira/"}, []string{"/", "/tokenkeeper", "tokenkeeper/", "//", "/*/", "/a?/", "/a/,/b/"}},
		"LedgerPath":               {[]string{"", "/tokenkeeper-ledgers", "/ops/ledgers"}, []string{"/", "ledgers", "/ledgers/", "/a//b", "/a*", "/a,/b"}},
		"ParameterStoreThroughput": {[]string{"standard", "higher"}, []string{"", "fast"}},
		"ScheduleExpression": {
			[]string{"rate(1 minute)", "rate(2 minutes)", "rate(5 minutes)"},
			[]string{"rate(1 minutes)", "rate(6 minutes)", "rate(10 minutes)", "rate(5 hours)", "cron(0/5 * * * ? *)", "rate(5 minute)", ""}},
		"RefreshBefore":          {[]string{"10m", "25m", "55m"}, []string{"", "9m", "56m", "60m", "25", "1h", "25 m"}},
		"AccessTokenFormat":      {[]string{"auto", "raw", "psoxy-json", "auto,/a/B_=psoxy-json"}, []string{"", "json", "raw,", "raw,B_=xml", "RAW"}},
		"ParametersKey":          {[]string{"alias/aws/ssm", "stack", otherKeyARN}, []string{"", "alias/mine", "aws-managed", "0b8c7b2e", "arn:aws:kms:eu-west-1:444455556666:alias/mine"}},
		"PreviousParametersKeys": {[]string{"", otherKeyARN}, []string{"stack", "alias/aws/ssm", "arn:aws:kms:eu-west-1:444455556666:alias/mine"}},
		"ConsumerRoleArns": {[]string{"", consumerARN, "arn:aws-cn:iam::111122223333:role/service-role/psoxy.1"},
			[]string{"*", "psoxy", "111122223333", "arn:aws:iam::111122223333:root", "arn:aws:iam::*:role/psoxy", "arn:aws:iam::111122223333:role/*", "arn:aws:sts::111122223333:assumed-role/psoxy/x"}},
		"PageTopicArn":              {[]string{"", topicARN}, []string{"pager", "arn:aws:sqs:eu-west-1:111122223333:pager"}},
		"TicketTopicArn":            {[]string{"", topicARN}, []string{"pager", "arn:aws:sqs:eu-west-1:111122223333:pager"}},
		"PageEmail":                 {[]string{"", "ops@example.com"}, []string{"ops", "ops@example.com, two@example.com"}},
		"TicketEmail":               {[]string{"", "ops@example.com"}, []string{"ops"}},
		"PageUrl":                   {[]string{"", "https://events.example.com/integration/k/enqueue"}, []string{"http://events.example.com", "events.example.com", "https://a b"}},
		"TicketUrl":                 {[]string{"", "https://a.example"}, []string{"http://a.example"}},
		"RunbookUrl":                {[]string{"", "docs/runbook.md", "https://wiki.example.com/x?y=z&a=[b]", "https://wiki.example.com/it's/~me#x"}, []string{"a b", `a"b`, `a\b`, "a<b", "a>b"}},
		"ConsentOrganization":       {[]string{"", "Example & Söhne"}, []string{"two\nlines", strings.Repeat("x", 101)}},
		"ConsentContact":            {[]string{"", "it@example.com", "https://help.example.com/?a=b"}, []string{"a\tb", strings.Repeat("x", 101)}},
		"AtlassianHosts":            {[]string{"official", "any"}, []string{""}},
		"WarningScope":              {[]string{"stack", "connection"}, []string{"", "family"}},
		"AtlassianAuthUrl":          {[]string{"https://auth.atlassian.com", "https://a.example:8443"}, []string{"", "http://auth.atlassian.com", "https://a/b", "https://u@a"}},
		"AtlassianApiUrl":           {[]string{"https://api.atlassian.com"}, []string{"api.atlassian.com"}},
		"MetricNamespace":           {[]string{"TokenKeeper", "Team/Tokens"}, []string{"", "a b", "a*"}},
		"NoChangeNotificationHours": {[]string{"0", "2", "168"}, []string{"", "1", "6h"}},
		"StackKey":                  {[]string{"customer", "none"}, []string{"", "aws"}},
		"ScheduleState":             {[]string{"ENABLED", "DISABLED"}, []string{"", "enabled"}},
		"Architecture":              {[]string{"arm64", "x86_64"}, []string{"amd64"}},

		"FirstWarningDays":    {[]string{"30", "180"}, []string{"", "0", "14", "40"}},
		"LastWarningDays":     {[]string{"1", "5"}, []string{"0", "7"}},
		"ReservedConcurrency": {[]string{"0", "1"}, []string{"-1", "2", ""}},
	} {
		require.Contains(t, definitions, name)
		for _, v := range values.good {
			require.True(t, accepts(definitions[name], v), "%s must accept %q", name, v)
		}
		for _, v := range values.bad {
			require.False(t, accepts(definitions[name], v), "%s must refuse %q", name, v)
		}
	}
}

// TestParametersExplainThemselves: an operator sees nothing else in the console.
func TestParametersExplainThemselves(t *testing.T) {
	var doc struct {
		Metadata map[string]struct {
			ParameterGroups []struct{ Parameters []string }
		}
	}
	require.NoError(t, json.Unmarshal(transformed(t), &doc))
	var grouped []string
	for _, g := range doc.Metadata["AWS::CloudFormation::Interface"].ParameterGroups {
		grouped = append(grouped, g.Parameters...)
	}
	definitions := parameters(t)
	for name, d := range definitions {
		require.NotEmpty(t, d["Description"], name)
		require.Contains(t, d, "Default", name)
		if _, ok := d["AllowedPattern"]; ok {
			require.NotEmpty(t, d["ConstraintDescription"], name)
		}
		require.True(t, accepts(d, fmt.Sprint(d["Default"])), "%s must accept its own default", name)
		require.Contains(t, grouped, name, "every parameter belongs to a group")
	}
	require.Len(t, grouped, len(definitions))
}

// TestDefaultsAreTheFunctions: leaving a parameter alone and leaving the
// variable unset mean the same.
func TestDefaultsAreTheFunctions(t *testing.T) {
	d := parameters(t)
	policy := family.DefaultPolicy()
	before, err := time.ParseDuration(fmt.Sprint(d["RefreshBefore"]["Default"]))
	require.NoError(t, err)
	require.Equal(t, policy.RefreshBefore, before)
	require.EqualValues(t, policy.Lifetime.Hours()/24, d["FamilyLifetimeDays"]["Default"])
	require.EqualValues(t, psoxy.AsStored, d["AccessTokenFormat"]["Default"])
	require.Equal(t, atlassian.DefaultAuthURL, d["AtlassianAuthUrl"]["Default"])
	require.Equal(t, atlassian.DefaultAPIURL, d["AtlassianApiUrl"]["Default"])
}

// TestExampleParameters: the example, with what is commented out put in, is
// accepted by the template.
func TestExampleParameters(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "deploy/sam/parameters.example.yaml"))
	require.NoError(t, err)
	settings := regexp.MustCompile(`(?m)^(?:# )?([A-Z][A-Za-z]+): (\S+)$`).FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, settings)
	definitions, values := parameters(t), map[string]string{}
	for _, setting := range settings {
		require.Contains(t, definitions, setting[1])
		require.True(t, accepts(definitions[setting[1]], setting[2]), "%s: %s", setting[1], setting[2])
		values[setting[1]] = setting[2]
	}
	s, err := deploy(transformed(t), scenario{"the example", values})
	require.NoError(t, err)
	for _, c := range checks {
		require.Empty(t, c.run(s))
	}
}

// TestSampleEvent: the sample is what the schedule sends, with a time in it.
func TestSampleEvent(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "deploy/sam/events/tick.json"))
	require.NoError(t, err)
	var event struct {
		Action        string    `json:"action"`
		ScheduledTime time.Time `json:"scheduled_time"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&event))
	require.Equal(t, "tick", event.Action)
	require.False(t, event.ScheduledTime.IsZero())
}

// TestMakefileBuildsEveryFunction: sam build calls build-<logical id>.
func TestMakefileBuildsEveryFunction(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	s, err := deploy(transformed(t), scenario{})
	require.NoError(t, err)
	functions := s.ids("AWS::Lambda::Function")
	require.NotEmpty(t, functions)
	for _, id := range functions {
		require.Equal(t, "makefile", at(s.resource(id), "Metadata", "BuildMethod"))
		require.Regexp(t, `(?m)^build-`+id+`:`, string(makefile))
	}
}

// TestRules: parameters that contradict each other are refused before anything
// is created.
func TestRules(t *testing.T) {
	for _, tt := range []struct {
		parameters map[string]string
		accepted   bool
	}{
		{map[string]string{"ParametersKey": "stack", "StackKey": "customer"}, true},
		{map[string]string{"ParametersKey": "stack", "StackKey": "none"}, false},
		{map[string]string{"ParametersKey": "alias/aws/ssm", "StackKey": "none"}, true},
		{map[string]string{"ParametersKey": otherKeyARN, "StackKey": "none"}, true},
		{map[string]string{"HostedConsent": "true", "NoChangeNotificationHours": "6", "Connections": "A_"}, true},
		{listed(), true},
		{listed("ParameterPath", ""), false},
		{listed("ConnectionsPath", ""), false},
		{listed("Connections", "A_"), false},
		{listed("HostedConsent", "true"), false},
		{listed("NoChangeNotificationHours", "6"), false},
		{map[string]string{"HostedConsent": "true", "ReservedConcurrency": "0"}, false},
		{map[string]string{"HostedConsent": "false", "ReservedConcurrency": "0"}, true},
		{map[string]string{"AtlassianAuthUrl": "https://evil.example"}, false},
		{map[string]string{"AtlassianApiUrl": "https://evil.example"}, false},
		{map[string]string{"AtlassianApiUrl": "https://a.example", "AtlassianAuthUrl": "https://b.example", "AtlassianHosts": "any"}, true},
		{map[string]string{"FirstWarningDays": "30"}, false},
		{map[string]string{"SecondWarningDays": "14"}, false},
		{map[string]string{"ThirdWarningDays": "7"}, false},
		{map[string]string{"FourthWarningDays": "14"}, false},
		{map[string]string{"LastWarningDays": "5"}, true},
		{map[string]string{"FirstWarningDays": "30", "SecondWarningDays": "14", "ThirdWarningDays": "7", "FourthWarningDays": "3"}, true},
	} {
		s, err := deploy(transformed(t), scenario{parameters: tt.parameters})
		require.NoError(t, err)
		require.Equal(t, tt.accepted, obeyed(s), tt)
	}
}

// obeyed tells whether the stack's parameters keep the template's rules.
func obeyed(s *stack) bool {
	for _, rule := range s.doc["Rules"].(object) {
		if condition := at(rule, "RuleCondition"); condition != nil && !s.truth(condition) {
			continue
		}
		for _, assertion := range at(rule, "Assertions").([]any) {
			if at(assertion, "AssertDescription") == nil {
				panic(fault("an assertion says nothing"))
			}
			if !s.truth(at(assertion, "Assert")) {
				return false
			}
		}
	}
	return true
}

// TestWarningsInOrder: of all days that the warnings can be set to, exactly those
// that fall from one to the next are accepted.
func TestWarningsInOrder(t *testing.T) {
	warnings := []string{"FirstWarningDays", "SecondWarningDays", "ThirdWarningDays", "FourthWarningDays", "LastWarningDays"}
	definitions := parameters(t)
	var doc object
	require.NoError(t, json.Unmarshal(transformed(t), &doc))
	tried, accepted, given := 0, 0, map[string]string{}
	var try func(order int, previous float64, falling bool)
	try = func(order int, previous float64, falling bool) {
		if order == len(warnings) {
			s := &stack{doc: doc}
			var err error
			s.Stack, err = cloudformation.Deploy(doc, "tokens", given)
			require.NoError(t, err)
			require.Equal(t, falling, obeyed(s), given)
			tried++
			if falling {
				accepted++
			}
			return
		}
		for _, value := range definitions[warnings[order]]["AllowedValues"].([]any) {
			given[warnings[order]] = fmt.Sprint(value)
			try(order+1, value.(float64), falling && value.(float64) < previous)
		}
	}
	try(0, math.Inf(1), true)
	require.Equal(t, 7*6*5*5*4, tried)
	require.Equal(t, 1222, accepted, "those that fall")
}
