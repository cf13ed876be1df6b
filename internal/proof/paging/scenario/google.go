package scenario

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/zclconf/go-cty/cty"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/terraform"
)

// RunOnGoogle is Run on the module in deploy/gcp: a service in place of the function,
// whose requests nobody repeats, and alert policies in place of the alarms. Parameters are
// those of the template; the module's variables are named alike.
func RunOnGoogle(folder string, sc Scenario, o Options) (Result, error) {
	return run(sc, o, func(parameters map[string]string) (*stack, error) { return readModule(folder, parameters) })
}

// googleSamples is the namespace of the service's metrics, whose types begin so, and
// googleRuns that of Cloud Run's own.
const (
	googleSamples = "custom.googleapis.com/tokenkeeper/"
	googleRuns    = "run.googleapis.com/"
	failedRuns    = "request_count"
)

// variableOf is the module's name of a parameter of the template.
func variableOf(parameter string) string {
	var b strings.Builder
	for i, r := range parameter {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// readModule is readStack for the module on Google Cloud.
func readModule(folder string, parameters map[string]string) (*stack, error) {
	variables := map[string]string{}
	for name, value := range parameters {
		variables[variableOf(name)] = value
	}
	channel := func(name string) cty.Value {
		return cty.TupleVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal(name)})})
	}
	m, err := terraform.Read(folder, variables, map[string]cty.Value{"google_monitoring_notification_channel": cty.ObjectVal(map[string]cty.Value{
		"page": channel("the page channel"), "ticket": channel("the ticket channel")})})
	if err != nil {
		return nil, err
	}
	s := &stack{policy: family.DefaultPolicy(), namespace: googleSamples, google: true}
	service, err1 := m.Resource("google_cloud_run_v2_service", "tick")
	schedule, err2 := m.Resource("google_cloud_scheduler_job", "tick")
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	template, err1 := service.Block("template")
	container, err2 := service.Block("template", "containers")
	if err := errors.Join(err1, err2, s.readService(template, container), s.readSchedule(schedule)); err != nil {
		return nil, err
	}
	for _, name := range m.Resources("google_monitoring_alert_policy") {
		body, _ := m.Resource("google_monitoring_alert_policy", name)
		for _, condition := range body.Blocks("conditions") {
			a, err := readPolicy(body, condition)
			if err != nil {
				return nil, fmt.Errorf("alert policy %s: %w", name, err)
			}
			s.alarms = append(s.alarms, a)
			if a.Watches(metrics.FamilyDaysRemaining) {
				s.warnings = append(s.warnings, a.Threshold)
			}
		}
	}
	s.warnings = append(s.warnings, s.lastWarning)
	return s, nil
}

// readService reads a request's limit and the container's environment.
func (s *stack) readService(template, container terraform.Body) error {
	environment := map[string]string{}
	for _, one := range container.Blocks("env") {
		name, err1 := one.Text("name")
		value, err2 := one.Text("value")
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		environment[name] = value
	}
	var lifetime float64
	timeout, err1 := template.Text("timeout")
	before, err2 := time.ParseDuration(environment["REFRESH_BEFORE"])
	lifetime, err3 := strconv.ParseFloat(environment["FAMILY_LIFETIME_DAYS"], 64)
	last, err4 := strconv.ParseFloat(environment["LAST_WARNING_DAYS"], 64)
	limit, err5 := time.ParseDuration(timeout)
	s.timeout, s.lastWarning = limit, last
	s.policy.RefreshBefore, s.policy.Lifetime = before, time.Duration(lifetime*float64(day))
	return errors.Join(err1, err2, err3, err4, err5)
}

// everyMinutes is the only form of a schedule that is known here.
var everyMinutes = regexp.MustCompile(`^\*/(\d+) \* \* \* \*$`)

func (s *stack) readSchedule(schedule terraform.Body) error {
	text, err := schedule.Text("schedule")
	m := everyMinutes.FindStringSubmatch(text)
	if err != nil || m == nil {
		return fmt.Errorf("the schedule is %q: expected */N * * * * (%v)", text, err)
	}
	minutes, _ := strconv.Atoi(m[1])
	s.every = time.Duration(minutes) * time.Minute
	s.retryAge = s.every // a request that has not begun by the next one
	retry, err := schedule.Block("retry_config")
	if err != nil {
		return err
	}
	retries, err := retry.Number("retry_count")
	s.retries = int(retries)
	return err
}

// metricFilter finds the metric's type in a filter.
var metricFilter = regexp.MustCompile(`^metric\.type="([^"]+)" AND `)

// readPolicy reads an alert policy with one of its conditions, each of which opens
// incidents of its own. What it does not know is an error: it guesses nothing.
func readPolicy(body, condition terraform.Body) (*alarm.Alarm, error) {
	var errs []error
	text := func(b terraform.Body, name string) string {
		v, err := b.Text(name)
		errs = append(errs, err)
		return v
	}
	span := func(b terraform.Body, name string) time.Duration {
		d, err := time.ParseDuration(text(b, name))
		errs = append(errs, err)
		return d
	}
	block := func(b terraform.Body, path ...string) terraform.Body {
		found, err := b.Block(path...)
		errs = append(errs, err)
		return found
	}
	known := func(b terraform.Body, names ...string) {
		if found := b.Names(); strings.Join(found, " ") != strings.Join(names, " ") {
			errs = append(errs, fmt.Errorf("it has %q: expected %q", found, names))
		}
	}
	known(body, "alert_strategy", "combiner", "conditions", "display_name", "documentation", "notification_channels", "project")
	strategy, combiner := block(body, "alert_strategy"), text(body, "combiner")
	if combiner != "OR" {
		errs = append(errs, fmt.Errorf("the combiner is %q: expected OR", combiner))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	p := alarm.Policy{Name: text(body, "display_name"), AutoClose: span(strategy, "auto_close"), Absent: len(condition.Blocks("condition_absent")) == 1}
	kind := map[bool]string{true: "condition_absent", false: "condition_threshold"}[p.Absent]
	known(condition, kind, "display_name")
	inner, aggregation := block(condition, kind), block(condition, kind, "aggregations")
	channels, err := body.Texts("notification_channels")
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	known(aggregation, "alignment_period", "per_series_aligner")
	title := text(condition, "display_name")
	p.Channels, p.Duration = channels, span(inner, "duration")
	p.Aligner, p.Period = text(aggregation, "per_series_aligner"), span(aggregation, "alignment_period")
	switch {
	case p.Absent:
		known(inner, "aggregations", "duration", "filter")
	case inner.Has("evaluation_missing_data"):
		p.Missing = text(inner, "evaluation_missing_data")
		known(inner, "aggregations", "comparison", "duration", "evaluation_missing_data", "filter", "threshold_value")
	default:
		known(inner, "aggregations", "comparison", "duration", "filter", "threshold_value")
	}
	if !p.Absent {
		p.Comparison = text(inner, "comparison")
		p.Threshold, err = inner.Number("threshold_value")
		errs = append(errs, err)
	}
	if p.Metric, p.Each, err = metricOf(text(inner, "filter")); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	a, err := p.Alarm()
	if err == nil {
		a.ID += "/" + title
	}
	return a, err
}

// metricOf is the metric that a filter selects.
func metricOf(filter string) (m alarm.Metric, each string, err error) {
	found := metricFilter.FindStringSubmatch(filter)
	if found == nil {
		return m, "", fmt.Errorf("the filter %q begins with no metric.type", filter)
	}
	rest := filter[len(found[0]):]
	ours, isOurs := strings.CutPrefix(found[1], googleSamples)
	of, one := strings.CutPrefix(ours, "connection/")
	switch {
	case isOurs && rest == `resource.type="generic_task" AND resource.labels.job="`+stackName+`"`:
		m = alarm.Metric{Namespace: googleSamples, Name: of}
		if one {
			each = "Connection"
		}
	case found[1] == googleRuns+failedRuns && rest == `resource.type="cloud_run_revision" AND resource.labels.service_name="`+stackName+`" AND metric.labels.response_code_class="5xx"`:
		m = alarm.Metric{Namespace: googleRuns, Name: failedRuns}
	default:
		err = fmt.Errorf("the filter %q is not known here", filter)
	}
	return m, each, err
}
