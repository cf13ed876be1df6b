package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// The two urgencies.
const (
	page   = "pages"
	ticket = "tickets"
)

// expectedAlarm is an alarm as it must be deployed.
type expectedAlarm struct {
	name    string
	watches string
	// datapoints of periods.
	datapoints, periods int
	operator            string
	threshold           string
	missing             string
	urgency             string
	// entry of docs/runbook.md.
	entry string
}

const (
	below   = "LessThanThreshold"
	atLeast = "GreaterThanOrEqualToThreshold"
)

// expectedAlarms are all there are, by logical id.
func expectedAlarms(s *stack) map[string]expectedAlarm {
	value := func(parameter string) string { return fmt.Sprint(s.values[parameter]) }
	ours := func(statistic, metric string, period int) string {
		return fmt.Sprintf("%s of %s %s over %d s", statistic, s.namespace(), metric, period)
	}
	warning := func(order, urgency string) expectedAlarm {
		name := "tokens-" + strings.ToLower(order) + "-warning"
		if value("WarningScope") == "connection" {
			query := fmt.Sprintf(`days = SELECT MIN(FamilyDaysRemaining) FROM SCHEMA("%s", Connection) GROUP BY Connection ORDER BY MIN() ASC over 300 s`, s.namespace())
			return expectedAlarm{name, query, 1, 3, below, value(order + "WarningDays"), "ignore", urgency, "family-ends-in-days"}
		}
		// An hour, in which the metric's pause for a further family shows.
		return expectedAlarm{name, "filled = FILL(families, 0); families = " + ours("Maximum", order+"Warning", 3600), 1, 1, atLeast, "1", "notBreaching", urgency, "family-ends-in-days"}
	}
	return map[string]expectedAlarm{
		"FirstWarningAlarm":        warning("First", ticket),
		"SecondWarningAlarm":       warning("Second", ticket),
		"ThirdWarningAlarm":        warning("Third", ticket),
		"FourthWarningAlarm":       warning("Fourth", page),
		"ConsentNowAlarm":          {"tokens-consent-now", "sounding = IF(more > 0 AND latest - more >= 1, 0, latest); latest = FILL(needed, REPEAT); more = FILL(DIFF(latest), 0); needed = " + ours("Maximum", "ConsentNeeded", 300), 1, 1, atLeast, "1", "ignore", page, "consent-now"},
		"RotationFailingAlarm":     {"tokens-rotation-failing", ours("Minimum", "RotationFailures", 300), 3, 3, atLeast, "1", "ignore", page, "rotation-failing"},
		"AccessTokenExpiringAlarm": {"tokens-access-token-expiring", ours("Maximum", "AccessTokenSecondsRemaining", 300), 1, 1, below, "600", "ignore", page, "access-token-expiring"},
		// FILL leaves nothing missing; breaching is for the case that CloudWatch has nothing to fill.
		"HeartbeatMissingAlarm": {"tokens-heartbeat-missing", "filled = FILL(beats, 0); beats = " + ours("Sum", "Heartbeat", 60), 13, 13, below, "1", "breaching", page, "heartbeat-missing"},
		"AttentionAlarm": {"tokens-attention", "sounding = IF(more > 0 AND things - more >= 1, 0, things); letters = Maximum of AWS/SQS ApproximateNumberOfMessagesVisible{QueueName=tokens-DeadLetters} over 3600 s; more = FILL(DIFF(things), 0); noticed = " +
			ours("Maximum", "Attention", 3600) + "; things = FILL(noticed, 0) + IF(FILL(letters, 0) > 0, 1, 0)", 1, 1, atLeast, "1", "notBreaching", ticket, "attention"},
		"AwaitingConsentAlarm": {"tokens-awaiting-consent", "filled = FILL(awaiting, 0); awaiting = " + ours("Maximum", "AwaitingConsent", 3600),
			25, 26, atLeast, "1", "notBreaching", ticket, "awaiting-consent"},
	}
}

// watches writes down what an alarm evaluates, the returned line first.
func watches(p object) string {
	metrics, ok := p["Metrics"].([]any)
	if !ok {
		return metricOf(p, p["Statistic"], p["Period"])
	}
	var returned, inputs []string
	for _, m := range metrics {
		line := fmt.Sprintf("%v = ", at(m, "Id"))
		if expression := at(m, "Expression"); expression != nil {
			line += fmt.Sprint(expression)
			if period := at(m, "Period"); period != nil {
				line += fmt.Sprintf(" over %v s", period)
			}
		} else {
			line += metricOf(at(m, "MetricStat", "Metric"), at(m, "MetricStat", "Stat"), at(m, "MetricStat", "Period"))
		}
		if at(m, "ReturnData") == false {
			inputs = append(inputs, line)
		} else {
			returned = append(returned, line)
		}
	}
	slices.Sort(inputs)
	return strings.Join(append(returned, inputs...), "; ")
}

func metricOf(m, statistic, period any) string {
	var dimensions []string
	list, _ := at(m, "Dimensions").([]any)
	for _, d := range list {
		dimensions = append(dimensions, fmt.Sprintf("{%v=%v}", at(d, "Name"), at(d, "Value")))
	}
	return fmt.Sprintf("%v of %v %v%s over %v s", statistic, at(m, "Namespace"), at(m, "MetricName"), strings.Join(dimensions, ""), period)
}

func checkAlarms(s *stack) []string {
	want := expectedAlarms(s)
	ids := s.ids("AWS::CloudWatch::Alarm")
	findings := compare("alarms", slices.Sorted(maps.Keys(want)), ids)
	if len(ids) > 10 {
		findings = append(findings, fmt.Sprintf("%d alarms: ten are free", len(ids)))
	}
	for _, id := range ids {
		p, w := s.properties(id), want[id]
		findings = slices.Concat(findings,
			differ(id+"'s name", w.name, p["AlarmName"]),
			differ(id+" watches", w.watches, watches(p)),
			differ(id+"'s periods", w.periods, number(p["EvaluationPeriods"])),
			differ(id+"'s data points", w.datapoints, number(p["DatapointsToAlarm"])),
			differ(id+"'s operator", w.operator, p["ComparisonOperator"]),
			differ(id+"'s threshold", w.threshold, fmt.Sprint(p["Threshold"])),
			differ(id+"'s missing data", w.missing, p["TreatMissingData"]))
	}
	return append(findings, compare("what the heartbeat waits for", []string{"FirstTick", "Schedule"}, strs(s.resource("HeartbeatMissingAlarm")["DependsOn"]))...)
}

// topicOf is where an urgency goes.
func (s *stack) topicOf(urgency string) string {
	parameter := map[string]string{page: "PageTopicArn", ticket: "TicketTopicArn"}[urgency]
	if own := fmt.Sprint(s.values[parameter]); own != "" {
		return own
	}
	return "arn:aws:sns:eu-west-1:111122223333:tokens-" + urgency
}

func checkActions(s *stack) (findings []string) {
	for id, w := range expectedAlarms(s) {
		p := s.properties(id)
		findings = slices.Concat(findings,
			compare(id+"'s actions", []string{s.topicOf(w.urgency)}, strs(p["AlarmActions"])),
			compare(id+"'s OK actions", []string{s.topicOf(w.urgency)}, strs(p["OKActions"])),
			compare(id+"'s actions without data", nil, strs(p["InsufficientDataActions"])),
			differ(id+"'s actions are enabled", nil, p["ActionsEnabled"]))
	}
	return findings
}

// checkDescriptions: an engineer reads nothing else at first.
func checkDescriptions(s *stack) (findings []string) {
	for id, w := range expectedAlarms(s) {
		text := fmt.Sprint(s.properties(id)["AlarmDescription"])
		if !regexp.MustCompile(`^\S.*\. Means: .*\. Do: .*\. Runbook: (\S+|tokenkeeper runbook \S+)$`).MatchString(text) || len(text) > 1024 {
			findings = append(findings, id+": its description must say what is seen, what it means and what to do, in 1024 characters")
		}
		command := "tokenkeeper status --function tokens-refresher"
		if w.entry == "heartbeat-missing" || w.entry == "attention" {
			command = "tokenkeeper doctor --stack tokens" // the function may not be able to answer
		}
		if !strings.Contains(text, "Do: run "+command) {
			findings = append(findings, fmt.Sprintf("%s does not name the one command to run, %s", id, command))
		}
		if link := s.runbook(w.entry); !strings.HasSuffix(text, link) {
			findings = append(findings, fmt.Sprintf("%s: its description must end in %q", id, link))
		}
	}
	return findings
}

// runbook is how a text ends that leads to an entry of the runbook: by a link, or by
// the command that shows it.
func (s *stack) runbook(entry string) string {
	if url := fmt.Sprint(s.values["RunbookUrl"]); url != "" {
		return "Runbook: " + url + "#" + entry
	}
	return "Runbook: tokenkeeper runbook " + entry
}

// checkTopics: under the stack's key, for this stack's alarms, over TLS; and
// who is subscribed.
func checkTopics(s *stack) (findings []string) {
	var topics, policies, subscriptions []string
	for _, t := range []struct{ urgency, topic, email, url string }{
		{page, "PageTopic", "PageEmail", "PageUrl"},
		{ticket, "TicketTopic", "TicketEmail", "TicketUrl"},
	} {
		if s.values[t.topic+"Arn"] != "" {
			continue
		}
		arn := s.topicOf(t.urgency)
		topics, policies = append(topics, t.topic), append(policies, t.topic+"Policy")
		policy := s.properties(t.topic + "Policy")
		may := []string{
			grant("Allow", "Service:cloudwatch.amazonaws.com", "sns:Publish", arn,
				`{"ArnLike":{"aws:SourceArn":"arn:aws:cloudwatch:eu-west-1:111122223333:alarm:tokens-*"},"StringEquals":{"aws:SourceAccount":"111122223333"}}`),
			grant("Deny", "*", "sns:Publish", arn, `{"Bool":{"aws:SecureTransport":"false"}}`),
		}
		if t.urgency == page && s.values["NoChangeNotificationHours"] != "0" {
			may = append(may, grant("Allow", "Service:events.amazonaws.com", "sns:Publish", arn, ""))
		}
		findings = slices.Concat(findings,
			differ(t.topic+"'s name", "tokens-"+t.urgency, s.properties(t.topic)["TopicName"]),
			differ(t.topic+"'s key", s.key(), s.properties(t.topic)["KmsMasterKeyId"]),
			differ(t.topic+"Policy's topics", []any{arn}, policy["Topics"]),
			compare(t.topic+"Policy", may, statements(policy["PolicyDocument"])))
		endpoints := map[string]any{"email": s.values[t.email], "https": s.values[t.url]}
		if t.urgency == ticket && endpoints["email"] == "" && endpoints["https"] == "" {
			endpoints["email"] = s.values["PageEmail"] // better there than nowhere
		}
		for protocol, endpoint := range endpoints {
			if endpoint != "" {
				subscriptions = append(subscriptions, fmt.Sprintf("%s %v to %s", protocol, endpoint, arn))
			}
		}
	}
	var found []string
	for _, id := range s.ids("AWS::SNS::Subscription") {
		p := s.properties(id)
		found = append(found, fmt.Sprintf("%v %v to %v", p["Protocol"], p["Endpoint"], p["TopicArn"]))
	}
	for output, to := range map[string]struct{ parameter, topic string }{
		"PagesReach":   {"PageTopicArn", ":tokens-" + page},
		"TicketsReach": {"TicketTopicArn", ":tokens-" + ticket},
	} {
		reached := s.values[to.parameter] != "" || slices.ContainsFunc(subscriptions, func(line string) bool { return strings.HasSuffix(line, to.topic) })
		value := fmt.Sprint(s.value(at(s.doc["Outputs"], output, "Value")))
		findings = append(findings, differ(output+" says "+value+", that somebody is reached", reached, !strings.HasPrefix(value, "nobody"))...)
	}
	return slices.Concat(findings,
		compare("topics", topics, s.ids("AWS::SNS::Topic")),
		compare("topic policies", policies, s.ids("AWS::SNS::TopicPolicy")),
		compare("subscriptions", subscriptions, found))
}

// checkNoChange: Parameter Store's own event reaches the page topic, for each
// connection's refresh token and for nothing else.
func checkNoChange(s *stack) []string {
	if s.values["NoChangeNotificationHours"] == "0" {
		return compare("rules", nil, s.ids("AWS::Events::Rule"))
	}
	p := s.properties(s.only("AWS::Events::Rule"))
	var names []any
	for _, connection := range s.connections {
		names = append(names, family.NamesOf(connection).RefreshToken)
	}
	var message string
	if err := json.Unmarshal([]byte(fmt.Sprint(at(p, "Targets", 0, "InputTransformer", "InputTemplate"))), &message); err != nil {
		return []string{"the message is no JSON string: " + err.Error()}
	}
	findings := slices.Concat(
		differ("state of the rule", nil, p["State"]),
		differ("schedule of the rule", nil, p["ScheduleExpression"]),
		differ("pattern", object{
			"source":      []any{"aws.ssm"},
			"detail-type": []any{"Parameter Store Policy Action"},
			"detail":      object{"policy-type": []any{"NoChangeNotification"}, "parameter-name": names},
		}, p["EventPattern"]),
		differ("targets", 1, len(p["Targets"].([]any))),
		differ("target", any(s.topicOf(page)), at(p, "Targets", 0, "Arn")),
		differ("parts of the message", any(object{"name": "$.detail.parameter-name", "reason": "$.detail.action-reason", "at": "$.time"}), at(p, "Targets", 0, "InputTransformer", "InputPathsMap")))
	if !strings.HasSuffix(message, s.runbook("no-change")) {
		findings = append(findings, "the message does not link to the runbook")
	}
	if !strings.Contains(message, "Do: run tokenkeeper doctor --stack tokens.") {
		findings = append(findings, "the message does not name the command to run")
	}
	return findings
}
