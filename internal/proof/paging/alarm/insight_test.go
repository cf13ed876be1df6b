package alarm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
)

const byFamily = `
Resources:
  Topic: {Type: AWS::SNS::Topic}
  Ending:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Metrics:
        - Id: days
          Period: 300
          Expression: SELECT MIN(Days) FROM SCHEMA("N", Family) GROUP BY Family ORDER BY MIN() ASC
      EvaluationPeriods: 3
      DatapointsToAlarm: 1
      Threshold: 30
      ComparisonOperator: LessThanThreshold
      TreatMissingData: ignore
      AlarmActions: [!Ref Topic]
`

func daysOf(family string) alarm.Metric {
	return alarm.Metric{Namespace: "N", Name: "Days", Dimensions: alarm.DimensionsOf(map[string]string{"Family": family})}
}

// TestEachTimeSeriesHasItsState: an alarm on a query tells of each time series
// by itself, though another stands, and is in ALARM while one is.
func TestEachTimeSeriesHasItsState(t *testing.T) {
	e := evaluatorOf(t, byFamily)
	// Neither of these is found by the query.
	others := []alarm.Metric{{Namespace: "N", Name: "Days"}, {Namespace: "M", Name: "Days", Dimensions: "Family=c"}, {Namespace: "N", Name: "Days", Dimensions: "Family=c,Place=d"}}
	var changes []alarm.Change
	states := map[int]alarm.State{}
	for m := range 120 {
		a, b := 40.0, 40.0
		if m >= 20 && m < 80 {
			a = 29
		}
		if m >= 40 && m < 60 {
			b = 29
		}
		e.Samples().Put(daysOf("a"), minute(m), a, minute(m).Add(10*time.Second))
		e.Samples().Put(daysOf("b"), minute(m), b, minute(m).Add(10*time.Second))
		for _, other := range others {
			e.Samples().Put(other, minute(m), 1, minute(m))
		}
		changes = append(changes, e.Evaluate(minute(m))...)
		states[m] = e.State("Ending")
	}
	var told []string
	for _, c := range changes {
		told = append(told, c.At.Format("15:04 ")+c.Contributor+" "+string(c.To))
	}
	require.Equal(t, []string{"04:01  OK", "04:21 Family=a ALARM", "04:41 Family=b ALARM", "05:15 Family=b OK", "05:35 Family=a OK"}, told)
	require.Equal(t, alarm.OK, states[20])
	require.Equal(t, alarm.InAlarm, states[41])
	require.Equal(t, alarm.InAlarm, states[94], "a still is")
	require.Equal(t, alarm.OK, states[95])
}
