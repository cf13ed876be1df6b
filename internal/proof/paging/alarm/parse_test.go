package alarm_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
)

func TestParse(t *testing.T) {
	alarms, err := alarmsOf(t, silent)
	require.NoError(t, err)
	require.Len(t, alarms, 2)
	for _, a := range alarms {
		require.Equal(t, 2, a.N)
		require.Equal(t, 2, a.M, "all, where DatapointsToAlarm is not given")
		require.Equal(t, 5*time.Minute, a.Period)
		require.Equal(t, alarm.TreatAsBreaching, a.Missing)
		require.Equal(t, 1.0, a.Threshold)
		require.True(t, a.Watches("Heartbeat"))
		require.False(t, a.Watches("Failures"))
	}
}

// TestWhatIsNotKnownIsAnError: an alarm that would be evaluated by guess is none.
func TestWhatIsNotKnownIsAnError(t *testing.T) {
	for _, tt := range []struct{ template, old, changed, problem string }{
		{failing, "Statistic: Sum", "ExtendedStatistic: p99", "Statistic is missing"},
		{failing, "Statistic: Sum", "Statistic: Median", `Statistic is "Median": expected one of`},
		{failing, "Period: 300", "Period: 10", "Period is 10: expected a multiple of 60"},
		{failing, "Period: 300", "Period: 300\n      Unit: Count", "the property Unit is not known here"},
		{failing, "Period: 300", "Period: 604800", "EvaluationPeriods × Period is longer than 168h0m0s"},
		{failing, "DatapointsToAlarm: 2", "DatapointsToAlarm: 4", "DatapointsToAlarm is 4: expected 1 to 3"},
		{failing, "Threshold: 1", "Threshold: one", "Threshold is one: expected a number"},
		{failing, "Threshold: 1", "", "Threshold is missing"},
		{failing, "GreaterThanOrEqualToThreshold", "GreaterThanUpperThreshold", `ComparisonOperator is "GreaterThanUpperThreshold", which is not known here`},
		{failing, "notBreaching", "notbreaching", `TreatMissingData is "notbreaching": expected one of`},
		{failing, "MetricName: Failures", "", "Namespace or MetricName is missing"},
		{failing, "Type: AWS::SNS::Topic", "Type: AWS::CloudWatch::CompositeAlarm", "resources of type AWS::CloudWatch::CompositeAlarm cannot be evaluated here"},
		{failing, "[!Ref Topic]", "[!Ref Nowhere]", "there is no resource Nowhere"},
		{silent, "ReturnData: false", "ReturnData: true", "filled and beat both return data"},
		{silent, "FILL(beat, 0)", "FILL(bat, 0)", `there is no metric with the id "bat"`},
		{silent, "FILL(beat, 0)", "FORECAST(beat)", "the function FORECAST is not known here"},
		{silent, "FILL(beat, 0)", "MIN(beat)", `filled: expression "MIN(beat)": it must give a single time series`},
		{silent, "FILL(beat, 0)", "[beat, beat]", "it must give a single time series"},
		{silent, "FILL(beat, 0)", "FILL(1, beat)", "it must give a single time series"},
		{silent, "FILL(beat, 0)", "[beat, beat] + [beat]", "its functions and operators do not fit together"},
		{byFamily, "GROUP BY Family", "", "expected SELECT STATISTIC(Metric)"},
		{byFamily, "GROUP BY Family", "GROUP BY Place", "expected SELECT STATISTIC(Metric)"},
		{byFamily, "MIN(Days)", "LAST(Days)", "expected SELECT STATISTIC(Metric)"},
		{byFamily, "        - Id: days", "        - {Id: one, ReturnData: false, Expression: \"1 + 1\"}\n        - Id: days", "alone"},
		{silent, "Stat: Sum", "Stat: p50", `Stat is "p50"`},
	} {
		changed := strings.ReplaceAll(tt.template, tt.old, tt.changed)
		require.NotEqual(t, tt.template, changed)
		_, err := alarmsOf(t, changed)
		require.ErrorContains(t, err, tt.problem)
	}
}

// TestExpressionsMayStandInAnyOrder: CloudWatch resolves what an expression
// refers to wherever it stands.
func TestExpressionsMayStandInAnyOrder(t *testing.T) {
	alarms, err := alarmsOf(t, strings.ReplaceAll(silent, `- {Id: filled, Expression: "FILL(beat, 0)"}`,
		`- {Id: last, Expression: "first + 1"}
        - {Id: first, Expression: "FILL(beat, 0)", ReturnData: false}`))
	require.NoError(t, err)
	require.Len(t, alarms, 2)
}
