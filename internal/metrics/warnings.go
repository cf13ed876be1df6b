package metrics

import (
	"math"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

// Passed names the metrics of the warnings ahead of the last one, by their
// order: how many families have fewer days left than the warning. Each is sent
// while there are any.
//
// CloudWatch acts only when an alarm's state changes. So the alarm of a first
// family would hide a second one that passes the same warning. Therefore the
// metric pauses for a while when a family passes a warning that others have passed
// before: the alarm ends, and sounds again. The pause follows from the days that
// are left, so that every process pauses alike.
var Passed = [...]string{"FirstWarning", "SecondWarning", "ThirdWarning", "FourthWarning"}

// PassedPause is how long a warning's metric pauses: longer than the period over
// which its alarm looks for the metric, an hour.
const PassedPause = 75 * time.Minute

// passed returns the warnings' metrics.
func passed(outcomes []keeper.Outcome, warnings []float64) (ms []Metric) {
	for i, days := range warnings {
		families, newest := 0.0, math.Inf(1)
		for _, o := range outcomes {
			if left := o.FamilyDaysRemaining; left != nil && *left < days {
				families++
				newest = min(newest, days-*left)
			}
		}
		if families == 1 || families > 1 && newest*24 >= PassedPause.Hours() {
			ms = append(ms, Metric{Passed[i], families, Count, ""})
		}
	}
	return ms
}
