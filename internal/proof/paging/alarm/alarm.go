package alarm

import (
	"time"
)

// Alarm is a metric alarm as a template defines it.
type Alarm struct {
	// ID is the logical id in the template, Name what CloudWatch calls it.
	ID, Name string
	// M of the N newest data points must breach.
	M, N      int
	Period    time.Duration
	Operator  string
	Threshold float64
	Missing   Missing
	// AlarmActions, OKActions and InsufficientDataActions are ARNs.
	AlarmActions, OKActions, InsufficientDataActions []string

	// metrics by their id; expressions in the order of their evaluation.
	metrics     []metricQuery
	expressions []expressionQuery
	// insight stands for both where the alarm is on a query, and policy where it is
	// an alert policy of Google Cloud.
	insight *insight
	policy  *Policy
	// result is the id whose series is compared with the threshold.
	result   string
	breaches func(value, threshold float64) bool

	// series and scratch are reused by points.
	series  map[string][]float64
	scratch []point
}

// metricQuery is a metric with its statistic.
type metricQuery struct {
	id, statistic string
	metric        Metric
}

// expressionQuery is an expression over what stands before it.
type expressionQuery struct {
	id string
	expression
}

// Watches reports whether one of the alarm's metrics has the name.
func (a *Alarm) Watches(name string) bool {
	for _, q := range a.metrics {
		if q.metric.Name == name {
			return true
		}
	}
	return a.insight != nil && a.insight.name == name || a.policy != nil && a.policy.Metric.Name == name
}

// Actions are the ARNs that are notified when the alarm enters the state.
func (a *Alarm) Actions(s State) []string {
	switch s {
	case InAlarm:
		return a.AlarmActions
	case OK:
		return a.OKActions
	}
	return a.InsufficientDataActions
}

// points are the data points of the evaluation range that ends at a minute,
// oldest first. They are valid until the next call.
func (a *Alarm) points(s *Samples, end int64, length int) []point {
	if len(a.scratch) != length {
		a.scratch = make([]point, length)
		a.series = map[string][]float64{}
		for _, q := range a.metrics {
			a.series[q.id] = make([]float64, length)
		}
	}
	for _, q := range a.metrics {
		a.read(a.series[q.id], s.series[q.metric], q.statistic, end)
	}
	for _, q := range a.expressions {
		a.series[q.id] = q.eval(a.series).series[0] // one series: query.go has tried it
	}
	for i, v := range a.series[a.result] {
		a.scratch[i] = pointOf(v, a.Threshold, a.breaches)
	}
	return a.scratch
}

// read fills a line with a metric's data points, the last of which ends at a minute.
func (a *Alarm) read(line []float64, data *series, statistic string, end int64) {
	minutes := int64(a.Period / time.Minute)
	for i := range line {
		to := end - int64(len(line)-1-i)*minutes
		line[i] = data.over(to-minutes, to).value(statistic)
	}
}

// Change is an alarm's change of state.
type Change struct {
	Alarm    *Alarm
	At       time.Time
	From, To State
	// Contributor has the dimensions of the one time series whose state changed;
	// empty where it is the alarm's own.
	Contributor string
}

// Evaluator evaluates alarms over samples. It is not safe for concurrent use.
type Evaluator struct {
	// LookBack is how many data points an alarm of n retrieves; see the package.
	LookBack func(n int) int

	samples *Samples
	alarms  []*Alarm
	states  []State
	// contributors have the states of the time series of an alarm, by its ID.
	contributors map[string]map[string]State
	// incidents are those of the policies, by alarm and time series.
	incidents map[string]map[string]incident
}

// NewEvaluator returns an evaluator whose alarms have just been created, and so
// have insufficient data, and an empty store of samples that is large enough.
func NewEvaluator(alarms []*Alarm) *Evaluator {
	e := &Evaluator{LookBack: func(n int) int { return n + 2 }, alarms: alarms, contributors: map[string]map[string]State{},
		incidents: map[string]map[string]incident{}}
	longest := time.Hour
	for _, a := range alarms {
		state := InsufficientData
		if a.policy != nil {
			state = OK // there is no incident
		}
		e.states = append(e.states, state)
		longest = max(longest, time.Duration(a.N+10)*a.Period)
	}
	e.samples = NewSamples(longest)
	return e
}

// Samples is the store that the alarms look at.
func (e *Evaluator) Samples() *Samples { return e.samples }

// State of the alarm with the id; empty if it does not exist.
func (e *Evaluator) State(id string) State {
	for i, a := range e.alarms {
		if a.ID == id {
			return e.states[i]
		}
	}
	return ""
}

// Evaluate is CloudWatch's evaluation of all alarms at a full minute. It returns
// the changes of state; only these run actions. An alarm on a query changes once
// as a whole, when it finds its first data, and from then on by contributor.
func (e *Evaluator) Evaluate(now time.Time) (changes []Change) {
	e.samples.reveal(now)
	end := minuteOf(now)
	for i, a := range e.alarms {
		if a.policy != nil {
			changes = append(changes, e.evaluatePolicy(i, now, end)...)
			continue
		}
		if a.insight != nil {
			changes = append(changes, e.evaluateEach(i, now, end)...)
			continue
		}
		next := evaluate(a.points(e.samples, end, e.LookBack(a.N)), a.M, a.N, a.Missing, e.states[i])
		if next != e.states[i] {
			changes = append(changes, Change{Alarm: a, At: now, From: e.states[i], To: next})
			e.states[i] = next
		}
	}
	return changes
}
