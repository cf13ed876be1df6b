package main

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	cloudrun "google.golang.org/api/run/v2"
	"google.golang.org/grpc/codes"
)

// examine looks at the service, at who may call it, and at its schedule.
func (d *deployment) examine(add adder) {
	d.examineService(add)
	d.examineCallers(add)
	d.examineSchedule(add)
}

func (d *deployment) examineService(add adder) {
	const again = "apply deploy/gcp again"
	if d.serviceErr != nil {
		d.unseen(add, "service", "roles/run.viewer", d.serviceErr)
		return
	}
	ready := d.service.TerminalCondition
	if ready == nil {
		ready = &cloudrun.GoogleCloudRunV2Condition{}
	}
	switch ready.State {
	case "CONDITION_SUCCEEDED":
		add("service", resultOK, "", "%s in %s is ready", d.name, d.region)
	case "CONDITION_FAILED":
		add("service", resultFail, "mend the reason, and "+again, "its last deployment failed: %s", ready.Message)
	default:
		add("service", resultWarn, "look again in a minute", "%s is being deployed", d.name)
	}
	if d.service.Template == nil || len(d.service.Template.Containers) == 0 {
		add("settings", resultFail, again, "the service has no container")
		return
	}
	if wrong := d.wrongSettings(); len(wrong) > 0 {
		add("settings", resultFail, again, "the service does not keep these tokens: %s", strings.Join(wrong, "; "))
	} else if odd := d.oddSettings(); len(odd) > 0 {
		add("settings", resultWarn, again, "they are not those of deploy/gcp: %s", strings.Join(odd, "; "))
	} else {
		add("settings", resultOK, "", "as deploy/gcp has them, as %s, from %s", d.service.Template.ServiceAccount, path.Base(d.service.Template.Containers[0].Image))
	}
}

// unseen says that something is not there, or may not be looked at.
func (d *deployment) unseen(add adder, what, role string, err error) {
	if errors.Is(err, errAbsent) {
		add(what, resultFail, "apply deploy/gcp; or name its region by --location, and its variable name by --stack", "there is no %s in %s", d.name, d.region)
	} else {
		add(what, resultWarn, "have "+role+" granted on the project", "cannot be looked at: %s", err)
	}
}

// wrongSettings are those without which ticks do not keep the connections.
func (d *deployment) wrongSettings() (wrong []string) {
	t := d.service.Template
	note := func(is bool, format string, args ...any) {
		if is {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	note(!strings.HasPrefix(t.ServiceAccount, d.name+"@"), "it runs as %s, not as the account %s", t.ServiceAccount, d.name)
	note(!slices.Equal(t.Containers[0].Args, []string{"serve"}), "its arguments are %q, not serve", t.Containers[0].Args)
	kept := d.environment()["STORE"]
	note(kept != d.store, "its STORE is %s, not %s", kept, d.store)
	for _, c := range d.connections {
		note(!slices.Contains(d.kept(), c), "its CONNECTIONS lack %s", c)
	}
	return wrong
}

// oddSettings are others than the module's.
func (d *deployment) oddSettings() (odd []string) {
	t := d.service.Template
	note := func(is bool, format string, args ...any) {
		if is {
			odd = append(odd, fmt.Sprintf(format, args...))
		}
	}
	scaling := t.Scaling
	if scaling == nil {
		scaling = &cloudrun.GoogleCloudRunV2RevisionScaling{}
	}
	least := scaling.MinInstanceCount
	if s := d.service.Scaling; s != nil {
		least = max(least, s.MinInstanceCount)
	}
	note(scaling.MaxInstanceCount != 1, "there may be %s instances, not 1", either(scaling.MaxInstanceCount == 0, "several", fmt.Sprint(scaling.MaxInstanceCount)))
	note(least > 0, "there are always %d instances, which costs money", least)
	note(t.MaxInstanceRequestConcurrency != 1, "an instance takes %d requests at once, not 1", t.MaxInstanceRequestConcurrency)
	limit, err := time.ParseDuration(t.Timeout)
	note(err != nil || limit < requestTime, "a request may take %s, and a tick takes up to %s", t.Timeout, requestTime)
	for _, s := range d.service.TrafficStatuses {
		note(s.Type == "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION" && s.Percent > 0, "the revision %s gets %d%% of the requests, whatever is deployed", s.Revision, s.Percent)
	}
	return odd
}

// callingRoles are those that let somebody call a service.
var callingRoles = []string{"roles/run.invoker", "roles/run.servicesInvoker", "roles/run.admin"}

func (d *deployment) examineCallers(add adder) {
	switch {
	case errors.Is(d.serviceErr, errAbsent):
		return
	case d.policyErr != nil:
		add("callers", resultWarn, "have roles/run.viewer granted on the project", "who may call the service cannot be looked at: %s", d.policyErr)
		return
	}
	var callers []string
	for _, b := range d.policy.Bindings {
		if slices.Contains(callingRoles, b.Role) {
			callers = append(callers, b.Members...)
		}
	}
	schedule := ""
	if d.jobErr == nil && d.job.HttpTarget != nil && d.job.HttpTarget.OidcToken != nil {
		schedule = d.job.HttpTarget.OidcToken.ServiceAccountEmail
	}
	anybody := slices.Contains(callers, "allUsers") || slices.Contains(callers, "allAuthenticatedUsers") || d.service != nil && d.service.InvokerIamDisabled
	switch {
	case anybody:
		add("callers", resultWarn, "take allUsers and allAuthenticatedUsers from the service's permissions, and check who calls: gcloud run services update "+d.name+" --invoker-iam-check", "anybody may ask for a tick")
	case schedule == "", slices.Contains(callers, "serviceAccount:"+schedule):
		add("callers", resultOK, "", "%s", strings.Join(callers, ", "))
	case d.beats:
		add("callers", resultWarn, "apply deploy/gcp again", "only a role on the whole project can let the schedule's account %s call the service: the service's own permissions do not", schedule)
	default:
		add("callers", resultFail, "apply deploy/gcp again", "the schedule's account %s may not call the service: it lacks roles/run.invoker", schedule)
	}
}

// longest is the longest time between two ticks that deploy/gcp has.
const longest = 2 * time.Minute

func (d *deployment) examineSchedule(add adder) {
	if d.jobErr != nil {
		d.unseen(add, "schedule", "roles/cloudscheduler.viewer", d.jobErr)
		return
	}
	if d.job.State != "ENABLED" {
		add("schedule", resultFail, fmt.Sprintf("apply deploy/gcp with paused = false, or: gcloud scheduler jobs resume %s --location %s --project %s", d.name, d.region, d.project), "it is %s", d.job.State)
		return
	}
	between, known := gap(d.job.Schedule)
	switch wrong := d.wrongTarget(); {
	case wrong != "":
		add("schedule", resultFail, "apply deploy/gcp again", "%s", wrong)
	case !known:
		add("schedule", resultWarn, "see whether it comes every two minutes", "enabled, %q, a form that is not known here", d.job.Schedule)
	case between > longest:
		add("schedule", resultWarn, "apply deploy/gcp again", "enabled, %q: up to %s between two ticks, not two minutes", d.job.Schedule, between)
	default:
		add("schedule", resultOK, "", "enabled, %q", d.job.Schedule)
	}
	d.examineLastCall(add)
}

// wrongTarget is why the schedule's calls do not reach the service, or empty.
func (d *deployment) wrongTarget() string {
	target := d.job.HttpTarget
	if target == nil {
		return "it calls no address of HTTP"
	}
	if target.HttpMethod != "POST" && target.HttpMethod != "" {
		return "it calls by " + target.HttpMethod + ", and the service takes POST"
	}
	if target.OidcToken == nil {
		return "it calls without an OIDC token, and Cloud Run turns that away"
	}
	if d.serviceErr != nil {
		return ""
	}
	trim := func(address string) string { return strings.TrimSuffix(address, "/") }
	var addresses []string
	for _, a := range append(d.service.Urls, d.service.Uri) {
		addresses = append(addresses, trim(a))
	}
	if !slices.Contains(addresses, trim(target.Uri)) {
		return fmt.Sprintf("it calls %s, and the service is at %s", target.Uri, d.service.Uri)
	}
	audience := target.OidcToken.Audience
	if audience == "" {
		audience = target.Uri // so Cloud Scheduler does
	}
	if !slices.Contains(addresses, trim(audience)) && !slices.Contains(d.service.CustomAudiences, audience) {
		return fmt.Sprintf("its token is for %s, and the service takes those for %s", audience, d.service.Uri)
	}
	return ""
}

// examineLastCall looks at what became of the schedule's last call.
func (d *deployment) examineLastCall(add adder) {
	if d.job.Status == nil || d.job.LastAttemptTime == "" {
		return
	}
	log := fmt.Sprintf(`read the log: gcloud logging read 'resource.type="cloud_run_revision" resource.labels.service_name="%s"' --freshness 3h`, d.name)
	switch code := codes.Code(max(0, min(d.job.Status.Code, 16))); code {
	case codes.OK:
		add("last call", resultOK, "", "the service took it")
	case codes.PermissionDenied, codes.Unauthenticated:
		add("last call", resultFail, "see the checks schedule and callers; a role that was just granted may take minutes", "Cloud Run turned the schedule away: %s", code)
	default:
		add("last call", resultWarn, log, "it ended with %s", code)
	}
}

// gap is the longest time between two runs of a schedule that runs all day; known is
// false for a form that this does not read.
func gap(schedule string) (longest time.Duration, known bool) {
	var n int
	if _, err := fmt.Sscanf(schedule, "every %d min", &n); err == nil && n > 0 {
		return time.Duration(n) * time.Minute, true
	}
	fields := strings.Fields(schedule)
	if len(fields) != 5 || strings.Join(fields[1:], "") != "****" {
		return 0, false
	}
	minutes, known := minutesOf(fields[0])
	for i, m := range minutes {
		next := minutes[(i+1)%len(minutes)]
		if next <= m {
			next += 60
		}
		longest = max(longest, time.Duration(next-m)*time.Minute)
	}
	return longest, known && longest > 0
}

// minutesOf are those of cron's first field: numbers, ranges and steps.
func minutesOf(field string) (minutes []int, known bool) {
	for part := range strings.SplitSeq(field, ",") {
		span, every, stepped := strings.Cut(part, "/")
		from, to, ranged := strings.Cut(span, "-")
		switch {
		case span == "*":
			from, to = "0", "59"
		case stepped && !ranged:
			to = "59"
		case !ranged:
			to = from
		}
		if !stepped {
			every = "1"
		}
		first, err1 := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		step, err3 := strconv.Atoi(every)
		if errors.Join(err1, err2, err3) != nil || step < 1 || first < 0 || last > 59 {
			return nil, false
		}
		for m := first; m <= last; m += step {
			minutes = append(minutes, m)
		}
	}
	slices.Sort(minutes)
	return slices.Compact(minutes), true
}
