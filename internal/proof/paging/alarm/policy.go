package alarm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Policy is an alert policy of Google Cloud Monitoring with one condition, evaluated
// as Google documents it (docs.cloud.google.com/monitoring/alerts/):
//
//   - concepts-indepth: every minute a condition looks at the aligned value of the
//     last alignment period. A threshold is met once all of these have violated it
//     for the duration.
//   - metric-absence: an absence is met once a series that had data has had none for
//     the duration.
//   - incident-events: each time series opens an incident of its own, and both its
//     beginning and its end are notified. An incident without data closes by itself.
//
// How late a written point is seen is not documented; the caller decides that.
type Policy struct {
	// Name is the display name. Channels are the notification channels.
	Name     string
	Channels []string
	// Metric is the metric, and Each the dimension by which its series differ; empty
	// for one series without dimensions.
	Metric Metric
	Each   string
	// Aligner is one such as ALIGN_MAX, Period the alignment period.
	Aligner string
	Period  time.Duration
	// Absent: the condition is an absence, and what follows but Duration does not matter.
	Absent bool
	// Comparison is COMPARISON_GT or COMPARISON_LT.
	Comparison string
	Threshold  float64
	Duration   time.Duration
	// Missing is what a condition with a duration makes of missing data:
	// EVALUATION_MISSING_DATA_INACTIVE, _ACTIVE or _NO_OP, which is the default.
	Missing string
	// AutoClose is how long an incident stands without data.
	AutoClose time.Duration
}

// aligners give each aligner the statistic that it is over a gauge.
var aligners = map[string]string{"ALIGN_MAX": "Maximum", "ALIGN_MIN": "Minimum", "ALIGN_MEAN": "Average", "ALIGN_SUM": "Sum", "ALIGN_COUNT": "SampleCount"}

// comparisons are the operators of the same names for alarms.
var comparisons = map[string]string{"COMPARISON_GT": "GreaterThanThreshold", "COMPARISON_LT": "LessThanThreshold"}

// missings are the ways to treat missing data.
var missings = []string{"", "EVALUATION_MISSING_DATA_NO_OP", "EVALUATION_MISSING_DATA_INACTIVE", "EVALUATION_MISSING_DATA_ACTIVE"}

// longestCondition is the longest duration of a condition.
const longestCondition = 23*time.Hour + 30*time.Minute

// Alarm makes an alarm of a policy. What Cloud Monitoring refuses, or what is not
// known here, is an error.
func (p Policy) Alarm() (*Alarm, error) {
	a := &Alarm{ID: p.Name, Name: p.Name, M: 1, N: 1, Period: p.Period, Operator: comparisons[p.Comparison], Threshold: p.Threshold,
		AlarmActions: p.Channels, OKActions: p.Channels, policy: &p}
	if !p.Absent {
		a.breaches = operators[a.Operator]
	}
	switch {
	case p.Period < time.Minute || p.Period%time.Minute != 0 || p.Duration%time.Minute != 0:
		return nil, fmt.Errorf("%s: the alignment period is %s and the duration %s: expected whole minutes", p.Name, p.Period, p.Duration)
	case p.Duration > longestCondition || p.Absent && p.Duration < 2*time.Minute:
		return nil, fmt.Errorf("%s: a duration of %s is refused", p.Name, p.Duration)
	case aligners[p.Aligner] == "":
		return nil, fmt.Errorf("%s: the aligner %q is not known here", p.Name, p.Aligner)
	case !p.Absent && a.breaches == nil:
		return nil, fmt.Errorf("%s: the comparison %q is not known here", p.Name, p.Comparison)
	case !slices.Contains(missings, p.Missing) || p.Missing != "" && p.Duration == 0:
		return nil, fmt.Errorf("%s: evaluation_missing_data %q does not go with a duration of %s", p.Name, p.Missing, p.Duration)
	case p.AutoClose < 30*time.Minute:
		return nil, fmt.Errorf("%s: auto_close is %s: expected 30 minutes at least", p.Name, p.AutoClose)
	}
	return a, nil
}

// incident is what is known of one time series of a policy.
type incident struct {
	open bool
	// since is the minute from which on the threshold is violated; 0 if it is not.
	since int64
	// data is the last minute at which there was a value.
	data int64
}

// series are the metrics that a policy finds, in order.
func (p *Policy) series(s *Samples) []Metric {
	if p.Each == "" {
		if s.series[p.Metric] == nil {
			return nil
		}
		return []Metric{p.Metric}
	}
	var found []Metric
	for m := range s.series {
		if m.Namespace == p.Metric.Namespace && m.Name == p.Metric.Name && strings.HasPrefix(m.Dimensions, p.Each+"=") {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(a, b Metric) int { return strings.Compare(a.Dimensions, b.Dimensions) })
	return found
}

// evaluatePolicy evaluates each time series of a policy.
func (e *Evaluator) evaluatePolicy(i int, now time.Time, end int64) (changes []Change) {
	a := e.alarms[i]
	if e.incidents[a.ID] == nil {
		e.incidents[a.ID] = map[string]incident{}
	}
	all := e.incidents[a.ID]
	for _, m := range a.policy.series(e.samples) {
		before := all[m.Dimensions]
		next := a.policy.next(before, e.samples.series[m], end, a.breaches)
		all[m.Dimensions] = next
		if next.open != before.open {
			changes = append(changes, Change{Alarm: a, At: now, From: stateIf(before.open), To: stateIf(next.open), Contributor: m.Dimensions})
		}
	}
	e.states[i] = stateIf(slices.ContainsFunc(slices.Collect(maps.Values(all)), func(one incident) bool { return one.open }))
	return changes
}

// next is an incident a minute later.
func (p *Policy) next(now incident, data *series, end int64, breaches func(value, threshold float64) bool) incident {
	minutes := func(d time.Duration) int64 { return int64(d / time.Minute) }
	if p.Absent {
		if n := len(data.minutes); n > 0 {
			now.data = data.minutes[n-1].minute + 1
		}
		now.open = now.data > 0 && end-now.data >= minutes(p.Duration)
		return now
	}
	found := data.over(end-minutes(p.Period), end)
	violated := false
	switch {
	case found.count > 0:
		now.data = end
		violated = breaches(found.value(aligners[p.Aligner]), p.Threshold)
	case p.Missing == "EVALUATION_MISSING_DATA_ACTIVE":
		violated = true
	case p.Missing != "EVALUATION_MISSING_DATA_INACTIVE":
		now.open = now.open && end-now.data < minutes(p.AutoClose)
		return now
	}
	if !violated {
		now.open, now.since = false, 0
		return now
	}
	if now.since == 0 {
		now.since = end
	}
	now.open = now.open || end-now.since >= minutes(p.Duration)
	return now
}
