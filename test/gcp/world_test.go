// Package gcp tests the keeper of Google Cloud: the built binary as the service that is
// deployed, real gRPC to emulators of Secret Manager and Cloud Monitoring, real HTTP to
// Atlassian's, and real signals. It reads tokens by
// psoxy's rules, which are written again here.
package gcp

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/terraform"
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

	running atomic.Pointer[instance]
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

var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tokenkeeper-serve-*")
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
func (w *world) environment() (all []string) {
	w.Helper()
	m, err := terraform.Read(module, map[string]string{"project": emulator.Project, "location": "europe-west1"}, nil)
	require.NoError(w, err)
	service, err := m.Resource("google_cloud_run_v2_service", "tick")
	require.NoError(w, err)
	container, err := service.Block("template", "containers")
	require.NoError(w, err)
	for _, one := range container.Blocks("env") {
		name, err := one.Text("name")
		require.NoError(w, err)
		value, err := one.Text("value")
		require.NoError(w, err)
		all = append(all, name+"="+value)
	}
	return append(all, "ATLASSIAN_AUTH_URL="+w.front.URL, "ATLASSIAN_API_URL="+w.front.URL,
		"SECRET_MANAGER_EMULATOR_HOST="+w.secrets.Address, "CLOUD_MONITORING_EMULATOR_HOST="+w.monitoring.Address)
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
