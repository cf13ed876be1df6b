package scenario

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/cloudformation"
)

// stackName names the simulated deployment.
const stackName = "tokenkeeper"

// stack is what the simulated platform takes from the template.
type stack struct {
	alarms []*alarm.Alarm
	// every is the schedule's interval, timeout the function's.
	every, timeout time.Duration
	// retries of a failed invocation, none of them older than retryAge.
	retries  int
	retryAge time.Duration
	policy   family.Policy
	// warnings are the days remaining at which an alarm warns, longest first.
	warnings  []float64
	namespace string
	// google: it is a module on Google Cloud, whose last warning is kept apart.
	google      bool
	lastWarning float64
	// function and queue are the names in the dimensions of AWS's own metrics.
	function, queue string
}

// readStack deploys a template with its default parameters, changed by some.
func readStack(template []byte, parameters map[string]string) (*stack, error) {
	object, err := cloudformation.Parse(template)
	if err != nil {
		return nil, err
	}
	deployed, err := cloudformation.Deploy(object, stackName, parameters)
	if err != nil {
		return nil, err
	}
	s := &stack{policy: family.DefaultPolicy()}
	if s.alarms, err = alarm.FromStack(deployed); err != nil {
		return nil, err
	}
	function, err1 := deployed.Properties("RefresherFunction")
	schedule, err2 := deployed.Properties("Schedule")
	invoke, err5 := deployed.Properties("RefresherFunctionEventInvokeConfig")
	name, err3 := deployed.Physical("RefresherFunction")
	queue, err4 := deployed.Physical("DeadLetters")
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return nil, err
	}
	s.function, s.queue = name, queue
	environment, _ := function["Environment"].(cloudformation.Object)
	variables, _ := environment["Variables"].(cloudformation.Object)
	for _, n := range []struct {
		what string
		v    any
		to   func(float64)
	}{
		{"the function's Timeout", function["Timeout"], func(f float64) { s.timeout = time.Duration(f) * time.Second }},
		{"MaximumRetryAttempts", invoke["MaximumRetryAttempts"], func(f float64) { s.retries = int(f) }},
		{"MaximumEventAgeInSeconds", invoke["MaximumEventAgeInSeconds"], func(f float64) { s.retryAge = time.Duration(f) * time.Second }},
	} {
		f, ok := n.v.(float64)
		if !ok {
			return nil, fmt.Errorf("%s is %v: expected a number", n.what, n.v)
		}
		n.to(f)
	}
	m := regexp.MustCompile(`^rate\((\d+) minutes?\)$`).FindStringSubmatch(fmt.Sprint(schedule["ScheduleExpression"]))
	if m == nil {
		return nil, fmt.Errorf("the schedule is %v: expected rate(N minutes)", schedule["ScheduleExpression"])
	}
	minutes, _ := strconv.Atoi(m[1])
	s.every = time.Duration(minutes) * time.Minute
	s.namespace = fmt.Sprint(variables["METRIC_NAMESPACE"])
	if s.policy.RefreshBefore, err = time.ParseDuration(fmt.Sprint(variables["REFRESH_BEFORE"])); err != nil {
		return nil, fmt.Errorf("REFRESH_BEFORE of the function: %w", err)
	}
	lastWarning, err := strconv.ParseFloat(fmt.Sprint(variables["LAST_WARNING_DAYS"]), 64)
	if err != nil {
		return nil, fmt.Errorf("LAST_WARNING_DAYS of the function: %w", err)
	}
	lifetime, err := strconv.ParseFloat(fmt.Sprint(variables["FAMILY_LIFETIME_DAYS"]), 64)
	if err != nil {
		return nil, fmt.Errorf("FAMILY_LIFETIME_DAYS of the function: %w", err)
	}
	s.policy.Lifetime = time.Duration(lifetime * float64(day))
	for text := range strings.SplitSeq(fmt.Sprint(variables["WARNING_DAYS"]), ",") {
		days, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("WARNING_DAYS of the function: %w", err)
		}
		s.warnings = append(s.warnings, days)
	}
	s.warnings = append(s.warnings, lastWarning)
	return s, nil
}

// days are those of the warning that an alarm is about.
func (s *stack) days(a *alarm.Alarm) (days float64, warns bool) {
	for i, name := range metrics.Passed {
		if a.Watches(name) {
			return s.warnings[i], true
		}
	}
	if a.Watches(metrics.ConsentNeeded) {
		return s.warnings[len(s.warnings)-1], true
	}
	return a.Threshold, a.Watches(metrics.FamilyDaysRemaining)
}

// urgency names the first topic of an alarm's actions by what it is for; none if
// the alarm tells nobody.
func urgency(actions []string) string {
	for _, arn := range actions {
		name := strings.ToLower(arn[strings.LastIndexByte(arn, ':')+1:])
		for _, u := range []string{"page", "ticket"} {
			if strings.Contains(name, u) {
				return u
			}
		}
	}
	if len(actions) > 0 {
		return "topic"
	}
	return "none"
}

// planned is when the schedule's k-th tick is due. The first comes at once.
func (s *stack) planned(k int) time.Time {
	return start.Truncate(time.Minute).Add(time.Duration(k) * s.every)
}

// tickAt is when tick k comes. The schedule is precise to the minute (EventBridge
// Scheduler User Guide, "Schedule types"); the second within it is drawn from k
// and always the same.
func (s *stack) tickAt(k int) time.Time {
	x := (uint64(k) + 1) * 0x9e3779b97f4a7c15
	x ^= x >> 29
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 32
	if k == 0 {
		return start.Add(5 * time.Second)
	}
	return s.planned(k).Add(time.Duration(x%60) * time.Second)
}

// tickAfter is the first tick that comes at or after a moment.
func (s *stack) tickAfter(t time.Time) time.Time {
	k := max(0, int(t.Sub(start)/s.every)-1)
	for s.tickAt(k).Before(t) {
		k++
	}
	return s.tickAt(k)
}
