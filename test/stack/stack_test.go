package stack

import (
	"runtime"
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

// parameters are the stack's, under its own key.
func (s *stage) parameters() []string {
	return []string{"Architecture=" + architectures[runtime.GOARCH], "ParametersKey=stack", "RefreshBefore=55m",
		"AtlassianHosts=any", "AtlassianAuthUrl=" + s.atlassian, "AtlassianApiUrl=" + s.atlassian, "PageUrl=" + s.pages.URL}
}

func creation(s *stage) {
	s.run("aws", "s3", "mb", "s3://"+codeBucket)
	s.deploy(s.release("v1"), s.parameters()...)
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
		require.Equal(s, s.output("KeyArn"), s.keys()[connection+name], name)
	}
	status, err := s.try("tokenkeeper", "status", "--connection", connection)
	require.Error(s, err, "its exit code tells that the access token is about to expire")
	require.Contains(s, status, "known from the consent")
}

// paged: when the access token has less than ten minutes left, the person on call
// gets a page, and another message when that ends.
func paged(s *stage) {
	const alarm = stackName + "-access-token-expiring"
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
	}](s.operator, "scheduler", "list-schedules", "--group-name", stackName)
	require.Len(s, schedules.Schedules, 1)
	one := ask[struct {
		Target struct {
			Arn, Input       string
			DeadLetterConfig struct{ Arn string }
		}
		ScheduleExpression string
	}](s.operator, "scheduler", "get-schedule", "--group-name", stackName, "--name", schedules.Schedules[0].Name)
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

// update brings new code and another setting. The tokens are in no resource of
// the stack, and the family goes on.
func update(s *stage) {
	before := s.versions()
	s.deploy(s.release("v2"), "RefreshBefore=45m")
	require.Equal(s, "UPDATE_COMPLETE", s.resources()["RefresherFunction"][1])
	report := s.tick()
	require.Equal(s, "v2", report.Version)
	require.Equal(s, keeper.Idle, report.Connections[0].Action)
	require.Equal(s, before, s.versions())
	require.Contains(s, s.run("aws", "lambda", "get-function-configuration", "--function-name", stackName+"-refresher", "--query", "Environment.Variables.REFRESH_BEFORE"), "45m")
	require.Len(s, s.alarms(), 10)
	s.requireKept()
}

// anotherKey changes the parameters' key as docs/operations.md has it.
func anotherKey(s *stage) {
	old := s.output("KeyArn")
	key := ask[struct{ KeyMetadata struct{ Arn string } }](s.operator, "kms", "create-key").KeyMetadata.Arn
	s.key = key
	s.deploy(s.template("v2"), "ParametersKey="+key, "PreviousParametersKeys="+old)
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

	s.deploy(s.template("v2"), "PreviousParametersKeys=")
	require.NotContains(s, s.resources(), "ReadsUnderPreviousKeys")
	require.Equal(s, keeper.Idle, s.tick().Connections[0].Action)
}

// deletion leaves the tokens.
func deletion(s *stage) {
	before := s.versions()
	s.documented("docs/operations.md", "aws cloudformation delete-stack --stack-name tokenkeeper")
	s.documented("docs/operations.md", "aws cloudformation wait stack-delete-complete --stack-name tokenkeeper")
	_, err := s.try("aws", "cloudformation", "describe-stacks", "--stack-name", stackName)
	require.Error(s, err)
	require.Empty(s, s.alarms())
	require.NotContains(s, s.run("aws", "lambda", "list-functions"), stackName)
	require.NotContains(s, s.run("aws", "logs", "describe-log-groups"), stackName)
	require.Equal(s, before, s.versions())
}

// again creates the stack again. It has a key of its own, and reads what is under
// another.
func again(s *stage) {
	old := s.keys()[connection+"TOKEN_LEDGER"]
	s.deploy(s.template("v2"), append(s.parameters(), "PreviousParametersKeys="+old)...)
	key := s.output("KeyArn")
	require.NotEqual(s, old, key)
	require.Contains(s, []keeper.Action{keeper.Idle, keeper.Rotated}, s.tick().Connections[0].Action)
	s.run("tokenkeeper", "reencrypt", "--connection", connection, "--key-id", key)
	for name, under := range s.keys() {
		require.Equal(s, key, under, name)
	}
	s.requireKept()
}

// removal deletes what the stack leaves behind.
func removal(s *stage) {
	s.documented("docs/operations.md", "aws cloudformation delete-stack --stack-name tokenkeeper")
	s.documented("docs/operations.md", "aws cloudformation wait stack-delete-complete --stack-name tokenkeeper")
	s.documented("docs/operations.md", "aws ssm delete-parameters --names NAMES", "NAMES", strings.Join(s.names(), " "))
	require.Empty(s, s.names())
	s.documented("docs/operations.md", "aws kms schedule-key-deletion --key-id ARN --pending-window-in-days 30", "ARN", s.key)
	s.documented("docs/operations.md", "aws s3 rm --recursive s3://BUCKET/tokenkeeper", "BUCKET/tokenkeeper", codeBucket)
	require.Empty(s, s.run("aws", "s3", "ls", "s3://"+codeBucket))
}
