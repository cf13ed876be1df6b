// Package gcp tests the keeper of Google Cloud: the built binary, as the service that
// is deployed and as a process for each tick, real gRPC to emulators of Secret Manager
// and Cloud Monitoring, real HTTP to Atlassian's, and real signals. It reads tokens by
// psoxy's rules, which are written again here.
package gcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/tokenkeeper/tokenkeeper/internal/store/gcpstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/cloudmonitoring"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	emulator "github.com/tokenkeeper/tokenkeeper/test/secretmanager"
)

// connection is psoxy's prefix on Google Cloud, with its defaults.
const connection = "psoxy_JIRA_CLOUD_"

// world is a project with everything around it.
type world struct {
	*testing.T
	clock      *atlassiantest.Clock
	atlassian  *atlassiantest.Emulator
	fix        atlassiantest.Fixture
	front      *proxy.Proxy
	secrets    *emulator.Server
	client     *secretmanager.Client
	monitoring *cloudmonitoring.Server

	mu      sync.Mutex
	process *os.Process
	// known are values that no output may hold.
	known []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, clock: atlassiantest.NewRunningClock(), monitoring: cloudmonitoring.Start(t)}
	w.atlassian = atlassiantest.New(atlassiantest.Config{Clock: w.clock})
	var err error
	w.fix, err = w.atlassian.AddFixture()
	require.NoError(t, err)
	server := atlassiantest.NewServer(w.atlassian)
	t.Cleanup(server.Close)
	w.front, err = proxy.Start(server.URL, proxy.Path)
	require.NoError(t, err)
	t.Cleanup(w.front.Close)
	w.secrets = emulator.Start(t, w.clock.Now)
	w.client, err = gcpstore.NewClient(t.Context(), w.secrets.Address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.client.Close() })
	return w
}

// terraform makes what psoxy's does: secrets without a version.
func (w *world) terraform() {
	for _, name := range []string{"CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN", "ACCESS_TOKEN", "OAUTH_REFRESH_TOKEN"} {
		w.create(name)
	}
}

// create makes a secret without a version.
func (w *world) create(name string) {
	_, err := w.client.CreateSecret(w.Context(), &secretmanagerpb.CreateSecretRequest{Parent: "projects/" + emulator.Project, SecretId: connection + name,
		Secret: &secretmanagerpb.Secret{Replication: &secretmanagerpb.Replication{Replication: &secretmanagerpb.Replication_Automatic_{}}}})
	require.NoError(w, err)
}

// fill adds a version by hand, as `gcloud secrets versions add` does.
func (w *world) fill(name, value string) {
	w.Helper()
	_, err := w.client.AddSecretVersion(w.Context(), &secretmanagerpb.AddSecretVersionRequest{
		Parent: "projects/" + emulator.Project + "/secrets/" + connection + name, Payload: &secretmanagerpb.SecretPayload{Data: []byte(value)}})
	require.NoError(w, err)
}

// seed fills the five secrets in as the seed says, after a consent.
func (w *world) seed() {
	w.terraform()
	w.fill("CLIENT_ID", w.fix.App.ClientID)
	w.fill("CLIENT_SECRET", w.fix.App.ClientSecret.Reveal())
	w.known = append(w.known, w.fix.App.ClientSecret.Reveal())
	w.consent()
}

// consent gives a consent, and fills in what it brought.
func (w *world) consent() {
	w.Helper()
	tokens, err := w.atlassian.Authorize(atlassiantest.ConsentRequest{ClientID: w.fix.App.ClientID, AccountID: w.fix.Account.ID, CloudID: w.fix.Site.CloudID})
	require.NoError(w, err)
	w.known = append(w.known, tokens.Access.Reveal(), tokens.Refresh.Reveal())
	w.fill("ACCESS_TOKEN", tokens.Access.Reveal())
	w.fill("REFRESH_TOKEN", tokens.Refresh.Reveal())
}

// label sets psoxy's label, as psoxy does when it writes.
func (w *world) label(name, version string) {
	w.Helper()
	_, err := w.client.UpdateSecret(w.Context(), &secretmanagerpb.UpdateSecretRequest{
		Secret:     &secretmanagerpb.Secret{Name: "projects/" + emulator.Project + "/secrets/" + connection + name, Labels: map[string]string{"latest-version": version}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}}})
	require.NoError(w, err)
}

// tick is what became of one.
type tick struct {
	action, reason, output string
	generation             int
	killed, unhealthy      bool
}

var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tokenkeeper-job-*")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "tokenkeeper")
	build := exec.Command("go", "build", "-o", binary, "github.com/tokenkeeper/tokenkeeper/cmd/tokenkeeper")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := built(); err == nil {
		_ = os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

// environment is that of deploy/gcp, with emulators.
func (w *world) environment() []string {
	return []string{"STORE=gcp:" + emulator.Project, "CONNECTIONS=" + connection, "LOCATION=europe-west1", "WARNING_DAYS=60,30,14,7",
		"ATLASSIAN_AUTH_URL=" + w.front.URL, "ATLASSIAN_API_URL=" + w.front.URL,
		"SECRET_MANAGER_EMULATOR_HOST=" + w.secrets.Address, "CLOUD_MONITORING_EMULATOR_HOST=" + w.monitoring.Address}
}

// tick runs the job once.
func (w *world) tick() tick {
	w.Helper()
	binary, err := built()
	require.NoError(w, err)
	cmd := exec.CommandContext(w.Context(), binary, "job")
	cmd.Env = w.environment()
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	w.mu.Lock()
	require.NoError(w, cmd.Start())
	w.process = cmd.Process
	w.mu.Unlock()
	_ = cmd.Wait()
	for _, secret := range w.known {
		require.NotContains(w, out.String()+log.String(), secret)
	}
	t := tick{output: out.String() + log.String(), killed: !cmd.ProcessState.Exited(), unhealthy: cmd.ProcessState.ExitCode() != 0}
	if t.killed {
		return t
	}
	var report struct {
		Connections []struct {
			Action, Reason string
			Generation     int
		}
	}
	require.NoError(w, json.Unmarshal(out.Bytes(), &report), t.output)
	require.Len(w, report.Connections, 1, t.output)
	c := report.Connections[0]
	t.action, t.reason, t.generation = c.Action, c.Reason, c.Generation
	return t
}

// kill ends the job at once.
func (w *world) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.process.Kill()
}

// requireAction ticks once.
func (w *world) requireAction(action string) tick {
	w.Helper()
	t := w.tick()
	require.Equal(w, action, t.action, t.output)
	return t
}

// psoxy is what psoxy reads.
func (w *world) psoxy(name string) string {
	w.Helper()
	return emulator.ReadAsPsoxy(w, w.client, connection+name)
}

// requireCurrent: psoxy reads the newest access token that Atlassian issued.
func (w *world) requireCurrent() {
	w.Helper()
	access := w.psoxy("ACCESS_TOKEN")
	token, known := w.atlassian.Lookup(atlassian.NewSecret(access))
	require.True(w, known, "psoxy reads no access token")
	require.Equal(w, atlassiantest.StatusLive, token.Status)
	for _, live := range w.atlassian.LiveTokens() {
		if live.Kind == token.Kind && live.FamilyID == token.FamilyID {
			require.LessOrEqual(w, live.Generation, token.Generation, "psoxy reads an older access token")
		}
	}
	refresh, known := w.atlassian.Lookup(atlassian.NewSecret(w.psoxy("REFRESH_TOKEN")))
	require.True(w, known)
	require.Equal(w, atlassiantest.StatusLive, refresh.Status)
}

// requireValid: Atlassian's API takes what psoxy reads.
func (w *world) requireValid() {
	w.Helper()
	_, err := w.atlassian.ValidateAccess(atlassian.NewSecret(w.psoxy("ACCESS_TOKEN")))
	require.NoError(w, err)
}

// pass lets time pass, for Atlassian and for Secret Manager.
func (w *world) pass(d time.Duration) { w.clock.Advance(d) }
