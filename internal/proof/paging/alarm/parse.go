package alarm

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/cloudformation"
)

// FromStack reads all alarms of a deployment. What it does not know of an alarm
// is an error that names it: no alarm is to be evaluated by guess.
func FromStack(s *cloudformation.Stack) ([]*Alarm, error) {
	ids, err := s.IDs("AWS::CloudWatch::Alarm")
	if err != nil {
		return nil, err
	}
	for _, unknown := range []string{"AWS::CloudWatch::CompositeAlarm", "AWS::CloudWatch::AnomalyDetector", "AWS::CloudWatch::InsightRule"} {
		if found, err := s.IDs(unknown); err != nil || len(found) > 0 {
			return nil, fmt.Errorf("%v: resources of type %s cannot be evaluated here (%v)", found, unknown, err)
		}
	}
	var alarms []*Alarm
	for _, id := range ids {
		properties, err := s.Properties(id)
		if err != nil {
			return nil, fmt.Errorf("alarm %s: %w", id, err)
		}
		a, err := parse(id, properties)
		if err != nil {
			return nil, fmt.Errorf("alarm %s: %w", id, err)
		}
		alarms = append(alarms, a)
	}
	return alarms, nil
}

// reader takes properties out of an object and remembers the first problem.
type reader struct {
	object cloudformation.Object
	seen   map[string]bool
	err    error
}

func read(object cloudformation.Object) *reader {
	return &reader{object: object, seen: map[string]bool{}}
}

func (r *reader) problem(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) take(name string) (any, bool) {
	r.seen[name] = true
	v, ok := r.object[name]
	return v, ok
}

// text is a property that is a string, and one of the allowed ones if any are
// given. The first of these is the default.
func (r *reader) text(name string, allowed ...string) string {
	v, ok := r.take(name)
	if !ok && len(allowed) > 0 {
		return allowed[0]
	}
	text, isText := v.(string)
	switch {
	case ok && !isText:
		r.problem("%s is %v: expected a string", name, v)
	case len(allowed) > 0 && !slices.Contains(allowed, text):
		r.problem("%s is %q: expected one of %q", name, text, allowed)
	}
	return text
}

// number is a property that is a number or, as CloudFormation takes it as well,
// its decimal text.
func (r *reader) number(name string) float64 {
	v, ok := r.take(name)
	if !ok {
		r.problem("%s is missing", name)
	}
	if f, isNumber := v.(float64); isNumber {
		return f
	}
	f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	if ok && err != nil {
		r.problem("%s is %v: expected a number", name, v)
	}
	return f
}

func (r *reader) list(name string) []any {
	v, _ := r.take(name)
	list, ok := v.([]any)
	if v != nil && !ok {
		r.problem("%s is %v: expected a list", name, v)
	}
	return list
}

// statistic is a property that must name one that a sample's bucket can answer.
func (r *reader) statistic(name string) string {
	if _, ok := r.object[name]; !ok {
		r.problem("%s is missing", name)
	}
	return r.text(name, "Average", "Sum", "Minimum", "Maximum", "SampleCount")
}

// end reports the first problem, or a property that was not asked for.
func (r *reader) end() error {
	for name := range r.object {
		if !r.seen[name] {
			r.problem("the property %s is not known here", name)
		}
	}
	return r.err
}

func parse(id string, properties cloudformation.Object) (*Alarm, error) {
	r := read(properties)
	a := &Alarm{ID: id, Operator: r.text("ComparisonOperator"), Threshold: r.number("Threshold"), N: int(r.number("EvaluationPeriods"))}
	if a.Name = r.text("AlarmName"); a.Name == "" {
		a.Name = id
	}
	r.take("AlarmDescription")
	r.take("Tags")
	a.M = a.N
	if _, ok := properties["DatapointsToAlarm"]; ok {
		a.M = int(r.number("DatapointsToAlarm"))
	}
	a.Missing = Missing(r.text("TreatMissingData", string(TreatAsMissing), string(TreatAsIgnore), string(TreatAsBreaching), string(TreatAsNotBreaching)))
	if enabled, ok := r.take("ActionsEnabled"); !ok || enabled == true {
		a.AlarmActions = cloudformation.Strings(r.object["AlarmActions"])
		a.OKActions = cloudformation.Strings(r.object["OKActions"])
		a.InsufficientDataActions = cloudformation.Strings(r.object["InsufficientDataActions"])
	}
	for _, actions := range []string{"AlarmActions", "OKActions", "InsufficientDataActions"} {
		r.take(actions)
	}
	a.breaches = operators[a.Operator]
	if a.breaches == nil {
		r.problem("ComparisonOperator is %q, which is not known here", a.Operator)
	}
	if a.M < 1 || a.M > a.N {
		r.problem("DatapointsToAlarm is %d: expected 1 to %d, the EvaluationPeriods", a.M, a.N)
	}
	if queries := r.list("Metrics"); queries != nil {
		if err := a.parseQueries(queries); err != nil {
			r.problem("%w", err)
		}
	} else {
		a.result = "m"
		a.metrics = []metricQuery{{id: "m", statistic: r.statistic("Statistic"), metric: metricOf(r)}}
		a.setPeriod(r)
	}
	// A longer range is refused by CloudWatch; the store is not laid out for it.
	if limit := 7 * 24 * time.Hour; time.Duration(a.N)*a.Period > limit {
		r.problem("EvaluationPeriods × Period is longer than %s, which CloudWatch refuses", limit)
	}
	return a, r.end()
}

// setPeriod reads Period; all metrics of an alarm have the same.
func (a *Alarm) setPeriod(r *reader) {
	seconds := r.number("Period")
	period := time.Duration(seconds) * time.Second
	if period < time.Minute || period%time.Minute != 0 {
		r.problem("Period is %v: expected a multiple of 60", seconds)
		period = time.Minute
	}
	if a.Period != 0 && a.Period != period {
		r.problem("the metrics have different periods, which an alarm's may not")
	}
	a.Period = period
}

// metricOf reads Namespace, MetricName and Dimensions.
func metricOf(r *reader) Metric {
	m := Metric{Namespace: r.text("Namespace"), Name: r.text("MetricName")}
	if m.Namespace == "" || m.Name == "" {
		r.problem("Namespace or MetricName is missing")
	}
	dimensions := map[string]string{}
	for _, v := range r.list("Dimensions") {
		object, _ := v.(cloudformation.Object)
		d := read(object)
		dimensions[d.text("Name")] = d.text("Value")
		if err := d.end(); err != nil {
			r.problem("Dimensions: %w", err)
		}
	}
	m.Dimensions = DimensionsOf(dimensions)
	return m
}
