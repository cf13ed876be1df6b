package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
)

// result is how a check ended, for machines too.
type result string

const (
	resultOK   result = "ok"
	resultWarn result = "warn"
	resultFail result = "fail"
)

// check is one line of doctor.
type check struct {
	Name   string `json:"name"`
	Result result `json:"result"`
	// Says what was found, and Do what to do; empty where nothing is to be done.
	Says string `json:"says"`
	Do   string `json:"do,omitempty"`
}

// facts are what doctor has found out. An error says why something is not known.
type facts struct {
	now   time.Time
	place place
	// own is this program's version.
	own string
	// ahead is how far this machine's clock is before AWS's; zero where not known.
	ahead time.Duration
	// connections are in the stack's order; unseen could not be read.
	connections []health.Survey
	unseen      []health.Report
	// stack is for AWS, and google for Google Cloud; both are nil on a file store.
	stack  *stackFacts
	google *googleFacts
}

// stackFacts are those of a deployed stack.
type stackFacts struct {
	name string
	err  error
	// status is CloudFormation's. parameters and outputs are by name.
	status     string
	parameters map[string]string
	outputs    map[string]string

	deployed    string // the version that the refresher says
	deployedErr error
	schedule    string // its state
	scheduleErr error
	beat        time.Time // the newest heartbeat; zero where there was none
	beatErr     error
	alarms      []alarmFact
	alarmsErr   error
	topics      []topicFact
	keyState    string
	keyErr      error
}

type alarmFact struct {
	name    string
	actions bool
	state   string
	since   time.Time
}

type topicFact struct {
	// name is pages or tickets.
	name               string
	confirmed, pending int
	err                error
}

// examine makes of the facts a list of checks, from the outside to the inside.
func (f facts) examine() []check {
	var all []check
	add := func(name string, r result, do, format string, args ...any) {
		if r == resultOK {
			do = ""
		}
		all = append(all, check{name, r, fmt.Sprintf(format, args...), do})
	}
	switch {
	case f.google != nil:
		f.google.examine(f.now, f.place, add)
	case f.stack == nil:
		add("store", resultOK, "", "%s can be used", f.place)
	default:
		f.surroundings(add)
		if f.stack.err == nil {
			f.stack.examine(f.now, f.own, add)
		}
	}
	f.kept(add)
	return all
}

// adder adds a check. What to do counts only where the result is not ok.
type adder func(name string, r result, do, format string, args ...any)

func (f facts) surroundings(add adder) {
	add("credentials", resultOK, "", "%s", f.place.As)
	if f.place.Differs == "" {
		add("account and region", resultOK, "", "%s, %s, %s", f.place.Account, f.place.Region, f.place.RegionFrom)
	} else {
		add("account and region", resultWarn, "unset one of them", "%s, %s, %s; %s", f.place.Account, f.place.Region, f.place.RegionFrom, f.place.Differs)
	}
	if off := f.ahead; off.Abs() <= family.ClockTolerance {
		add("clock", resultOK, "", "this machine's differs from AWS's by %s", off.Abs().Round(time.Second))
	} else {
		add("clock", resultWarn, "set this machine's clock; ticks go by the store's", "this machine's is %s %s AWS's", off.Abs().Round(time.Second), either(off > 0, "ahead of", "behind"))
	}
	s := f.stack
	switch {
	case s.err != nil:
		add("stack", resultFail, "name the stack by --stack, and check account and region", "%s: %s", s.name, s.err)
	case strings.HasSuffix(s.status, "ROLLBACK_COMPLETE"):
		add("stack", resultWarn, "look at the stack's events, mend the reason, and deploy again", "%s is %s: the last deployment failed", s.name, s.status)
	case !strings.HasSuffix(s.status, "_COMPLETE"):
		add("stack", resultWarn, "wait for its end, or look at its events", "%s is %s", s.name, s.status)
	default:
		add("stack", resultOK, "", "%s is %s", s.name, s.status)
	}
}

// examine looks at what the stack is made of.
func (s *stackFacts) examine(now time.Time, own string, add adder) {
	tick := "tokenkeeper tick --function " + s.name + "-refresher"
	switch {
	case s.deployedErr != nil:
		add("function", resultFail, "read the reason, and its log: aws logs tail /aws/lambda/"+s.name+"-refresher --since 1h", "the refresher does not answer: %s", s.deployedErr)
	case s.deployed != own && s.deployed != "unknown" && own != "unknown":
		add("function", resultWarn, "use the same version of both", "the refresher answers, and is %s; this program is %s", s.deployed, own)
	default:
		add("function", resultOK, "", "the refresher answers, version %s", s.deployed)
	}
	switch {
	case s.scheduleErr != nil:
		add("schedule", resultWarn, "have scheduler:ListSchedules granted", "cannot be looked at: %s", s.scheduleErr)
	case s.schedule == "ENABLED":
		add("schedule", resultOK, "", "enabled, %s", cmp.Or(s.parameters["ScheduleExpression"], "as deployed"))
	default:
		add("schedule", resultFail, "deploy with ScheduleState: ENABLED; until then: "+tick, "it is %s", either(s.schedule == "", "deleted", s.schedule))
	}
	switch late := now.Sub(s.beat); {
	case s.beatErr != nil:
		add("last tick", resultWarn, "have cloudwatch:GetMetricData granted", "cannot be looked at: %s", s.beatErr)
	case s.beat.IsZero():
		add("last tick", resultFail, "read the log: aws logs tail /aws/lambda/"+s.name+"-refresher --since 3h; then: "+tick, "no tick has served all connections in %s", health.Lasting(beatsOver))
	case late > grace:
		add("last tick", resultFail, "read the log: aws logs tail /aws/lambda/"+s.name+"-refresher --since 3h; then: "+tick, "the last that served all connections was %s ago", health.Lasting(late))
	default:
		add("last tick", resultOK, "", "%s ago", health.Lasting(max(0, late)))
	}
	s.examineKey(add)
	s.examineTopics(add)
	s.examineAlarms(now, add)
	switch url := s.parameters["RunbookUrl"]; {
	case url == "":
		add("runbook", resultOK, "", "the alarms name the command tokenkeeper runbook")
	case strings.HasPrefix(url, "https://") && strings.Contains(url, "."):
		add("runbook", resultOK, "", "the alarms link to %s", url)
	default:
		add("runbook", resultWarn, "deploy with RunbookUrl: https://… where engineers read docs/runbook.md, or without it", "the alarms link to %q, which nobody can open", url)
	}
}

// grace is how late a heartbeat may be: the alarm heartbeat-missing waits as long.
const grace = 13 * time.Minute

// beatsOver is how far back heartbeats are looked for.
const beatsOver = 3 * time.Hour

func (s *stackFacts) examineKey(add adder) {
	switch {
	case s.keyErr != nil:
		add("key", resultWarn, "have kms:DescribeKey granted, or see whether ParametersKey exists", "%s cannot be looked at: %s", s.parameters["ParametersKey"], s.keyErr)
	case s.keyState != "Enabled":
		add("key", resultFail, "enable it: aws kms enable-key --key-id KEY (after aws kms cancel-key-deletion where it is to be deleted)", "the parameters' key is %s: nothing can be read or written", s.keyState)
	default:
		add("key", resultOK, "", "%s is enabled", s.parameters["ParametersKey"])
	}
}

func (s *stackFacts) examineTopics(add adder) {
	for _, t := range s.topics {
		urgent := either(t.name == "pages", string(resultFail), string(resultWarn))
		set := either(t.name == "pages", "PageEmail, PageUrl or PageTopicArn", "TicketEmail, TicketUrl or TicketTopicArn")
		switch {
		case t.err != nil:
			add(t.name, resultWarn, "have sns:ListSubscriptionsByTopic granted", "cannot be looked at: %s", t.err)
		case t.confirmed == 0 && t.pending > 0:
			add(t.name, result(urgent), "open the mail from AWS Notifications and confirm", "nobody gets them: %d subscriptions wait to be confirmed", t.pending)
		case t.confirmed == 0:
			add(t.name, result(urgent), "deploy with "+set, "nobody gets them")
		case t.pending > 0:
			add(t.name, resultWarn, "open the mail from AWS Notifications and confirm", "%d subscriptions get them; %d wait to be confirmed", t.confirmed, t.pending)
		default:
			add(t.name, resultOK, "", "%d subscriptions get them", t.confirmed)
		}
	}
}

// alarmsOfAStack is how many alarms the template makes.
const alarmsOfAStack = 10

func (s *stackFacts) examineAlarms(now time.Time, add adder) {
	var silent, sounding []string
	for _, a := range s.alarms {
		if !a.actions {
			silent = append(silent, a.name)
		}
		if a.state == "ALARM" {
			sounding = append(sounding, a.name+" since "+health.Clock(a.since, now))
		}
	}
	switch {
	case s.alarmsErr != nil:
		add("alarms", resultWarn, "have cloudwatch:DescribeAlarms granted", "cannot be looked at: %s", s.alarmsErr)
		return
	case len(s.alarms) < alarmsOfAStack:
		add("alarms", resultFail, "deploy again: somebody has deleted some", "there are %d of %d", len(s.alarms), alarmsOfAStack)
	case len(silent) > 0:
		add("alarms", resultFail, "aws cloudwatch enable-alarm-actions --alarm-names "+strings.Join(silent, " "), "they tell nobody: %s", strings.Join(silent, ", "))
	default:
		add("alarms", resultOK, "", "%d, all of which tell somebody", len(s.alarms))
	}
	if len(sounding) > 0 {
		slices.Sort(sounding)
		first, _, _ := strings.Cut(strings.TrimPrefix(sounding[0], s.name+"-"), " ")
		add("sounding", resultWarn, "tokenkeeper runbook "+first, "%s", strings.Join(sounding, ", "))
	} else {
		add("sounding", resultOK, "", "no alarm")
	}
}
