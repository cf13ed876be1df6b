package template

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
)

// published are the metrics that ticks publish, of healthy and of sick
// connections: those without a dimension, and those by connection.
func published() (rollUps, byConnection map[string]bool) {
	rollUps, byConnection = map[string]bool{}, map[string]bool{}
	left := 1.0
	var outcomes []keeper.Outcome
	for _, action := range []keeper.Action{keeper.Rotated, keeper.Refused, keeper.Misconfigured, keeper.InDoubt, keeper.Failed, keeper.AwaitingConsent} {
		outcomes = append(outcomes, keeper.Outcome{Connection: "A_", Action: action,
			FamilyDaysRemaining: &left, InactivityDaysRemaining: &left, AccessTokenSecondsRemaining: &left})
	}
	outcomes = append(outcomes, keeper.Outcome{Connection: "A_", Action: keeper.Idle, Foreign: "written over", SiteLost: "gone"})
	// A tick that served all, and one that did not.
	postponed := keeper.Outcome{Connection: "A_", Action: keeper.Postponed}
	for _, m := range append(metrics.Of(outcomes[:1], 2, 60, 30, 14, 7), append(metrics.Of(outcomes, 2), metrics.Of([]keeper.Outcome{postponed}, 2)...)...) {
		if m.Connection == "" {
			rollUps[m.Name] = true
		} else {
			byConnection[m.Name] = true
		}
	}
	return rollUps, byConnection
}

// widget is one of the dashboard's.
type widget struct {
	Type                string
	X, Y, Width, Height int
	Properties          object
}

// checkDashboard renders the dashboard's body and looks at it widget by widget.
func checkDashboard(s *stack) []string {
	p := s.properties(s.only("AWS::CloudWatch::Dashboard"))
	var body struct{ Widgets []widget }
	text := fmt.Sprint(p["DashboardBody"])
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		return []string{"the body is not JSON: " + err.Error()}
	}
	findings := differ("name", "tokens-eu-west-1", p["DashboardName"])
	if strings.Contains(text, "${AWS") || strings.Contains(text, "${Metric") {
		findings = append(findings, "a name is not put in")
	}
	if !strings.Contains(text, `"${PROP('Dim.Connection')} ${PROP('MetricName')}"`) || !strings.Contains(text, `"${PROP('Dim.Connection')}"`) || strings.Contains(fmt.Sprint(s.doc), "${!") {
		findings = append(findings, "CloudWatch's labels must reach it as values of Sub's variables: not every CloudFormation knows the escape ${!")
	}
	titles := map[string]widget{}
	for i, w := range body.Widgets {
		title, _ := w.Properties["title"].(string)
		titles[title] = w
		findings = append(findings, w.check(s, title)...)
		for _, other := range body.Widgets[:i] {
			if w.X < other.X+other.Width && other.X < w.X+w.Width && w.Y < other.Y+other.Height && other.Y < w.Y+w.Height {
				findings = append(findings, fmt.Sprintf("%q lies over another widget", title))
			}
		}
	}
	return slices.Concat(findings,
		compare("widgets", []string{
			"", "Alarms", "Days until a family ends, by connection, over a year", "Now, the least over all connections",
			"Life of the access token that expires first", "Rotations and failures, connections in five minutes",
			"In doubt, and the minutes of it in the time shown", "Which connection has which problem", "Ticks",
		}, slices.Collect(maps.Keys(titles))),
		titles[""].checkInstructions(s),
		titles["Alarms"].checkAlarms(s),
		titles["Days until a family ends, by connection, over a year"].checkLines(s, "FirstWarningAlarm", "SecondWarningAlarm", "ThirdWarningAlarm", "FourthWarningAlarm", "ConsentNowAlarm"),
		titles["Life of the access token that expires first"].checkLines(s, "AccessTokenExpiringAlarm"),
		titles["Which connection has which problem"].checkProblems())
}

// check: it lies on the grid, and shows what is published.
func (w widget) check(s *stack, title string) (findings []string) {
	if w.Width < 1 || w.Height < 1 || w.X < 0 || w.X+w.Width > 24 {
		findings = append(findings, fmt.Sprintf("%q does not lie on the grid of 24 columns", title))
	}
	if w.Type != "metric" {
		return findings
	}
	findings = append(findings, differ(fmt.Sprintf("region of %q", title), "eu-west-1", w.Properties["region"])...)
	rollUps, byConnection := published()
	for _, line := range w.Properties["metrics"].([]any) {
		line := line.([]any)
		if expression, ok := at(line, 0, "expression").(string); ok {
			findings = append(findings, checkSearch(s, title, expression, byConnection)...)
			continue
		}
		namespace, metric := fmt.Sprint(line[0]), fmt.Sprint(line[1])
		if namespace == s.namespace() {
			if _, isText := line[min(2, len(line)-1)].(string); isText && len(line) > 2 || !rollUps[metric] {
				findings = append(findings, fmt.Sprintf("%q shows %s, which no tick publishes", title, metric))
			}
		} else if shown := fmt.Sprint(line[:4]); !slices.Contains([]string{
			"[AWS/Lambda Errors FunctionName tokens-refresher]", "[AWS/SQS ApproximateNumberOfMessagesVisible QueueName tokens-DeadLetters]",
		}, shown) {
			findings = append(findings, fmt.Sprintf("%q shows %s, which is not this stack's", title, shown))
		}
	}
	return findings
}

var search = regexp.MustCompile(`^SEARCH\('\{"([^"]+)",Connection\} MetricName=(.+)', '(Minimum|Maximum)', (300|3600)\)$`)

// checkSearch: an expression that searches names metrics that exist.
func checkSearch(s *stack, title, expression string, byConnection map[string]bool) (findings []string) {
	if !strings.Contains(expression, "SEARCH") {
		return nil // arithmetic over a metric of the same widget, checked as such
	}
	m := search.FindStringSubmatch(expression)
	if m == nil || m[1] != s.namespace() {
		return []string{fmt.Sprintf("%q searches %s", title, expression)}
	}
	for _, metric := range regexp.MustCompile(`"(\w+)"`).FindAllStringSubmatch(m[2], -1) {
		if !byConnection[metric[1]] {
			findings = append(findings, fmt.Sprintf("%q searches for %s, which no connection has", title, metric[1]))
		}
	}
	return findings
}

// checkInstructions: the commands name this stack's own things.
func (w widget) checkInstructions(s *stack) (findings []string) {
	kept := strings.Join(s.connections, ",")
	if path := fmt.Sprint(s.values["ConnectionsPath"]); path != "" {
		kept = "the connections listed below " + path
	}
	text := fmt.Sprint(w.Properties["markdown"])
	for _, needed := range []string{
		"`" + kept + "`", "tokenkeeper status --function tokens-refresher", "tokenkeeper doctor --stack tokens", "tokenkeeper authorize --connection", "tokenkeeper verify --connection",
		"tokenkeeper tick --function tokens-refresher", "aws logs tail /aws/lambda/tokens-refresher", cmp.Or(fmt.Sprint(s.values["RunbookUrl"]), "`tokenkeeper runbook`"),
	} {
		if !strings.Contains(text, needed) {
			findings = append(findings, "the instructions do not say "+needed)
		}
	}
	return findings
}

// checkAlarms: it shows all of them.
func (w widget) checkAlarms(s *stack) []string {
	var arns []string
	for _, id := range s.ids("AWS::CloudWatch::Alarm") {
		arns = append(arns, s.attribute(id, "Arn"))
	}
	return slices.Concat(differ("type of the alarms", "alarm", w.Type), compare("alarms shown", arns, strs(w.Properties["alarms"])))
}

// checkLines: a line is drawn where each of the alarms goes off, and says its
// urgency.
func (w widget) checkLines(s *stack, alarms ...string) []string {
	var want, drawn []string
	for _, id := range alarms {
		expected := expectedAlarms(s)[id]
		threshold := expected.threshold
		if days, counts := s.values[strings.TrimSuffix(id, "Alarm")+"Days"]; counts { // the function counts by it
			threshold = fmt.Sprint(days)
		} else if id == "ConsentNowAlarm" {
			threshold = fmt.Sprint(s.values["LastWarningDays"])
		}
		want = append(want, threshold+" "+strings.TrimSuffix(expected.urgency, "s"))
	}
	lines, _ := at(w.Properties, "annotations", "horizontal").([]any)
	for _, line := range lines {
		drawn = append(drawn, fmt.Sprint(at(line, "value"), " ", at(line, "label")))
	}
	return compare(fmt.Sprintf("lines of %q", w.Properties["title"]), want, drawn)
}

// checkProblems: every metric that a sick connection has is looked for.
func (w widget) checkProblems() (findings []string) {
	_, byConnection := published()
	delete(byConnection, metrics.FamilyDaysRemaining)
	lines, _ := w.Properties["metrics"].([]any)
	for metric := range byConnection {
		if !strings.Contains(fmt.Sprint(at(lines, 0)), `"`+metric+`"`) {
			findings = append(findings, "no problem is shown: "+metric)
		}
	}
	return findings
}
