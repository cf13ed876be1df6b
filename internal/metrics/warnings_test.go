package metrics_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
)

// TestPassedWarnings: the first family is reported at once. Another that passes the
// same warning silences the metric for 75 minutes, which ends the alarm, and then
// both are counted.
func TestPassedWarnings(t *testing.T) {
	const minute = 1.0 / (24 * 60)
	for name, tt := range map[string]struct {
		left []float64
		want map[string]float64
	}{
		"none":                            {[]float64{61, 300}, nil},
		"exactly at it":                   {[]float64{60}, nil},
		"one, just now":                   {[]float64{60 - minute/2, 300}, map[string]float64{"FirstWarning": 1}},
		"one, long ago":                   {[]float64{31, 300}, map[string]float64{"FirstWarning": 1}},
		"one, two warnings":               {[]float64{29}, map[string]float64{"FirstWarning": 1, "SecondWarning": 1}},
		"a second, just now":              {[]float64{40, 60 - minute}, nil},
		"a second, 74 minutes ago":        {[]float64{40, 60 - 74*minute}, nil},
		"a second, 75 minutes ago":        {[]float64{40, 60 - 75.1*minute}, map[string]float64{"FirstWarning": 2}},
		"it pauses its own warning only":  {[]float64{6, 30 - minute}, map[string]float64{"FirstWarning": 2, "ThirdWarning": 1, "FourthWarning": 1}},
		"a third":                         {[]float64{40, 50, 60 - minute}, nil},
		"the first is renewed meanwhile":  {[]float64{365, 60 - minute}, map[string]float64{"FirstWarning": 1}},
		"two of three are long past it":   {[]float64{10, 12, 59}, map[string]float64{"FirstWarning": 3, "SecondWarning": 2, "ThirdWarning": 2}},
		"two at once, which one can tell": {[]float64{60 - minute, 60 - minute}, nil},
		"a family that is dead":           {[]float64{-3}, map[string]float64{"FirstWarning": 1, "SecondWarning": 1, "ThirdWarning": 1, "FourthWarning": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var outcomes []keeper.Outcome
			for i, left := range tt.left {
				outcomes = append(outcomes, outcome(string(rune('A'+i))+"_", keeper.Idle, left, 3600))
			}
			got := map[string]float64{}
			for _, m := range metrics.Of(outcomes, 1, 60, 30, 14, 7) {
				for _, name := range metrics.Passed {
					if m.Name == name {
						require.Empty(t, m.Connection)
						got[name] = m.Value
					}
				}
			}
			if tt.want == nil {
				tt.want = map[string]float64{}
			}
			require.Equal(t, tt.want, got)
		})
	}
}
