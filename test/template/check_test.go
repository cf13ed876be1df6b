package template

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// check looks at one side of a deployment and returns what is wrong with it.
type check struct {
	name string
	find func(*stack) []string
}

// checks are all there are; the mutation tests run each of them.
var checks = []check{
	{"the refresher's grants", checkRefresherGrants},
	{"the scheduler's grants", checkSchedulerGrants},
	{"who may assume a role", checkTrust},
	{"no other policies", checkNoOtherPolicies},
	{"policies fit", checkPolicySizes},
	{"the key", checkKey},
	{"the queue", checkQueue},
	{"IAM actions exist", checkActionsExist},
	{"the schedule", checkSchedule},
	{"the first tick", checkFirstTick},
	{"the retries", checkRetries},
	{"the function", checkFunction},
	{"the environment", checkEnvironment},
	{"the bootstrap's grants", checkBootstrapGrants},
	{"the bootstrap function", checkBootstrap},
	{"the URL", checkURL},
	{"the logs", checkLogs},
	{"the alarms", checkAlarms},
	{"whom the alarms tell", checkActions},
	{"what the alarms say", checkDescriptions},
	{"the topics", checkTopics},
	{"the dashboard", checkDashboard},
	{"the event of Parameter Store", checkNoChange},
}

// run applies a check; what cannot be evaluated, or is of another form than the
// check expects, is a finding too.
func (c check) run(s *stack) (findings []string) {
	defer func() {
		if p := recover(); p != nil {
			findings = append(findings, fmt.Sprintf("%v", p))
		}
		for i, f := range findings {
			findings[i] = fmt.Sprintf("%s (%s): %s", c.name, s.scenario, f)
		}
	}()
	return c.find(s)
}

func TestTemplate(t *testing.T) {
	raw := transformed(t)
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			for _, sc := range scenarios {
				s, err := deploy(raw, sc)
				require.NoError(t, err)
				require.Empty(t, c.run(s), strings.Join(c.run(s), "\n"))
			}
		})
	}
}

// differ reports a value that is not what it should be.
func differ(what string, want, got any) []string {
	if reflect.DeepEqual(want, got) {
		return nil
	}
	return []string{fmt.Sprintf("%s: expected %v, found %v", what, want, got)}
}

// compare reports what is missing in a set, and what is unexpected.
func compare(what string, want, got []string) (findings []string) {
	for _, w := range want {
		if !slices.Contains(got, w) {
			findings = append(findings, fmt.Sprintf("%s: missing %s", what, w))
		}
	}
	for i, g := range got {
		if !slices.Contains(want, g) {
			findings = append(findings, fmt.Sprintf("%s: unexpected %s", what, g))
		} else if slices.Contains(got[:i], g) {
			findings = append(findings, fmt.Sprintf("%s: twice %s", what, g))
		}
	}
	return findings
}

// number of a JSON value; CloudFormation takes numbers as strings as well.
func number(v any) int {
	if f, ok := v.(float64); ok {
		return int(f)
	}
	n := 0
	if _, err := fmt.Sscan(fmt.Sprint(v), &n); err != nil {
		panic(fault(fmt.Sprintf("expected a number, found %v", v)))
	}
	return n
}

// only is the one resource of its type.
func (s *stack) only(resourceType string) string {
	ids := s.ids(resourceType)
	if len(ids) != 1 {
		panic(fault(fmt.Sprintf("expected one %s, found %v", resourceType, ids)))
	}
	return ids[0]
}
