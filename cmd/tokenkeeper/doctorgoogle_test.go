package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/monitoring/apiv3/v2/monitoringpb"
	"cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics/monitoringsink"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store/gcpstore"
	"github.com/tokenkeeper/tokenkeeper/test/cloudmonitoring"
	"github.com/tokenkeeper/tokenkeeper/test/cloudrun"
	emulator "github.com/tokenkeeper/tokenkeeper/test/secretmanager"
)

// patient is a kept connection in an emulated project.
type patient struct {
	*testing.T
	*emulator.Server
	client     *secretmanager.Client
	monitoring *cloudmonitoring.Server
	run        *cloudrun.Server
	env        []string
}

func newPatient(t *testing.T) *patient {
	server := emulator.Start(t, nil)
	redirect := "http://localhost:" + strconv.Itoa(freePort(t))
	s := newStage(t, redirect)
	m := cloudmonitoring.Start(t)
	r := cloudrun.Start(t)
	p := &patient{T: t, Server: server, monitoring: m, run: r, env: append(append(os.Environ(), "SECRET_MANAGER_EMULATOR_HOST="+server.Address,
		"CLOUD_MONITORING_EMULATOR_HOST="+m.Address, "CLOUD_RUN_EMULATOR_HOST="+r.Address, "CLOUD_SCHEDULER_EMULATOR_HOST="+r.Address, "DISPLAY=:0"), s.env...)}
	var err error
	p.client, err = gcpstore.NewClient(t.Context(), server.Address)
	require.NoError(t, err)
	app := s.fix.App.ClientID + "\n" + s.fix.App.ClientSecret.Reveal() + "\n"
	out, code := runProgram(t, p.env, app, "authorize", "--store", "gcp:"+emulator.Project, "--connection", onGoogle, "--redirect-uri", redirect)
	require.Zero(t, code, out)
	out, code = runProgram(t, p.env, "", "tick", "--store", "gcp:"+emulator.Project, "--connection", onGoogle)
	require.Zero(t, code, out)
	return p
}

// beats lets the service have made a tick some time ago.
func (p *patient) beats(ago time.Duration) {
	c, err := monitoringsink.NewClient(p.Context(), p.monitoring.Address)
	require.NoError(p, err)
	defer func() { _ = c.Close() }()
	require.NoError(p, monitoringsink.New(c, emulator.Project, "europe-west1", "tokenkeeper").Publish(p.Context(), time.Now().Add(-ago),
		[]metrics.Metric{{Name: metrics.Heartbeat, Value: 1}}))
}

// alerts lets the project have the alert policies of deploy/gcp, but for a change.
func (p *patient) alerts(change func([]*monitoringpb.AlertPolicy) []*monitoringpb.AlertPolicy) {
	all := []*monitoringpb.AlertPolicy{{DisplayName: "of something else", Enabled: wrapperspb.Bool(false)}}
	for n := range alarmsOfAStack {
		all = append(all, &monitoringpb.AlertPolicy{DisplayName: fmt.Sprint("tokenkeeper-alert", n), Enabled: wrapperspb.Bool(true), NotificationChannels: []string{"pages"}})
	}
	if change != nil {
		all = change(all)
	}
	p.monitoring.Have(all...)
}

// doctor runs the command, and returns the lines that are not ok.
func (p *patient) doctor(code int) string {
	p.Helper()
	out, exit := runProgram(p.T, p.env, "", "doctor", "--store", "gcp:"+emulator.Project)
	require.Equal(p, code, exit, out)
	var wrong []string
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "ok ") {
			wrong = append(wrong, line)
		}
	}
	return strings.Join(wrong, "")
}

func (p *patient) label(name, version string) {
	_, err := p.client.UpdateSecret(p.Context(), &secretmanagerpb.UpdateSecretRequest{UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}},
		Secret: &secretmanagerpb.Secret{Name: "projects/" + emulator.Project + "/secrets/" + name, Labels: map[string]string{psoxy.VersionLabel: version}}})
	require.NoError(p, err)
}

// TestDoctorOnGoogle: one thing at a time is the matter, and one line says so and what
// to do.
func TestDoctorOnGoogle(t *testing.T) {
	const access = onGoogle + "ACCESS_TOKEN"
	refuse := func(reason string) func(*patient) {
		return func(p *patient) {
			p.Before(func(emulator.Call) error {
				refused, err := status.New(codes.PermissionDenied, "canary").WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: "googleapis.com"})
				require.NoError(p, err)
				return refused.Err()
			})
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*patient)
		code   int
		says   []string
	}{
		{"nothing", func(*patient) {}, 0, nil},
		{"the API is disabled", refuse("SERVICE_DISABLED"), 2, []string{"fail  project: ", "gcloud services enable secretmanager.googleapis.com"}},
		{"no such project", refuse("CONSUMER_INVALID"), 2, []string{"fail  project: ", "there is no such project"}},
		{"secrets cannot be listed", func(p *patient) {
			p.Deny("ListSecrets", "")
		}, 1, []string{"warn  project: its secrets cannot be listed", "secretmanager.secrets.list"}},
		{"a secret's labels cannot be seen", func(p *patient) { p.Deny("GetSecret", access) }, 1,
			[]string{"warn  " + onGoogle + " secrets: not all can be seen: " + access + " without secretmanager.secrets.get\n"}},
		{"versions cannot be listed", func(p *patient) { p.Deny("ListSecretVersions", access) }, 1,
			[]string{"warn  " + onGoogle + " secrets: not all can be seen: " + access + " without secretmanager.versions.list\n"}},
		{"a token cannot be read", func(p *patient) { p.Deny("AccessSecretVersion", onGoogle+"REFRESH_TOKEN") }, 1, []string{"warn  " + onGoogle + " parameters: these may not be read, and are not looked at: " + onGoogle + "REFRESH_TOKEN\n", "secretmanager.versions.access"}},
		{"psoxy reads an old version", func(p *patient) {
			_, err := p.client.AddSecretVersion(p.Context(), &secretmanagerpb.AddSecretVersionRequest{Parent: "projects/" + emulator.Project + "/secrets/" + onGoogle + "CLIENT_ID",
				Payload: &secretmanagerpb.SecretPayload{Data: []byte("another")}})
			require.NoError(p, err)
			p.label(onGoogle+"CLIENT_ID", "1")
		}, 2, []string{"fail  " + onGoogle + " label: psoxy reads an old version, by the label latest-version: " + onGoogle + "CLIENT_ID names version 1, and the newest is 2"}},
		{"a secret that the service may not make", func(p *patient) {
			require.NoError(p, p.client.DeleteSecret(p.Context(), &secretmanagerpb.DeleteSecretRequest{Name: "projects/" + emulator.Project + "/secrets/" + onGoogle + "CLOUD_ID"}))
		}, 1, []string{"warn  " + onGoogle + " secrets: these do not exist: " + onGoogle + "CLOUD_ID", "apply deploy/gcp"}},
		{"the service is not deployed", func(p *patient) {
			p.monitoring = cloudmonitoring.Start(p.T)
			p.env = append(p.env, "CLOUD_MONITORING_EMULATOR_HOST="+p.monitoring.Address)
		}, 1, []string{"warn  service: nothing is known of a service tokenkeeper: no heartbeat in 3 hours, and no alert policy", "apply deploy/gcp"}},
		{"metrics may not be seen", func(p *patient) {
			denied := status.Error(codes.PermissionDenied, "canary")
			p.monitoring.Fail(false, denied, denied)
		}, 1, []string{"warn  last tick: cannot be looked at in Cloud Monitoring: refused or failed: PermissionDenied", "warn  alerts: cannot be looked at", "roles/monitoring.viewer"}},
		{"an alert is deleted", func(p *patient) {
			p.alerts(func(all []*monitoringpb.AlertPolicy) []*monitoringpb.AlertPolicy { return all[:10] })
		}, 2, []string{"fail  alerts: there are 9 of 10", "apply deploy/gcp again"}},
		{"an alert is disabled", func(p *patient) {
			p.alerts(func(all []*monitoringpb.AlertPolicy) []*monitoringpb.AlertPolicy {
				all[3].Enabled = wrapperspb.Bool(false)
				return all
			})
		}, 2, []string{"fail  alerts: they are disabled: alert2\n"}},
		{"an alert tells nobody", func(p *patient) {
			p.alerts(func(all []*monitoringpb.AlertPolicy) []*monitoringpb.AlertPolicy {
				all[1].NotificationChannels = nil
				return all
			})
		}, 2, []string{"fail  alerts: they tell nobody: alert0\n", "page_email"}},
		{"a secret that ends, is kept too long and in too many places", func(p *patient) {
			const name = "projects/" + emulator.Project + "/secrets/" + onGoogle + "CLOUD_ID"
			require.NoError(p, p.client.DeleteSecret(p.Context(), &secretmanagerpb.DeleteSecretRequest{Name: name}))
			_, err := p.client.CreateSecret(p.Context(), &secretmanagerpb.CreateSecretRequest{Parent: "projects/" + emulator.Project, SecretId: onGoogle + "CLOUD_ID",
				Secret: &secretmanagerpb.Secret{VersionDestroyTtl: durationpb.New(48 * time.Hour), Expiration: &secretmanagerpb.Secret_ExpireTime{ExpireTime: timestamppb.New(time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC))},
					Replication: &secretmanagerpb.Replication{Replication: &secretmanagerpb.Replication_UserManaged_{UserManaged: &secretmanagerpb.Replication_UserManaged{
						Replicas: []*secretmanagerpb.Replication_UserManaged_Replica{{Location: "europe-west1"}, {Location: "europe-west4"}}}}}}})
			require.NoError(p, err)
			_, err = p.client.AddSecretVersion(p.Context(), &secretmanagerpb.AddSecretVersionRequest{Parent: name, Payload: &secretmanagerpb.SecretPayload{Data: []byte("a site")}})
			require.NoError(p, err)
		}, 2, []string{"fail  " + onGoogle + " expiry: Google will delete these secrets: " + onGoogle + "CLOUD_ID on 2030-01-02", "--remove-expiration",
			"warn  " + onGoogle + " costs: ", "CLOUD_ID (destroyed versions stay for 48h0m0s)", "CLOUD_ID (in 2 locations)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPatient(t)
			p.beats(2 * time.Minute)
			p.alerts(nil)
			p.deploys(nil)
			tt.change(p)
			wrong := p.doctor(tt.code)
			require.NotContains(t, wrong, "canary")
			for _, text := range tt.says {
				require.Contains(t, wrong, text)
			}
			if tt.says == nil {
				require.Empty(t, wrong)
			}
		})
	}
}

// TestALateTick: by the heartbeat.
func TestALateTick(t *testing.T) {
	for _, tt := range []struct {
		ago  time.Duration
		says string
	}{
		{14 * time.Minute, "fail  last tick: the last that served all connections was 14 minutes ago\n"},
		{4 * time.Hour, "fail  last tick: no tick of the service tokenkeeper has served all connections in 3 hours\n"},
	} {
		p := newPatient(t)
		p.beats(tt.ago)
		p.alerts(nil)
		wrong := p.doctor(2)
		require.Contains(t, wrong, tt.says)
		require.Contains(t, wrong, "gcloud scheduler jobs describe tokenkeeper")
	}
}

// TestWhatTheServiceMayDo: a person need not be able to do it, and a service account must.
func TestWhatTheServiceMayDo(t *testing.T) {
	p := newPatient(t)
	p.Deny("AddSecretVersion", onGoogle+"REFRESH_TOKEN")
	st := gcpstore.New(p.client, gcpstore.Config{Project: emulator.Project})
	g := googleFacts{secrets: map[string][]secretFact{}}
	g.lookAtSecrets(t.Context(), st, onGoogle)
	for as, want := range map[string]result{"me@example.com, by gcloud auth application-default login": resultOK, "tokenkeeper@p.iam.gserviceaccount.com, impersonated": resultFail} {
		g.as = as
		var got check
		g.examineSecrets(onGoogle, func(name string, r result, do, format string, args ...any) {
			if strings.HasSuffix(name, " permissions") {
				got = check{Name: name, Result: r, Says: fmt.Sprintf(format, args...), Do: do}
			}
		})
		require.Equal(t, want, got.Result, got.Says)
		if want == resultFail {
			require.Contains(t, got.Says, onGoogle+"REFRESH_TOKEN without secretmanager.versions.add")
			require.Contains(t, got.Do, "apply deploy/gcp again")
		}
	}
}

// TestOldVersionsThatStay: they cost money, and doctor says how many.
func TestOldVersionsThatStay(t *testing.T) {
	g := googleFacts{secrets: map[string][]secretFact{"A_": {{Inspection: gcpstore.Inspection{ID: "A_REFRESH_TOKEN", Made: true, Costing: 90, Due: 60}}}}}
	var all []check
	g.examineSecrets("A_", func(name string, r result, do, format string, args ...any) {
		all = append(all, check{Name: name, Result: r, Do: do})
	})
	require.Len(t, all, 4)
	require.Equal(t, check{Name: "A_ versions", Result: resultWarn, Do: "have secretmanager.versions.destroy granted to the service: it destroys old versions at every fifth write"}, all[2])
}

// TestWhoTheCredentialsAre: by the forms that Google's libraries read.
func TestWhoTheCredentialsAre(t *testing.T) {
	for _, tt := range []struct{ name, file, says string }{
		{"a key", `{"type": "service_account", "client_email": "tokenkeeper@p.iam.gserviceaccount.com", "private_key": "canary"}`, "tokenkeeper@p.iam.gserviceaccount.com, by a key file"},
		{"a person", `{"type": "authorized_user", "client_id": "x", "client_secret": "canary", "refresh_token": "canary", "quota_project_id": "p"}`,
			"a person, by gcloud auth application-default login; the quota is the project p's"},
		{"a named person", `{"type": "authorized_user", "account": "me@example.com", "refresh_token": "canary"}`, "me@example.com, by gcloud auth application-default login"},
		{"somebody else", `{"type": "impersonated_service_account", "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/tokenkeeper@p.iam.gserviceaccount.com:generateAccessToken"}`,
			"tokenkeeper@p.iam.gserviceaccount.com, impersonated"},
		{"a workload", `{"type": "external_account", "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/github"}`, "a workload identity of github"},
		{"a workload that impersonates", `{"type": "external_account", "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/tokenkeeper@p.iam.gserviceaccount.com:generateAccessToken"}`,
			"tokenkeeper@p.iam.gserviceaccount.com, by a workload identity"},
		{"another type", `{"type": "gdch_service_account"}`, `credentials of the type "gdch_service_account"`},
		{"no JSON", `canary`, "a file that cannot be read"},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.says, identityIn([]byte(tt.file))) })
	}
	// As the library finds them.
	path := filepath.Join(t.TempDir(), "credentials.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"type": "authorized_user", "client_id": "id", "client_secret": "canary", "refresh_token": "canary"}`), 0o600))
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
	t.Setenv("SECRET_MANAGER_EMULATOR_HOST", "")
	require.Equal(t, "a person, by gcloud auth application-default login", googleIdentity(context.Background()))
	t.Setenv("SECRET_MANAGER_EMULATOR_HOST", "localhost:1")
	require.Contains(t, googleIdentity(context.Background()), "an emulator at localhost:1")
}
