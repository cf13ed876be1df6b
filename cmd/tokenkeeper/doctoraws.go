package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/consent/lambdaclient"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics/cloudwatchsink"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
)

// lookAtStack gathers what is known about a stack.
func lookAtStack(ctx context.Context, cfg aws.Config, name string, now time.Time) *stackFacts {
	s := &stackFacts{name: name, parameters: map[string]string{}, outputs: map[string]string{}}
	out, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	var api smithy.APIError
	switch {
	case errors.As(err, &api) && api.ErrorCode() == "ValidationError", err == nil && len(out.Stacks) == 0:
		s.err = errors.New("there is none in this account and region")
		return s
	case err != nil:
		s.err = errors.New("cannot be looked at: " + awsReason(err))
		return s
	}
	stack := out.Stacks[0]
	s.status = string(stack.StackStatus)
	for _, p := range stack.Parameters {
		s.parameters[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	for _, o := range stack.Outputs {
		s.outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	s.lookAtFunction(ctx, cfg)
	s.lookAtSchedule(ctx, cfg)
	s.lookAtMetrics(ctx, cfg, now)
	s.lookAtKey(ctx, cfg)
	for _, t := range []struct{ name, output string }{{"pages", "PageTopic"}, {"tickets", "TicketTopic"}} {
		s.topics = append(s.topics, subscriptions(ctx, cfg, t.name, s.outputs[t.output]))
	}
	return s
}

func (s *stackFacts) lookAtFunction(ctx context.Context, cfg aws.Config) {
	client := lambdaclient.New(cfg, s.name+"-refresher")
	answer, err := whileBusy(ctx, func() (health.Answer, error) { return client.Health(ctx, "") })
	s.deployed, s.deployedErr = answer.Version, err
}

func (s *stackFacts) lookAtSchedule(ctx context.Context, cfg aws.Config) {
	out, err := scheduler.NewFromConfig(cfg).ListSchedules(ctx, &scheduler.ListSchedulesInput{GroupName: &s.name})
	var api smithy.APIError
	switch {
	case errors.As(err, &api) && api.ErrorCode() == "ResourceNotFoundException":
	case err != nil:
		s.scheduleErr = errors.New(awsReason(err))
	case len(out.Schedules) > 0:
		s.schedule = string(out.Schedules[0].State)
	}
}

func (s *stackFacts) lookAtMetrics(ctx context.Context, cfg aws.Config, now time.Time) {
	client := cloudwatchsink.NewClient(cfg)
	namespace := s.parameters["MetricNamespace"] + "/" + s.name
	data, err := client.GetMetricData(ctx, &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(now.Add(-beatsOver)), EndTime: aws.Time(now.Add(time.Minute)),
		MetricDataQueries: []cloudwatchtypes.MetricDataQuery{{Id: aws.String("beats"), MetricStat: &cloudwatchtypes.MetricStat{
			Stat: aws.String("Sum"), Period: aws.Int32(60),
			Metric: &cloudwatchtypes.Metric{Namespace: &namespace, MetricName: aws.String(metrics.Heartbeat)},
		}}},
	})
	if err != nil {
		s.beatErr = errors.New(awsReason(err))
	} else {
		for _, r := range data.MetricDataResults {
			for i, at := range r.Timestamps {
				if r.Values[i] > 0 && at.After(s.beat) {
					s.beat = at
				}
			}
		}
	}
	pages := cloudwatch.NewDescribeAlarmsPaginator(client, &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: aws.String(s.name + "-"),
		AlarmTypes: []cloudwatchtypes.AlarmType{cloudwatchtypes.AlarmTypeMetricAlarm}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			s.alarmsErr = errors.New(awsReason(err))
			return
		}
		for _, a := range page.MetricAlarms {
			s.alarms = append(s.alarms, alarmFact{aws.ToString(a.AlarmName), aws.ToBool(a.ActionsEnabled) && len(a.AlarmActions) > 0, string(a.StateValue), aws.ToTime(a.StateUpdatedTimestamp)})
		}
	}
}

func (s *stackFacts) lookAtKey(ctx context.Context, cfg aws.Config) {
	key := s.parameters["ParametersKey"]
	if key == "stack" {
		key = s.outputs["KeyArn"]
	}
	out, err := kms.NewFromConfig(cfg).DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &key})
	if err != nil {
		s.keyErr = errors.New(awsReason(err))
		return
	}
	s.keyState = string(out.KeyMetadata.KeyState)
}

// subscriptions counts who gets what is sent to a topic.
func subscriptions(ctx context.Context, cfg aws.Config, name, topic string) topicFact {
	t := topicFact{name: name}
	if topic == "" {
		t.err = errors.New("the stack has no output that names the topic")
		return t
	}
	pages := sns.NewListSubscriptionsByTopicPaginator(sns.NewFromConfig(cfg), &sns.ListSubscriptionsByTopicInput{TopicArn: &topic})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.err = errors.New(awsReason(err))
			return t
		}
		for _, one := range page.Subscriptions {
			switch arn := aws.ToString(one.SubscriptionArn); {
			case arn == "PendingConfirmation":
				t.pending++
			case strings.HasPrefix(arn, "arn:"):
				t.confirmed++
			}
		}
	}
	return t
}

// listedConnections are those that a stack's list names.
func listedConnections(ctx context.Context, cfg aws.Config, parameters map[string]string) (names []string, err error) {
	list := config.List{Source: ssmstore.NewByPath(ssmstore.NewClient(cfg), parameters["ConnectionsPath"]), Root: parameters["ParameterPath"],
		Connection: func(name string) family.Connection { return family.Connection{Name: name} }}
	conns, _, err := list.Connections(ctx, slog.New(slog.DiscardHandler))
	for _, c := range conns {
		names = append(names, c.Name)
	}
	return names, err
}
