package template

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// every parses rate(N minutes), the only form of schedule that is allowed.
func every(expression string) (time.Duration, bool) {
	m := regexp.MustCompile(`^rate\((?:(1) minute|([2-9]|[1-9]\d+) minutes)\)$`).FindStringSubmatch(expression)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1] + m[2])
	return time.Duration(n) * time.Minute, err == nil
}

func checkSchedule(s *stack) []string {
	p := s.properties(s.only("AWS::Scheduler::Schedule"))
	period, ok := every(fmt.Sprint(p["ScheduleExpression"]))
	if !ok || period > family.Leeway/2 {
		return []string{fmt.Sprintf("ticks at %v: expected rate(N minutes), at most half the leeway of %s apart", p["ScheduleExpression"], family.Leeway)}
	}
	findings := slices.Concat(
		differ("state", s.values["ScheduleState"], p["State"]),
		differ("flexible window", object{"Mode": "OFF"}, p["FlexibleTimeWindow"]),
		differ("group", "tokens", p["GroupName"]),
		differ("target", functionARN, at(p, "Target", "Arn")),
		differ("role", "arn:aws:iam::111122223333:role/tokens-SchedulerRole", at(p, "Target", "RoleArn")))
	var input map[string]string
	if err := json.Unmarshal([]byte(fmt.Sprint(at(p, "Target", "Input"))), &input); err != nil {
		return append(findings, "the input is not JSON: "+err.Error())
	}
	return append(findings, differ("input", map[string]string{
		"action": "tick", "scheduled_time": "<aws.scheduler.scheduled-time>",
	}, input)...)
}

// checkFirstTick: the deployment waits for a tick, and the schedule for the
// deployment's.
func checkFirstTick(s *stack) []string {
	id := s.only("AWS::CloudFormation::CustomResource")
	p := s.properties(id)
	findings := slices.Concat(
		differ("function of the first tick", functionARN, p["ServiceToken"]),
		differ("whether a first tick is made", s.values["ScheduleState"], p["ScheduleState"]),
		compare("what the first tick waits for", append(s.needed("Refresher"), "RefresherFunctionEventInvokeConfig"), strs(s.resource(id)["DependsOn"])),
		compare("what the schedule waits for", []string{id}, strs(s.resource("Schedule")["DependsOn"])))
	// Lambda repeats a throttled or failed event for this long.
	age := number(s.properties(s.only("AWS::Lambda::EventInvokeConfig"))["MaximumEventAgeInSeconds"])
	if wait := number(p["ServiceTimeout"]); wait < age || wait > 900 {
		findings = append(findings, fmt.Sprintf("a deployment waits %d s for the first tick: expected %d s to 900 s", wait, age))
	}
	return findings
}

// checkRetries: a failed tick is tried again inside the leeway. When the next one
// has come, it goes to the dead-letter queue, which is seen.
func checkRetries(s *stack) (findings []string) {
	schedule := s.properties(s.only("AWS::Scheduler::Schedule"))
	invoke := s.properties(s.only("AWS::Lambda::EventInvokeConfig"))
	for _, r := range []struct {
		what             string
		age, tries, dead any
	}{
		{"delivery", at(schedule, "Target", "RetryPolicy", "MaximumEventAgeInSeconds"), at(schedule, "Target", "RetryPolicy", "MaximumRetryAttempts"),
			at(schedule, "Target", "DeadLetterConfig", "Arn")},
		{"invocation", invoke["MaximumEventAgeInSeconds"], invoke["MaximumRetryAttempts"],
			at(s.properties("RefresherFunction"), "DeadLetterConfig", "TargetArn")},
	} {
		if age := time.Duration(number(r.age)) * time.Second; age < time.Minute || age > family.Leeway/2 {
			findings = append(findings, fmt.Sprintf("%s: an event is kept for %s: expected a minute to half the leeway", r.what, age))
		}
		if tries := number(r.tries); tries < 1 || tries > 5 {
			findings = append(findings, fmt.Sprintf("%s: %d retries: expected one to five", r.what, tries))
		}
		findings = append(findings, differ(r.what+"'s dead letters", any(queueARN), r.dead)...)
	}
	return append(findings, slices.Concat(
		differ("function of the retries", any("tokens-refresher"), invoke["FunctionName"]),
		differ("qualifier of the retries", any("$LATEST"), invoke["Qualifier"]))...)
}

func checkFunction(s *stack) []string {
	return s.function("Refresher", 1)
}

// needed are the policies that a function cannot do without: those there always are.
func (s *stack) needed(name string) (policies []string) {
	for _, id := range s.ids("AWS::IAM::ManagedPolicy") {
		if _, conditional := s.resource(id)["Condition"]; !conditional && slices.Contains(strs(s.properties(id)["Roles"]), s.physical(name+"Role")) {
			policies = append(policies, id)
		}
	}
	return policies
}

// function checks one of the two functions, and what it reserves.
func (s *stack) function(name string, reserves float64) []string {
	p := s.properties(name + "Function")
	var reserved any
	if s.values["ReservedConcurrency"] == "1" {
		reserved = reserves
	}
	findings := slices.Concat(
		differ("runtime", "provided.al2023", p["Runtime"]),
		differ("handler", "bootstrap", p["Handler"]),
		differ("architecture", []any{s.values["Architecture"]}, p["Architectures"]),
		differ("memory", 128.0, p["MemorySize"]),
		differ("reserved concurrency", reserved, p["ReservedConcurrentExecutions"]),
		differ("role", "arn:aws:iam::111122223333:role/tokens-"+name+"Role", p["Role"]),
		differ("key of the environment", s.key(), p["KmsKeyArn"]),
		differ("tracing", nil, p["TracingConfig"]),
		compare("what it waits for", s.needed(name), strs(s.resource(name + "Function")["DependsOn"])))
	// A tick that outlives its lease could be overtaken.
	if timeout := time.Duration(number(p["Timeout"])) * time.Second; timeout > family.Lease || timeout < family.PostTimeout+family.SaveReserve {
		findings = append(findings, fmt.Sprintf("the timeout is %s: expected time for a request and its saves, and no more than %s", timeout, family.Lease))
	}
	return findings
}

// checkEnvironment: the variables are those that the function reads.
func checkEnvironment(s *stack) []string {
	variables := at(s.properties("RefresherFunction"), "Environment", "Variables").(object)
	key := s.values["ParametersKey"]
	if key == "stack" {
		key = keyARN
	}
	connections := s.values["Connections"]
	if s.values["ConnectionsPath"] != "" {
		connections = ""
	}
	return slices.Concat(
		compare("variables", readVariables("refresher"), slices.Collect(maps.Keys(variables))),
		differ("values", object{
			"CONNECTIONS":                  connections,
			"CONNECTIONS_PATH":             s.values["ConnectionsPath"],
			"LEDGER_PATH":                  s.values["LedgerPath"],
			"PARAMETER_PATH":               s.values["ParameterPath"],
			"PARAMETER_STORE_THROUGHPUT":   s.values["ParameterStoreThroughput"],
			"CONNECTION_METRICS_LIMIT":     s.values["ConnectionMetricsLimit"],
			"REFRESH_BEFORE":               s.values["RefreshBefore"],
			"FAMILY_LIFETIME_DAYS":         s.values["FamilyLifetimeDays"],
			"ACCESS_TOKEN_FORMAT":          s.values["AccessTokenFormat"],
			"WARNING_DAYS":                 fmt.Sprint(s.values["FirstWarningDays"], ",", s.values["SecondWarningDays"], ",", s.values["ThirdWarningDays"], ",", s.values["FourthWarningDays"]),
			"LAST_WARNING_DAYS":            s.values["LastWarningDays"],
			"NO_CHANGE_NOTIFICATION_HOURS": s.values["NoChangeNotificationHours"],
			"METRIC_NAMESPACE":             s.namespace(),
			"STACK_ID":                     "arn:aws:cloudformation:eu-west-1:111122223333:stack/tokens/0b8c7b2e-0000-4000-8000-000000000001",
			"PARAMETER_KEY_ID":             key,
			"ATLASSIAN_AUTH_URL":           s.values["AtlassianAuthUrl"],
			"ATLASSIAN_API_URL":            s.values["AtlassianApiUrl"],
		}, variables))
}

// readVariables finds the names of environment variables in a function's
// configuration and in what it shares with others: string literals that look like one.
func readVariables(function string) []string {
	variable := regexp.MustCompile(`^[A-Z]+(_[A-Z]+)*$`)
	found := map[string]bool{}
	paths := []string{"functions/" + function + "/settings.go", "internal/config/environment.go"}
	if function == "refresher" {
		paths = append(paths, "internal/config/ticks.go")
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, 0)
		if err != nil {
			panic(fault(err.Error()))
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil && variable.MatchString(text) {
					found[text] = true
				}
			}
			return true
		})
	}
	return slices.Sorted(maps.Keys(found))
}

func checkLogs(s *stack) []string {
	group := s.properties("LogGroup")
	retention := number(s.values["LogRetentionDays"])
	return slices.Concat(
		differ("the group's key", s.key(), group["KmsKeyId"]),
		differ("its name", "/aws/lambda/tokens-refresher", group["LogGroupName"]),
		differ("its retention", retention, number(group["RetentionInDays"])),
		differ("the function's logging", object{"LogFormat": "JSON", "LogGroup": "/aws/lambda/tokens-refresher"}, s.properties("RefresherFunction")["LoggingConfig"]))
}
