package stack

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

// TestStack is the life of a stack. Each step goes on where the one before ended.
func TestStack(t *testing.T) {
	s := newStage(t)
	for _, step := range []struct {
		name string
		do   func(*stage)
	}{
		{"creation", creation},
		{"a consent by invocation", consents},
		{"a page that arrives", paged},
		{"a tick of the schedule", schedule},
		{"an update", update},
		{"another key", anotherKey},
		{"a second stack", secondStack},
		{"another region", anotherRegion},
		{"deletion", deletion},
		{"a new stack takes over", again},
		{"removal of all that stays", removal},
	} {
		if !t.Run(step.name, func(t *testing.T) {
			s.T = t
			step.do(s)
		}) {
			return
		}
	}
}

func creation(s *stage) {
	given := s.defaults()
	given["ParametersKey"] = "stack"
	s.deploys("README.md", "make deploy PARAMETERS=my.yaml", "v1", given)
	for id, r := range s.resources() {
		require.Equal(s, "CREATE_COMPLETE", r[1], "%s %s", id, r[0])
	}
	// The resources can be used, which CloudFormation's own word does not prove.
	require.Contains(s, s.documented("docs/runbook.md",
		`aws scheduler get-schedule --group-name tokenkeeper --name "$(aws scheduler list-schedules --group-name tokenkeeper --query 'Schedules[0].Name' --output text)" --query State`), "ENABLED")
	require.Contains(s, s.documented("docs/runbook.md",
		`aws lambda get-function --function-name tokenkeeper-refresher --query 'Configuration.[State,LastUpdateStatus,StateReason]'`), "Successful")
	require.Len(s, s.alarms(), 10)
	require.NotEmpty(s, s.output("KeyArn"))
	require.Equal(s, "the URL PageUrl", s.output("PagesReach"))

	report := s.tick()
	require.Equal(s, "v1", report.Version)
	require.Equal(s, keeper.AwaitingConsent, report.Connections[0].Action)
}

func consents(s *stage) {
	s.lifetime(5 * time.Minute) // so that the access token is about to expire
	done := s.consent(true)
	require.Equal(s, s.fix.Site.CloudID, done.CloudID)
	for _, name := range []string{"CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN", "ACCESS_TOKEN", "TOKEN_LEDGER"} {
		require.Equal(s, s.output("KeyArn"), s.keys()[s.connection+name], name)
	}
	status, err := s.try("tokenkeeper", "status", "--connection", s.connection)
	require.Error(s, err, "its exit code tells that the access token is about to expire")
	require.Contains(s, status, "known from the consent")
}

// paged: when the access token has less than ten minutes left, the person on call
// gets a page, and another message when that ends.
func paged(s *stage) {
	alarm := s.stack + "-access-token-expiring"
	require.Equal(s, keeper.Rotated, s.tick().Connections[0].Action)
	s.until(5*time.Minute, "the page arrives", func() bool { return slices.Contains(s.pages.about(alarm), "ALARM") })
	require.Contains(s, s.pages.description(alarm), "tokenkeeper runbook access-token-expiring")

	s.lifetime(50 * time.Minute)
	s.consent(false)
	require.Equal(s, keeper.Rotated, s.tick().Connections[0].Action)
	s.until(5*time.Minute, "the end of the alarm arrives", func() bool {
		states := s.pages.about(alarm)
		return states[len(states)-1] == "OK"
	})
	s.requireKept()
}

// schedule sends what the schedule would.
func schedule(s *stage) {
	schedules := ask[struct {
		Schedules []struct{ Name, GroupName string }
	}](s.operator, "scheduler", "list-schedules", "--group-name", s.stack)
	require.Len(s, schedules.Schedules, 1)
	one := ask[struct {
		Target struct {
			Arn, Input       string
			DeadLetterConfig struct{ Arn string }
		}
		ScheduleExpression string
	}](s.operator, "scheduler", "get-schedule", "--group-name", s.stack, "--name", schedules.Schedules[0].Name)
	require.Equal(s, "rate(2 minutes)", one.ScheduleExpression)
	require.Equal(s, s.output("RefresherFunctionArn"), one.Target.Arn)
	require.NotEmpty(s, one.Target.DeadLetterConfig.Arn)

	beats := s.heartbeats()
	event := s.file("event.json", strings.Replace(one.Target.Input, "<aws.scheduler.scheduled-time>", "2026-11-24T04:00:00Z", 1))
	s.run("aws", "lambda", "invoke", "--invocation-type", "Event", "--function-name", one.Target.Arn, "--payload", "file://"+event, "/dev/null")
	s.until(5*time.Minute, "the tick's heartbeat is counted", func() bool { return s.heartbeats() == beats+1 })
	s.until(5*time.Minute, "the tick is logged", func() bool {
		return strings.Contains(s.run("aws", "logs", "filter-log-events", "--log-group-name", s.output("LogGroupName")), "2026-11-24T04:00:00Z")
	})
}

// update brings new code and other settings, as a pipeline does. The tokens are in
// no resource of the stack, and the family goes on.
func update(s *stage) {
	before := s.versions()
	s.deploys("docs/operations.md", "make deploy ENV=prod STACK=tokenkeeper PARAMETERS=my.yaml", "v2", settings{"RefreshBefore": "30m", "FirstWarningDays": "45"})
	require.Equal(s, "UPDATE_COMPLETE", s.resources()["RefresherFunction"][1])
	report := s.tick()
	require.Equal(s, "v2", report.Version)
	require.Equal(s, keeper.Idle, report.Connections[0].Action)
	require.Equal(s, before, s.versions())
	require.Contains(s, s.run("aws", "lambda", "get-function-configuration", "--function-name", s.stack+"-refresher", "--query", "Environment.Variables.REFRESH_BEFORE"), "30m")
	require.Len(s, s.alarms(), 10)
	require.Contains(s, s.run("aws", "cloudwatch", "describe-alarms", "--alarm-names", s.stack+"-first-warning"), "less than 45 days")
	s.requireKept()
}

// anotherKey changes the parameters' key as docs/operations.md has it.
func anotherKey(s *stage) {
	old := s.output("KeyArn")
	key := ask[struct{ KeyMetadata struct{ Arn string } }](s.operator, "kms", "create-key").KeyMetadata.Arn
	s.key = key
	s.deploys("docs/operations.md", "make deploy PARAMETERS=my.yaml", "v2", settings{"ParametersKey": key, "PreviousParametersKeys": old})
	require.Equal(s, keeper.Idle, s.tick().Connections[0].Action)
	for name, under := range s.keys() {
		require.Equal(s, old, under, name)
	}
	require.NotContains(s, s.documented("docs/operations.md", `tokenkeeper reencrypt --connection PSOXY_JIRA_CLOUD_ --key-id KEY`, "KEY", key), "left")
	for name, under := range s.keys() {
		require.Equal(s, key, under, name)
	}
	require.Contains(s, s.documented("docs/operations.md",
		`aws ssm describe-parameters --parameter-filters Key=Name,Option=BeginsWith,Values=PSOXY_JIRA_CLOUD_ --query 'Parameters[].[Name,KeyId]' --output table`), key)
	report := s.tick()
	require.Equal(s, keeper.Idle, report.Connections[0].Action)
	s.requireKept()
	require.Contains(s, s.resources(), "ReadsUnderPreviousKeys")

	s.deploys("docs/operations.md", "make deploy PARAMETERS=my.yaml", "v2", settings{"PreviousParametersKeys": ""})
	require.NotContains(s, s.resources(), "ReadsUnderPreviousKeys")
	require.Equal(s, keeper.Idle, s.tick().Connections[0].Action)
}

// secondStack lives in the same account and region, with an app of its own, and goes
// away. The first one does not notice.
func secondStack(s *stage) {
	b := s.beside(place{"jira-team-b", "TEAM_B_", s.region})
	var err error
	b.fix, err = s.em.AddFixture("http://localhost")
	require.NoError(s, err)
	given := b.defaults()
	delete(given, "PageUrl")
	given["PageEmail"] = "team-b@example.com"
	b.deploys("docs/operations.md", "make deploy STACK=jira-team-b PARAMETERS=team-b.yaml", "v2", given)
	require.Equal(s, "team-b@example.com", b.output("PagesReach"))
	require.Len(s, b.alarms(), 10)
	require.Len(s, s.alarms(), 10)
	require.Equal(s, keeper.AwaitingConsent, b.tick().Connections[0].Action)
	require.Equal(s, b.fix.Site.CloudID, b.consent(true).CloudID)
	require.Contains(s, []keeper.Action{keeper.Idle, keeper.Rotated}, b.tick().Connections[0].Action)
	require.NotZero(s, b.heartbeats())
	b.requireKept()
	require.NotEqual(s, s.output("KeyArn"), b.output("KeyArn"))

	b.deletes()
	require.NotEmpty(s, b.names(), "the tokens stay")
	b.empties()
	require.Len(s, s.alarms(), 10)
	require.Contains(s, []keeper.Action{keeper.Idle, keeper.Rotated}, s.tick().Connections[0].Action)
	s.requireKept()
}

// anotherRegion gets a stack of the same name and parameters. Its family lives
// beside the old one, until the steps after this have removed the old stack.
func anotherRegion(s *stage) {
	r := s.beside(place{s.stack, s.connection, "eu-central-1"})
	r.deploys("docs/operations.md", "make deploy PARAMETERS=my.yaml", "v2", r.defaults())
	r.input = s.fix.App.ClientID + "\n" + s.fix.App.ClientSecret.Reveal() + "\n"
	require.Contains(s, r.documented("docs/operations.md", "tokenkeeper authorize --connection PSOXY_JIRA_CLOUD_ --redirect-uri http://localhost:9000/callback",
		"http://localhost:9000/callback", s.callback), "The consent is complete")
	require.Contains(s, []keeper.Action{keeper.Idle, keeper.Rotated}, r.tick().Connections[0].Action)
	r.requireKept()
	require.Contains(s, []keeper.Action{keeper.Idle, keeper.Rotated}, s.tick().Connections[0].Action)
	s.requireKept()
	s.moved = r
}

// deletion leaves the tokens.
func deletion(s *stage) {
	before := s.versions()
	s.deletes()
	require.Equal(s, before, s.versions())
}

// again creates the stack again. It has a key of its own, and reads what is under
// another.
func again(s *stage) {
	old := s.keys()[s.connection+"TOKEN_LEDGER"]
	given := s.defaults()
	given["ParametersKey"], given["PreviousParametersKeys"] = "stack", old
	s.deploys("README.md", "make deploy PARAMETERS=my.yaml", "v2", given)
	key := s.output("KeyArn")
	require.NotEqual(s, old, key)
	require.Contains(s, []keeper.Action{keeper.Idle, keeper.Rotated}, s.tick().Connections[0].Action)
	s.run("tokenkeeper", "reencrypt", "--connection", s.connection, "--key-id", key)
	for name, under := range s.keys() {
		require.Equal(s, key, under, name)
	}
	s.requireKept()
}

// removal deletes what the stack leaves behind. What was moved lives on.
func removal(s *stage) {
	s.deletes()
	s.empties()
	s.documented("docs/operations.md", "aws kms schedule-key-deletion --key-id ARN --pending-window-in-days 30", "ARN", s.key)
	s.moved.T = s.T
	require.Contains(s, []keeper.Action{keeper.Idle, keeper.Rotated}, s.moved.tick().Connections[0].Action)
	require.Len(s, s.moved.alarms(), 10)
	s.moved.requireKept()
}
