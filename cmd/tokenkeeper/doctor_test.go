package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// wellStack is a stack in which nothing is the matter.
func wellStack() facts {
	s := &stackFacts{name: "tk", status: "UPDATE_COMPLETE", deployed: "v1", schedule: "ENABLED", beat: statusNow.Add(-2 * time.Minute), keyState: "Enabled",
		parameters: map[string]string{"RunbookUrl": "https://wiki.example/runbook", "ParametersKey": "alias/aws/ssm", "ScheduleExpression": "rate(2 minutes)", "AccessTokenFormat": "auto"},
		outputs:    map[string]string{}, topics: []topicFact{{name: "pages", confirmed: 1}, {name: "tickets", confirmed: 2}}}
	for i := range alarmsOfAStack {
		s.alarms = append(s.alarms, alarmFact{name: fmt.Sprintf("tk-%d", i), actions: true, state: "OK"})
	}
	return facts{now: statusNow, own: "v1", stack: s, connections: []health.Survey{wellConnection()},
		place: place{Store: "ssm", Account: "111122223333", As: "arn:aws:iam::111122223333:user/me", Region: "eu-west-1", RegionFrom: "from AWS_REGION"}}
}

// wellConnection is a connection in which nothing is the matter.
func wellConnection() health.Survey {
	rotated := statusNow.Add(-20 * time.Minute)
	refresh, access := atlassian.NewSecret("refresh-canary"), atlassian.NewSecret("access-canary")
	field := func(value string) family.Field {
		return family.Field{Value: atlassian.NewSecret(value), Version: 1, Modified: rotated}
	}
	r := family.Record{Schema: family.Schema, Connection: "A_", AuthorizedAt: statusNow.Add(-24 * time.Hour), AuthorizedAtSource: family.FromConsent, Generation: 7, RedirectURI: "http://localhost:9000/callback",
		Refresh: family.FingerprintOf(refresh), Access: family.FingerprintOf(access), RotatedAt: rotated, AccessExpiresAt: rotated.Add(time.Hour)}
	return health.Survey{Exists: true, Policy: family.DefaultPolicy(), Warning: 60, Last: 1, Ledger: "A_TOKEN_LEDGER", Commands: health.CommandsFor("A_", "", "tk"),
		Snapshot: family.Snapshot{Connection: "A_", Now: statusNow, Written: rotated, State: family.State{Refresh: refresh, Record: r, Inbox: family.Inbox{Judged: family.Judged{Seen: 1}}}, Family: store.Entry{Value: r.Encode()},
			ClientID: field("id"), ClientSecret: field("secret-canary"), RefreshToken: field("refresh-canary"), AccessToken: field("access-canary"), AccessFormat: psoxy.Raw, CloudID: field("site")}}
}

func TestDoctorOfAHealthyStack(t *testing.T) {
	var names []string
	for _, c := range wellStack().examine() {
		require.Equal(t, resultOK, c.Result, "%s: %s", c.Name, c.Says)
		require.Empty(t, c.Do)
		require.NotContains(t, c.Says, "canary")
		names = append(names, c.Name)
	}
	require.Equal(t, []string{"credentials", "account and region", "clock", "stack", "function", "schedule", "last tick", "key", "pages", "tickets",
		"alarms", "sounding", "runbook", "A_", "A_ parameters", "A_ format", "A_ callback"}, names)
}

// One thing at a time is the matter, and one line says so and what to do.
func TestDoctor(t *testing.T) {
	denied := errors.New("access is denied (AccessDenied)")
	for _, tt := range []struct {
		name   string
		change func(*facts)
		check  string
		result result
		says   string
		do     string
	}{
		{"two regions", func(f *facts) { f.place.Differs = "AWS_DEFAULT_REGION, which says us-east-1, does not count" }, "account and region", resultWarn, "us-east-1", "unset one of them"},
		{"a clock ahead", func(f *facts) { f.ahead = 5 * time.Minute }, "clock", resultWarn, "5m0s ahead of AWS's", "set this machine's clock"},
		{"a clock behind", func(f *facts) { f.ahead = -family.ClockTolerance - 1 }, "clock", resultWarn, "2m0s behind AWS's", "set this machine's clock"},
		{"a failed deployment", func(f *facts) { f.stack.status = "UPDATE_ROLLBACK_COMPLETE" }, "stack", resultWarn, "the last deployment failed", "deploy again"},
		{"a deployment under way", func(f *facts) { f.stack.status = "UPDATE_IN_PROGRESS" }, "stack", resultWarn, "UPDATE_IN_PROGRESS", "wait for its end"},
		{"a function that fails", func(f *facts) { f.stack.deployedErr = errors.New("REFRESH_BEFORE is wrong") }, "function", resultFail, "REFRESH_BEFORE is wrong", "aws logs tail /aws/lambda/tk-refresher"},
		{"another version", func(f *facts) { f.own = "v2" }, "function", resultWarn, "is v1; this program is v2", "the same version"},
		{"a disabled schedule", func(f *facts) { f.stack.schedule = "DISABLED" }, "schedule", resultFail, "DISABLED", "ScheduleState: ENABLED; until then: tokenkeeper tick --function tk-refresher"},
		{"a deleted schedule", func(f *facts) { f.stack.schedule = "" }, "schedule", resultFail, "deleted", "ScheduleState: ENABLED"},
		{"a schedule that may not be read", func(f *facts) { f.stack.scheduleErr = denied }, "schedule", resultWarn, "denied", "scheduler:ListSchedules"},
		{"a late tick", func(f *facts) { f.stack.beat = statusNow.Add(-grace - 1) }, "last tick", resultFail, "13 minutes ago", "aws logs tail /aws/lambda/tk-refresher"},
		{"no tick", func(f *facts) { f.stack.beat = time.Time{} }, "last tick", resultFail, "no tick has served all connections in 3 hours", "tokenkeeper tick --function tk-refresher"},
		{"metrics that may not be read", func(f *facts) { f.stack.beatErr = denied }, "last tick", resultWarn, "denied", "cloudwatch:GetMetricData"},
		{"a disabled key", func(f *facts) { f.stack.keyState = "Disabled" }, "key", resultFail, "Disabled", "aws kms enable-key"},
		{"a key that may not be seen", func(f *facts) { f.stack.keyErr = denied }, "key", resultWarn, "denied", "kms:DescribeKey"},
		{"nobody is paged", func(f *facts) { f.stack.topics[0].confirmed = 0 }, "pages", resultFail, "nobody gets them", "PageEmail, PageUrl or PageTopicArn"},
		{"a mail that was not confirmed", func(f *facts) { f.stack.topics[0] = topicFact{name: "pages", pending: 1} }, "pages", resultFail, "1 subscriptions wait", "confirm"},
		{"one of two mails", func(f *facts) { f.stack.topics[1].pending = 1 }, "tickets", resultWarn, "1 wait to be confirmed", "confirm"},
		{"no tickets", func(f *facts) { f.stack.topics[1].confirmed = 0 }, "tickets", resultWarn, "nobody gets them", "TicketEmail"},
		{"a topic that may not be read", func(f *facts) { f.stack.topics[1].err = denied }, "tickets", resultWarn, "denied", "sns:ListSubscriptionsByTopic"},
		{"a deleted alarm", func(f *facts) { f.stack.alarms = f.stack.alarms[1:] }, "alarms", resultFail, "9 of 10", "deploy again"},
		{"a silent alarm", func(f *facts) { f.stack.alarms[3].actions = false }, "alarms", resultFail, "tk-3", "aws cloudwatch enable-alarm-actions --alarm-names tk-3"},
		{"a sounding alarm", func(f *facts) {
			f.stack.alarms[3] = alarmFact{"tk-consent-now", true, "ALARM", statusNow.Add(-time.Hour)}
		}, "sounding", resultWarn, "tk-consent-now since 11:00Z", "tokenkeeper runbook consent-now"},
		{"alarms that may not be read", func(f *facts) { f.stack.alarmsErr = denied }, "alarms", resultWarn, "denied", "cloudwatch:DescribeAlarms"},
		{"a runbook nobody can open", func(f *facts) { f.stack.parameters["RunbookUrl"] = "docs/runbook.md" }, "runbook", resultWarn, `"docs/runbook.md"`, "RunbookUrl: https://"},
		{"a path for a runbook", func(f *facts) { f.stack.parameters["RunbookUrl"] = "https://" }, "runbook", resultWarn, `"https://"`, "or without it"},
		{"a lost family", func(f *facts) {
			c := &f.connections[0]
			c.State.Record.LastFailure = &family.Failure{Class: "permanent", At: statusNow, Count: 1, Token: c.State.Record.Refresh, Credentials: c.Credentials()}
		}, "A_", resultFail, "LOST since 12:00Z: consent now", "tokenkeeper authorize --connection A_"},
		{"a due consent", func(f *facts) { f.connections[0].State.Record.AuthorizedAt = statusNow.Add(-320 * 24 * time.Hour) }, "A_", resultWarn, "in 45 days", "tokenkeeper authorize"},
		{"a missing copy", func(f *facts) { f.connections[0].CloudID = family.Field{} }, "A_ parameters", resultWarn, "CLOUD_ID", "comes with a consent"},
		{"a copy that may not be read", func(f *facts) { f.connections[0].Denied = []string{"A_ACCESS_TOKEN"} }, "A_ parameters", resultWarn, "not looked at: A_ACCESS_TOKEN", "ssm:GetParameters"},
		{"a connection that may not be read", func(f *facts) {
			f.unseen = []health.Report{health.Unseen("B_", denied, health.CommandsFor("B_", "", "tk"), statusNow)}
		}, "B_", resultFail, "denied", "kms:Decrypt"},
		{"psoxy rotates too", func(f *facts) { f.connections[0].AccessFormat = psoxy.JSON }, "A_ format", resultWarn, "psoxy rotates too", "docs/psoxy.md"},
		{"another form than consumers find", func(f *facts) { f.stack.parameters["AccessTokenFormat"] = "auto,B_=raw,A_=psoxy-json" }, "A_ format", resultWarn, "is raw, and ticks write psoxy-json", "AccessTokenFormat"},
		{"an unknown callback", func(f *facts) { f.connections[0].State.Record.RedirectURI = "" }, "A_ callback", resultWarn, "not known", "--redirect-uri"},
		{"another stack's callback", func(f *facts) {
			f.connections[0].State.Record.RedirectURI = "https://old.example/callback"
			f.stack.outputs["ConsentCallbackUrl"] = "https://new.example/callback"
		}, "A_ callback", resultWarn, "https://old.example/callback", "register https://new.example/callback"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := wellStack()
			tt.change(&f)
			var wrong []check
			for _, c := range f.examine() {
				if c.Result != resultOK {
					wrong = append(wrong, c)
				}
			}
			require.Len(t, wrong, 1)
			require.Equal(t, tt.check, wrong[0].Name)
			require.Equal(t, tt.result, wrong[0].Result)
			require.Contains(t, wrong[0].Says, tt.says)
			require.Contains(t, wrong[0].Do, tt.do)
		})
	}
}

// Without a link, the alarms name the command that shows the runbook.
func TestDoctorOfARunbookInTheTerminal(t *testing.T) {
	f := wellStack()
	f.stack.parameters["RunbookUrl"] = ""
	require.Contains(t, f.examine(), check{"runbook", resultOK, "the alarms name the command tokenkeeper runbook", ""})
}

// Without the stack there is nothing to say about what it is made of.
func TestDoctorWithoutTheStack(t *testing.T) {
	f := wellStack()
	f.stack.err = errors.New("there is none in this account and region")
	f.connections = nil
	all := f.examine()
	require.Len(t, all, 4)
	require.Equal(t, check{"stack", resultFail, "tk: there is none in this account and region", "name the stack by --stack, and check account and region"}, all[3])
}
