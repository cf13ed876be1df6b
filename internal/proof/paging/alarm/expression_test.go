package alarm

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var nan = math.NaN()

// TestExpressions has the examples of using-metric-math.html where it gives any.
func TestExpressions(t *testing.T) {
	for _, tt := range []struct {
		expression string
		series     map[string][]float64
		want       []float64
	}{
		// Comparison and logical operators: AWS's own table.
		{"m1 < m2", map[string][]float64{"m1": {30, 20, 0, 0}, "m2": {20, nan, 20, nan}}, []float64{0, 0, 1, 0}},
		{"m1 >= 30", map[string][]float64{"m1": {30, 20, 0, 0}}, []float64{1, 0, 0, 0}},
		{"(m1 > 15 AND m2 > 15)", map[string][]float64{"m1": {30, 20, 0, 0}, "m2": {20, nan, 20, nan}}, []float64{1, 0, 0, 0}},
		// IF: AWS's own tables.
		{"IF(m1, m2, m3)", map[string][]float64{"m1": {1, 1, 0, 0, nan}, "m2": {30, nan, 0, 0, 30}, "m3": {0, 0, 20, nan, 20}}, []float64{30, 0, 20, nan, nan}},
		{"IF(m1, 5, m3)", map[string][]float64{"m1": {1, 1, 0, 0, nan}, "m3": {0, 0, 20, nan, 20}}, []float64{5, 5, 20, nan, nan}},
		{"IF(m1, m2, 5)", map[string][]float64{"m1": {1, 1, 0, 0, nan}, "m2": {30, nan, 0, 0, 30}}, []float64{30, 0, 5, 5, nan}},
		{"IF(m1<400, m1)", map[string][]float64{"m1": {399, 400, nan}}, []float64{399, nan, nan}},
		// FILL.
		{"FILL(m1, 10)", map[string][]float64{"m1": {nan, 2, nan}}, []float64{10, 2, 10}},
		{"FILL(m1, m2)", map[string][]float64{"m1": {nan, 2, nan}, "m2": {7, 8, nan}}, []float64{7, 2, nan}},
		{"FILL(m1, REPEAT)", map[string][]float64{"m1": {nan, 2, nan}}, []float64{nan, 2, 2}},
		{"FILL(m1,0)+FILL(m2,0)", map[string][]float64{"m1": {nan, 2}, "m2": {1, nan}}, []float64{1, 2}},
		// Arithmetic: a point that is missing counts as 0, one that is missing on both sides stays so.
		{"m1 + m2", map[string][]float64{"m1": {1, nan, nan}, "m2": {2, 2, nan}}, []float64{3, 2, nan}},
		{"m1 / m2", map[string][]float64{"m1": {1, 1}, "m2": {2, 0}}, []float64{0.5, nan}},
		{"100 - 2 * m1 ^ 2", map[string][]float64{"m1": {3, nan}}, []float64{82, nan}},
		{"m1 - m2 - 1", map[string][]float64{"m1": {5}, "m2": {3}}, []float64{1}},
		{"MIN([m1, m2])", map[string][]float64{"m1": {1, nan, nan}, "m2": {2, 2, nan}}, []float64{1, 2, nan}},
		{"MAX([m1, m2])", map[string][]float64{"m1": {1, nan, 4}, "m2": {2, 2, 3}}, []float64{2, 2, 4}},
		{"SUM([m1, m2])", map[string][]float64{"m1": {1, nan}, "m2": {2, 2}}, []float64{3, 2}},
		{"m1 - MIN(m1)", map[string][]float64{"m1": {5, 3, nan}}, []float64{2, 0, nan}},
		{"SUM(100/[m1, m2])", map[string][]float64{"m1": {50}, "m2": {25}}, []float64{6}},
		{"ABS(CEIL(m1) - FLOOR(m1))", map[string][]float64{"m1": {1.5, 2}}, []float64{1, 0}},
		{"DIFF(m1)", map[string][]float64{"m1": {1, 3, 2, nan, 4, 4}}, []float64{nan, 2, -1, nan, nan, 0}},
		{"IF(FILL(DIFF(m1), 0) > 0 AND m1 - FILL(DIFF(m1), 0) >= 1, 0, m1)", map[string][]float64{"m1": {1, 2, 2, 1, 0, 1, 3}}, []float64{1, 0, 2, 1, 0, 1, 0}},
		{"TIME_SERIES(7) || m1", map[string][]float64{"m1": {0, 1}}, []float64{1, 1}},
	} {
		e, err := parseExpression(tt.expression, func(id string) bool { return tt.series[id] != nil })
		require.NoError(t, err)
		got := e.eval(tt.series)
		require.Equal(t, single, got.kind, tt.expression)
		require.Len(t, got.series[0], len(tt.want), tt.expression)
		for i, want := range tt.want {
			if math.IsNaN(want) {
				require.True(t, math.IsNaN(got.series[0][i]), "%s: point %d is %v, expected none", tt.expression, i, got.series[0][i])
				continue
			}
			require.Equal(t, want, got.series[0][i], "%s: point %d", tt.expression, i)
		}
	}
}

func TestExpressionsThatAreNotKnown(t *testing.T) {
	for expression, problem := range map[string]string{
		"ANOMALY_DETECTION_BAND(m1)": "the function ANOMALY_DETECTION_BAND is not known here",
		"m1 + m9":                    `there is no metric with the id "m9"`,
		"m1 +":                       "expected a value before",
		"(m1":                        `expected ")"`,
		"m1 m1":                      `unexpected "m1"`,
		"IF(m1)":                     "IF takes 2 to 3 arguments, not 1",
		"1.2.3":                      `"1.2.3" is no number`,
		"[m1 m1]":                    `expected ","`,
		"SELECT MIN(x) FROM y":       `there is no metric with the id "SELECT"`,
	} {
		_, err := parseExpression(expression, func(id string) bool { return strings.HasPrefix(id, "m1") })
		require.ErrorContains(t, err, problem, expression)
	}
}
