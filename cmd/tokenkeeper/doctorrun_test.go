package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/terraform"
	"github.com/tokenkeeper/tokenkeeper/test/cloudrun"
	emulator "github.com/tokenkeeper/tokenkeeper/test/secretmanager"
)

const (
	region         = "europe-west1"
	address        = "https://tokenkeeper-123456789012.europe-west1.run.app"
	olderAddress   = "https://tokenkeeper-abcdefghij-ew.a.run.app"
	serviceAccount = "tokenkeeper@" + emulator.Project + ".iam.gserviceaccount.com"
	caller         = "tokenkeeper-schedule@" + emulator.Project + ".iam.gserviceaccount.com"
)

// made is what deploy/gcp makes, as the APIs of Cloud Run and Cloud Scheduler show it.
type made struct {
	service, policy, job cloudrun.Object
}

// revision is the service's template, and container what runs in it.
func (m made) revision() cloudrun.Object { return m.service["template"].(cloudrun.Object) }

func (m made) container() cloudrun.Object {
	return m.revision()["containers"].([]any)[0].(cloudrun.Object)
}

func (m made) target() cloudrun.Object { return m.job["httpTarget"].(cloudrun.Object) }

// setting changes one of the service's environment.
func (m made) setting(name, value string) {
	for _, one := range m.container()["env"].([]any) {
		if v := one.(cloudrun.Object); v["name"] == name {
			v["value"] = value
		}
	}
}

// module reads what deploy/gcp makes.
func module(t *testing.T) made {
	t.Helper()
	account := func(email string) cty.Value {
		return cty.ObjectVal(map[string]cty.Value{"email": cty.StringVal(email), "member": cty.StringVal("serviceAccount:" + email)})
	}
	m, err := terraform.Read("../../deploy/gcp", map[string]string{"project": emulator.Project, "location": region, "image": "eu.pkg.dev/p/tools/tokenkeeper:v1"}, map[string]cty.Value{
		"google_service_account": cty.ObjectVal(map[string]cty.Value{"service": account(serviceAccount), "schedule": account(caller)}),
		"google_cloud_run_v2_service": cty.ObjectVal(map[string]cty.Value{"tick": cty.ObjectVal(map[string]cty.Value{
			"name": cty.StringVal("tokenkeeper"), "uri": cty.StringVal(olderAddress)})}),
	})
	require.NoError(t, err)
	resource := func(kind, name string) terraform.Body {
		b, err := m.Resource(kind, name)
		require.NoError(t, err)
		return b
	}
	text := func(b terraform.Body, name string) string {
		v, err := b.Text(name)
		require.NoError(t, err)
		return v
	}
	block := func(b terraform.Body, path ...string) terraform.Body {
		found, err := b.Block(path...)
		require.NoError(t, err)
		return found
	}
	number := func(b terraform.Body, name string) float64 {
		v, err := b.Number(name)
		require.NoError(t, err)
		return v
	}
	service, member, schedule := resource("google_cloud_run_v2_service", "tick"), resource("google_cloud_run_v2_service_iam_member", "schedule"), resource("google_cloud_scheduler_job", "tick")
	template, container, scaling := block(service, "template"), block(service, "template", "containers"), block(service, "template", "scaling")
	args, err := container.Texts("args")
	require.NoError(t, err)
	var environment []any
	for _, one := range container.Blocks("env") {
		environment = append(environment, cloudrun.Object{"name": text(one, "name"), "value": text(one, "value")})
	}
	target, token := block(schedule, "http_target"), block(schedule, "http_target", "oidc_token")
	return made{
		service: cloudrun.Object{
			"uri": olderAddress, "urls": []any{address, olderAddress}, "ingress": "INGRESS_TRAFFIC_ALL",
			"terminalCondition": cloudrun.Object{"type": "Ready", "state": "CONDITION_SUCCEEDED"},
			"trafficStatuses":   []any{cloudrun.Object{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}},
			"template": cloudrun.Object{
				"serviceAccount": text(template, "service_account"), "timeout": text(template, "timeout"),
				"maxInstanceRequestConcurrency": number(template, "max_instance_request_concurrency"),
				"scaling":                       cloudrun.Object{"minInstanceCount": number(scaling, "min_instance_count"), "maxInstanceCount": number(scaling, "max_instance_count")},
				"containers":                    []any{cloudrun.Object{"image": text(container, "image"), "args": args, "env": environment}},
			},
		},
		policy: cloudrun.Object{"bindings": []any{cloudrun.Object{"role": text(member, "role"), "members": []any{text(member, "member")}}}},
		job: cloudrun.Object{
			"schedule": text(schedule, "schedule"), "timeZone": text(schedule, "time_zone"), "state": "ENABLED", "status": cloudrun.Object{}, "lastAttemptTime": "2026-11-27T06:00:00Z",
			"httpTarget": cloudrun.Object{"uri": text(target, "uri"), "httpMethod": text(target, "http_method"),
				"oidcToken": cloudrun.Object{"serviceAccountEmail": text(token, "service_account_email"), "audience": text(token, "audience")}},
		},
	}
}

// deploys lets the project have what deploy/gcp makes, but for a change.
func (p *patient) deploys(change func(made)) {
	m := module(p.T)
	if change != nil {
		change(m)
	}
	p.run.Service(emulator.Project, region, "tokenkeeper", m.service, m.policy)
	p.run.Job(emulator.Project, region, "tokenkeeper", m.job)
}

// TestDoctorOnTheDeployment: one thing at a time is the matter with what deploy/gcp makes,
// and one line says so and what to do.
func TestDoctorOnTheDeployment(t *testing.T) {
	p := newPatient(t)
	p.beats(2 * time.Minute)
	p.alerts(nil)
	for _, tt := range []struct {
		name   string
		change func(made)
		code   int
		says   []string
	}{
		{"nothing", func(made) {}, 0, nil},
		{"its newest address", func(m made) {
			m.target()["uri"], m.target()["oidcToken"].(cloudrun.Object)["audience"] = address, address
		}, 0, nil},
		{"the address is the audience", func(m made) { delete(m.target()["oidcToken"].(cloudrun.Object), "audience") }, 0, nil},
		{"a failed deployment", func(m made) {
			m.service["terminalCondition"] = cloudrun.Object{"state": "CONDITION_FAILED", "message": "Image 'x' not found."}
		}, 2, []string{"fail  service: its last deployment failed: Image 'x' not found."}},
		{"it is being deployed", func(m made) { m.service["terminalCondition"] = cloudrun.Object{"state": "CONDITION_RECONCILING"} }, 1, []string{"warn  service: tokenkeeper is being deployed"}},
		{"another account", func(m made) { m.revision()["serviceAccount"] = "1-compute@developer.gserviceaccount.com" }, 2,
			[]string{"fail  settings: ", "it runs as 1-compute@developer.gserviceaccount.com, not as the account tokenkeeper"}},
		{"another command", func(m made) { m.container()["args"] = []any{"run"} }, 2, []string{`its arguments are ["run"], not serve`}},
		{"another project", func(m made) { m.setting("STORE", "gcp:another") }, 2, []string{"its STORE is gcp:another, not gcp:" + emulator.Project}},
		{"another connection", func(m made) { m.setting("CONNECTIONS", "other_JIRA_CLOUD_") }, 2, []string{"its CONNECTIONS lack " + onGoogle}},
		{"many instances", func(m made) { m.revision()["scaling"] = cloudrun.Object{"minInstanceCount": 1} }, 1,
			[]string{"warn  settings: ", "there may be several instances, not 1", "there are always 1 instances, which costs money"}},
		{"many requests", func(m made) { m.revision()["maxInstanceRequestConcurrency"], m.revision()["timeout"] = 80, "60s" }, 1,
			[]string{"an instance takes 80 requests at once, not 1", "a request may take 60s, and a tick takes up to 1m40s"}},
		{"an old revision", func(m made) {
			m.service["trafficStatuses"] = []any{cloudrun.Object{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": "tokenkeeper-00001-abc", "percent": 100}}
		}, 1, []string{"the revision tokenkeeper-00001-abc gets 100% of the requests"}},
		{"a role on the project", func(m made) { delete(m.policy, "bindings") }, 1, []string{"warn  callers: only a role on the whole project can let the schedule's account " + caller}},
		{"anybody may call", func(m made) {
			m.policy["bindings"] = []any{cloudrun.Object{"role": "roles/run.invoker", "members": []any{"allUsers", "serviceAccount:" + caller}}}
		}, 1, []string{"warn  callers: anybody may ask for a tick"}},
		{"nobody is checked", func(m made) { m.service["invokerIamDisabled"] = true }, 1, []string{"warn  callers: anybody may ask for a tick", "--invoker-iam-check"}},
		{"paused", func(m made) { m.job["state"] = "PAUSED" }, 2, []string{"fail  schedule: it is PAUSED", "gcloud scheduler jobs resume tokenkeeper --location europe-west1"}},
		{"every five minutes", func(m made) { m.job["schedule"] = "*/5 * * * *" }, 1, []string{`warn  schedule: enabled, "*/5 * * * *": up to 5m0s between two ticks`}},
		{"by day", func(m made) { m.job["schedule"] = "*/2 8-18 * * *" }, 1, []string{"a form that is not known here"}},
		{"another address", func(m made) { m.target()["uri"] = "https://other.run.app" }, 2, []string{"fail  schedule: it calls https://other.run.app, and the service is at " + olderAddress}},
		{"another audience", func(m made) { m.target()["oidcToken"].(cloudrun.Object)["audience"] = "https://other.run.app" }, 2,
			[]string{"its token is for https://other.run.app, and the service takes those for " + olderAddress}},
		{"no token", func(m made) { delete(m.target(), "oidcToken") }, 2, []string{"it calls without an OIDC token"}},
		{"by GET", func(m made) { m.target()["httpMethod"] = "GET" }, 2, []string{"it calls by GET, and the service takes POST"}},
		{"turned away", func(m made) { m.job["status"] = cloudrun.Object{"code": 7} }, 2, []string{"fail  last call: Cloud Run turned the schedule away: PermissionDenied"}},
		{"a failed tick", func(m made) { m.job["status"] = cloudrun.Object{"code": 13} }, 1, []string{"warn  last call: it ended with Internal", "gcloud logging read"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p.T = t
			p.deploys(tt.change)
			wrong := p.doctor(tt.code)
			for _, text := range tt.says {
				require.Contains(t, wrong, text)
			}
			if tt.says == nil {
				require.Empty(t, wrong)
			}
		})
	}
}

// TestADeploymentThatCannotBeSeen: each refusal is a warning that names the role, and what
// is not there fails.
func TestADeploymentThatCannotBeSeen(t *testing.T) {
	p := newPatient(t)
	p.beats(2 * time.Minute)
	p.alerts(nil)
	p.deploys(nil)
	for _, end := range []string{"services/tokenkeeper", ":getIamPolicy", "jobs/tokenkeeper"} {
		p.run.Refuse(end, 403)
	}
	wrong := p.doctor(1)
	require.NotContains(t, wrong, "canary")
	for _, text := range []string{"warn  service: cannot be looked at: refused or failed: Forbidden", "have roles/run.viewer granted", "warn  callers: ",
		"warn  schedule: cannot be looked at", "have roles/cloudscheduler.viewer granted"} {
		require.Contains(t, wrong, text)
	}
	for _, end := range []string{"services/tokenkeeper", ":getIamPolicy", "jobs/tokenkeeper"} {
		p.run.Refuse(end, 404)
	}
	wrong = p.doctor(2)
	require.Contains(t, wrong, "fail  service: there is no tokenkeeper in europe-west1")
	require.Contains(t, wrong, "fail  schedule: there is no tokenkeeper in europe-west1")
	require.NotContains(t, wrong, "callers")
}

// TestTheRegion: the heartbeats name it, or the flag does.
func TestTheRegion(t *testing.T) {
	p := newPatient(t)
	p.alerts(nil)
	p.deploys(func(m made) { m.policy["bindings"] = nil })
	require.Contains(t, p.doctor(2), "warn  service: its region is not known: no heartbeat in six weeks names it\n      do: name its region by --location")
	out, code := runProgram(t, p.env, "", "doctor", "--store", "gcp:"+emulator.Project, "--location", region)
	require.Equal(t, 2, code, out)
	require.Contains(t, out, "ok    service: tokenkeeper in europe-west1 is ready")
	require.Contains(t, out, "fail  callers: the schedule's account "+caller+" may not call the service: it lacks roles/run.invoker")
	p.beats(20 * 24 * time.Hour)
	require.Contains(t, p.doctor(2), "fail  callers")
}

// TestTheServicesConnections are looked at where the store may not be listed.
func TestTheServicesConnections(t *testing.T) {
	p := newPatient(t)
	p.beats(2 * time.Minute)
	p.alerts(nil)
	p.deploys(nil)
	p.Deny("ListSecrets", "")
	wrong := p.doctor(1)
	require.True(t, strings.HasPrefix(wrong, "warn  project: its secrets cannot be listed"), wrong)
	require.NotContains(t, wrong, "CONNECTIONS lack")
}

// TestGaps: between two runs of a schedule.
func TestGaps(t *testing.T) {
	for schedule, want := range map[string]time.Duration{
		"*/2 * * * *": 2 * time.Minute, "* * * * *": time.Minute, "*/7 * * * *": 7 * time.Minute, "0 * * * *": time.Hour, "0,1,30 * * * *": 30 * time.Minute,
		"1-59/2 * * * *": 2 * time.Minute, "10/20 * * * *": 20 * time.Minute, "5-8 * * * *": 57 * time.Minute, "every 2 minutes": 2 * time.Minute, "every 1 mins": time.Minute,
		"": 0, "x * * * *": 0, "*/0 * * * *": 0, "60 * * * *": 0, "*/2 * * * 1": 0, "every 0 minutes": 0, "9-5 * * * *": 0, "-1 * * * *": 0,
	} {
		got, known := gap(schedule)
		require.Equal(t, want, got, schedule)
		require.Equal(t, want > 0, known, schedule)
	}
}
