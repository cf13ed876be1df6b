package alarm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/cloudformation"
)

// start is a full hour.
var start = time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)

func minute(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }

// alarmsOf reads the alarms of a template that consists of these resources.
func alarmsOf(t *testing.T, resources string) ([]*alarm.Alarm, error) {
	t.Helper()
	template, err := cloudformation.Parse([]byte(resources))
	require.NoError(t, err)
	stack, err := cloudformation.Deploy(template, "s", nil)
	require.NoError(t, err)
	return alarm.FromStack(stack)
}

func evaluatorOf(t *testing.T, resources string) *alarm.Evaluator {
	t.Helper()
	alarms, err := alarmsOf(t, resources)
	require.NoError(t, err)
	return alarm.NewEvaluator(alarms)
}

const failing = `
Resources:
  Topic: {Type: AWS::SNS::Topic}
  Failing:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: N
      MetricName: Failures
      Statistic: Sum
      Period: 300
      EvaluationPeriods: 3
      DatapointsToAlarm: 2
      Threshold: 1
      ComparisonOperator: GreaterThanOrEqualToThreshold
      TreatMissingData: notBreaching
      AlarmActions: [!Ref Topic]
`

var failures = alarm.Metric{Namespace: "N", Name: "Failures"}

// TestPeriodsSlide: an alarm is evaluated every minute, over periods that end
// at that minute, and only a change of its state is reported.
func TestPeriodsSlide(t *testing.T) {
	e := evaluatorOf(t, failing)
	for m := 0; m < 60; m += 5 {
		v := 0.0
		if m == 20 || m == 25 {
			v = 1
		}
		e.Samples().Put(failures, minute(m), v, minute(m).Add(10*time.Second))
	}
	var changes []alarm.Change
	for m := 1; m < 60; m++ {
		changes = append(changes, e.Evaluate(minute(m))...)
	}
	require.Len(t, changes, 3)
	require.Equal(t, alarm.OK, changes[0].To)
	require.Equal(t, alarm.InsufficientData, changes[0].From)
	require.Equal(t, alarm.InAlarm, changes[1].To)
	require.Equal(t, minute(26), changes[1].At, "the second failing sample is of minute 25, which is over at 26")
	require.Equal(t, []string{"arn:aws:sns:eu-west-1:111122223333:s-Topic"}, changes[1].Alarm.Actions(changes[1].To))
	require.Empty(t, changes[1].Alarm.Actions(alarm.OK))
	require.Equal(t, alarm.OK, changes[2].To)
	require.Equal(t, minute(36), changes[2].At, "when the sample of minute 35 makes one of the newest three fail")
	require.Equal(t, alarm.OK, e.State("Failing"))
	require.Empty(t, e.State("Other"))
}

// TestSamplesOfOnePeriodAreOneDataPoint: retries within five minutes do not
// count twice.
func TestSamplesOfOnePeriodAreOneDataPoint(t *testing.T) {
	e := evaluatorOf(t, failing)
	for _, m := range []int{10, 11, 13} {
		e.Samples().Put(failures, minute(m), 1, minute(m))
	}
	for m := 10; m < 15; m++ {
		e.Evaluate(minute(m))
		require.NotEqual(t, alarm.InAlarm, e.State("Failing"), "minute %d", m)
	}
	// At 16 the three samples lie in two periods: 6 to 10 and 11 to 15.
	e.Evaluate(minute(16))
	require.Equal(t, alarm.InAlarm, e.State("Failing"))
}

// TestAnEvaluationSeesWhatHasArrived: ingestion takes its time, and what comes
// late belongs to the minute of its timestamp.
func TestAnEvaluationSeesWhatHasArrived(t *testing.T) {
	e := evaluatorOf(t, failing)
	e.Samples().Put(failures, minute(9), 1, minute(17))
	e.Samples().Put(failures, minute(14), 1, minute(15))
	for m := 10; m < 17; m++ {
		e.Evaluate(minute(m))
		require.Equal(t, alarm.OK, e.State("Failing"), "minute %d", m)
	}
	e.Evaluate(minute(17))
	require.Equal(t, alarm.InAlarm, e.State("Failing"))
}

const silent = `
Resources:
  Silent:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Metrics:
        - {Id: filled, Expression: "FILL(beat, 0)"}
        - Id: beat
          ReturnData: false
          MetricStat:
            Metric: {Namespace: N, MetricName: Heartbeat, Dimensions: [{Name: Stack, Value: s}]}
            Period: 300
            Stat: Sum
      EvaluationPeriods: 2
      Threshold: 1
      ComparisonOperator: LessThanThreshold
      TreatMissingData: breaching
  Plain:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: N
      MetricName: Heartbeat
      Dimensions: [{Name: Stack, Value: s}]
      Statistic: Sum
      Period: 300
      EvaluationPeriods: 2
      Threshold: "1"
      ComparisonOperator: LessThanThreshold
      TreatMissingData: breaching
`

// TestFillBeatsTheLookBack: an alarm on a metric that falls silent waits until
// the evaluation range holds none of its data; with FILL it does not.
func TestFillBeatsTheLookBack(t *testing.T) {
	for _, tt := range []struct{ more, filled, plain int }{{2, 10, 20}, {5, 10, 35}} {
		e := evaluatorOf(t, silent)
		e.LookBack = func(n int) int { return n + tt.more }
		beat := alarm.Metric{Namespace: "N", Name: "Heartbeat", Dimensions: alarm.DimensionsOf(map[string]string{"Stack": "s"})}
		for m := 0; m <= 60; m += 5 {
			e.Samples().Put(beat, minute(m), 1, minute(m))
		}
		at := map[string]time.Time{}
		for m := 20; m < 120; m++ {
			for _, c := range e.Evaluate(minute(m)) {
				if c.To == alarm.InAlarm {
					at[c.Alarm.ID] = c.At
				}
			}
		}
		require.Equal(t, map[string]time.Time{"Silent": minute(61 + tt.filled), "Plain": minute(61 + tt.plain)}, at)
	}
}

// TestRetention: a year of samples does not pile up, and what alarms look at stays.
func TestRetention(t *testing.T) {
	s := alarm.NewSamples(time.Hour)
	e := evaluatorOf(t, failing)
	for m := 0; m < 500_000; m += 5 {
		s.Put(failures, minute(m), 1, minute(m))
		e.Samples().Put(failures, minute(m), float64(m%2), minute(m))
		if m%60 == 0 {
			e.Evaluate(minute(m))
		}
	}
	e.Evaluate(minute(500_000))
	require.Equal(t, alarm.InAlarm, e.State("Failing"))
	require.Less(t, e.Samples().Len(), 200)
}
