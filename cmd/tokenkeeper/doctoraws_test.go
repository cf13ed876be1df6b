package main

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics/cloudwatchsink"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// stackTemplate has the parameters, outputs and topics that doctor looks at; moto
// makes no more of a template than that.
const stackTemplate = `{
  "Parameters": {
    "Connections": {"Type": "String", "Default": "A_"}, "ConnectionsPath": {"Type": "String", "Default": ""}, "LedgerPath": {"Type": "String", "Default": ""},
    "RefreshBefore": {"Type": "String", "Default": "25m"}, "FamilyLifetimeDays": {"Type": "Number", "Default": 365}, "FirstWarningDays": {"Type": "Number", "Default": 60},
    "ParametersKey": {"Type": "String", "Default": "alias/aws/ssm"}, "MetricNamespace": {"Type": "String", "Default": "TokenKeeper"},
    "RunbookUrl": {"Type": "String", "Default": "docs/runbook.md"}, "AccessTokenFormat": {"Type": "String", "Default": "auto"}, "ScheduleExpression": {"Type": "String", "Default": "rate(2 minutes)"}
  },
  "Resources": {"Pages": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "tokenkeeper-pages"}}, "Tickets": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "tokenkeeper-tickets"}}},
  "Outputs": {"PageTopic": {"Value": {"Ref": "Pages"}}, "TicketTopic": {"Value": {"Ref": "Tickets"}}}
}`

// deployStack makes what a deployment makes, as far as doctor looks at it.
func deployStack(t *testing.T, cfg aws.Config) {
	t.Helper()
	ctx := t.Context()
	_, err := cloudformation.NewFromConfig(cfg).CreateStack(ctx, &cloudformation.CreateStackInput{StackName: aws.String("tokenkeeper"), TemplateBody: aws.String(stackTemplate),
		Capabilities: []types.Capability{types.CapabilityCapabilityIam}})
	require.NoError(t, err)
	schedules := scheduler.NewFromConfig(cfg)
	_, err = schedules.CreateScheduleGroup(ctx, &scheduler.CreateScheduleGroupInput{Name: aws.String("tokenkeeper")})
	require.NoError(t, err)
	_, err = schedules.CreateSchedule(ctx, &scheduler.CreateScheduleInput{Name: aws.String("tick"), GroupName: aws.String("tokenkeeper"), ScheduleExpression: aws.String("rate(2 minutes)"),
		FlexibleTimeWindow: &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff}, State: schedulertypes.ScheduleStateEnabled,
		Target: &schedulertypes.Target{Arn: aws.String("arn:aws:lambda:eu-west-1:123456789012:function:tokenkeeper-refresher"), RoleArn: aws.String("arn:aws:iam::123456789012:role/scheduler")}})
	require.NoError(t, err)
	topics := sns.NewFromConfig(cfg)
	_, err = topics.Subscribe(ctx, &sns.SubscribeInput{TopicArn: aws.String("arn:aws:sns:eu-west-1:123456789012:tokenkeeper-pages"), Protocol: aws.String("sqs"),
		Endpoint: aws.String("arn:aws:sqs:eu-west-1:123456789012:pager")})
	require.NoError(t, err)
	alarms := cloudwatchsink.NewClient(cfg)
	for _, name := range []string{"first-warning", "second-warning", "third-warning", "fourth-warning", "consent-now", "rotation-failing", "access-token-expiring", "heartbeat-missing", "attention", "awaiting-consent"} {
		_, err = alarms.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{AlarmName: aws.String("tokenkeeper-" + name), MetricName: aws.String("M"), Namespace: aws.String("N"),
			Statistic: "Sum", Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: "LessThanThreshold", ActionsEnabled: aws.Bool(true),
			AlarmActions: []string{"arn:aws:sns:eu-west-1:123456789012:tokenkeeper-pages"}})
		require.NoError(t, err)
	}
	_, err = alarms.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("tokenkeeper-attention"), StateValue: "ALARM", StateReason: aws.String("a drill")})
	require.NoError(t, err)
	require.NoError(t, cloudwatchsink.New(alarms, "TokenKeeper/tokenkeeper").Publish(ctx, time.Now(), []metrics.Metric{{Name: metrics.Heartbeat, Value: 1, Unit: metrics.Count}}))
}

// Everything around the tokens is looked at with the real calls.
func TestDoctorOfADeployedStack(t *testing.T) {
	s := newStage(t)
	server := moto.Start(t)
	server.Reset(t)
	cfg := server.AWSConfig()
	out, code := runProgram(t, server.Env(), "", "doctor")
	require.Equal(t, 2, code, out)
	require.Contains(t, out, "\nfail  stack: tokenkeeper: there is none in this account and region\n      do: name the stack by --stack, and check account and region\n")

	deployStack(t, cfg)
	seedSSM(t, s, server, "A_")
	function, _ := deploy(t, s, server, "refresher", map[string]string{"CONNECTIONS": "A_", "METRIC_NAMESPACE": "TokenKeeper/tokenkeeper"})
	env := append(server.Env(), function[len(function)-2]) // Lambda is the built function; all else is moto
	out, code = runProgram(t, env, "", "tick", "--function", "tokenkeeper-refresher")
	require.Equal(t, 0, code, out)
	out, code = runProgram(t, env, "", "doctor")
	require.Equal(t, 1, code, out)
	for _, line := range []string{
		"ok    credentials: arn:aws:", "ok    account and region: 123456789012, eu-west-1, from AWS_REGION\n", "ok    clock: this machine's differs from AWS's by ",
		"ok    stack: tokenkeeper is CREATE_COMPLETE\n", "ok    function: the refresher answers, version ", "ok    schedule: enabled, rate(2 minutes)\n", "ok    last tick: ",
		"ok    key: alias/aws/ssm is enabled\n", "ok    pages: 1 subscriptions get them\n", "warn  tickets: nobody gets them\n", "ok    alarms: 10, all of which tell somebody\n",
		"warn  sounding: tokenkeeper-attention since ", "      do: tokenkeeper runbook attention\n", "warn  runbook: the alarms link to \"docs/runbook.md\", which nobody can open\n",
		"ok    A_: OK until ", "ok    A_ format: ACCESS_TOKEN is the bare token\n",
	} {
		require.Contains(t, out, line)
	}
	out, code = runProgram(t, env, "", "doctor", "--json")
	require.Equal(t, 1, code, out)
	require.NoError(t, conforms("../../docs/schema/doctor.json", out))

	out, code = runProgram(t, env, "", "where")
	require.Equal(t, 0, code, out)
	require.Regexp(t, `^account  123456789012, as arn:aws:\S+\nregion   eu-west-1, from AWS_REGION\n$`, out)
	out, code = runProgram(t, env, "", "where", "--json")
	require.Equal(t, 0, code, out)
	require.NoError(t, conforms("../../docs/schema/where.json", out))
	out, code = runProgram(t, append(env, "AWS_REGION=", "AWS_DEFAULT_REGION=us-east-2"), "", "where", "--region")
	require.Equal(t, 0, code, out)
	require.Equal(t, "us-east-2\n", out)
}
