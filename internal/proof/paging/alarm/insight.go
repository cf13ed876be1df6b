package alarm

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// insight is a Metrics Insights query that is an alarm's only metric. Every time
// series that it finds is a contributor with its own state and notifications
// (Amazon CloudWatch User Guide, Create_Metrics_Insights_Alarm.html and
// Acting_Alarm_Changes.html).
type insight struct {
	statistic, namespace, name, dimension string
}

// insightForm is the one form of query that is known here: of one metric, grouped
// by its only dimension. What the groups are ordered by changes no state.
var insightForm = regexp.MustCompile(`^SELECT (MIN|MAX|SUM|AVG)\((\w+)\) FROM SCHEMA\("([^"]+)", (\w+)\) GROUP BY (\w+) ORDER BY (?:MIN|MAX|SUM|AVG)\(\) (?:ASC|DESC)$`)

func parseInsight(text string) (*insight, error) {
	m := insightForm.FindStringSubmatch(text)
	if m == nil || m[4] != m[5] {
		return nil, fmt.Errorf(`query %q: expected SELECT STATISTIC(Metric) FROM SCHEMA("namespace", Dimension) GROUP BY Dimension ORDER BY …`, text)
	}
	statistic := map[string]string{"MIN": "Minimum", "MAX": "Maximum", "SUM": "Sum", "AVG": "Average"}[m[1]]
	return &insight{statistic: statistic, namespace: m[3], name: m[2], dimension: m[4]}, nil
}

// contributors are the metrics that the query finds, in order.
func (q *insight) contributors(s *Samples) []Metric {
	var found []Metric
	for m := range s.series {
		if m.Namespace == q.namespace && m.Name == q.name && strings.HasPrefix(m.Dimensions, q.dimension+"=") && !strings.Contains(m.Dimensions, ",") {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(a, b Metric) int { return strings.Compare(a.Dimensions, b.Dimensions) })
	return found
}

// evaluateEach evaluates an alarm's contributors, each of which is OK or in ALARM.
// The alarm is in ALARM while one of them is.
func (e *Evaluator) evaluateEach(i int, now time.Time, end int64) (changes []Change) {
	a := e.alarms[i]
	found := a.insight.contributors(e.samples)
	if len(found) == 0 {
		return nil
	}
	states := e.contributors[a.ID]
	if states == nil {
		states = map[string]State{}
		e.contributors[a.ID] = states
		changes = append(changes, Change{Alarm: a, At: now, From: e.states[i], To: OK})
	}
	length := e.LookBack(a.N)
	line, points := make([]float64, length), make([]point, length)
	for _, m := range found {
		current, known := states[m.Dimensions]
		if !known {
			current = OK
		}
		a.read(line, e.samples.series[m], a.insight.statistic, end)
		for j, v := range line {
			points[j] = pointOf(v, a.Threshold, a.breaches)
		}
		next := evaluate(points, a.M, a.N, a.Missing, current)
		if next == InsufficientData {
			next = OK
		}
		if next != current {
			changes = append(changes, Change{Alarm: a, At: now, From: current, To: next, Contributor: m.Dimensions})
		}
		states[m.Dimensions] = next
	}
	e.states[i] = stateIf(slices.Contains(slices.Collect(maps.Values(states)), InAlarm))
	return changes
}
