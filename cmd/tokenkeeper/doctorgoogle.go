package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/compute/metadata"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics/monitoringsink"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/gcpstore"
)

// googleFacts are those of a project in Google Cloud.
type googleFacts struct {
	// as is who the credentials are.
	as string
	// project is why the secrets cannot be listed, or nil.
	project error
	// secrets are those of each connection, by its name, in a fixed order.
	secrets map[string][]secretFact
	// name is the module's in deploy/gcp, beat its newest heartbeat or zero.
	name      string
	beat      time.Time
	beatErr   error
	alerts    []monitoringsink.Alert
	alertsErr error
	// deployed is what makes the ticks; nil where its region is not known, for the reason
	// in regionErr.
	deployed  *deployment
	regionErr error
}

// secretFact is a secret as it was seen.
type secretFact struct {
	gcpstore.Inspection
	err error
	// essential: without it there is nothing to keep.
	essential bool
}

// lookAtProject gathers what is known about the project, its connections aside. name is
// the module's in deploy/gcp, and region where it is, or empty for where heartbeats come
// from.
func (f *storeFlags) lookAtProject(ctx context.Context, st store.Store, name, region string, now time.Time) *googleFacts {
	g := &googleFacts{as: googleIdentity(ctx), name: name, secrets: map[string][]secretFact{}}
	if _, g.project = f.names(ctx, st); gcpstore.ProjectRefused(g.project) {
		return g
	}
	project, _ := f.project()
	w, err := monitoringsink.NewWatcher(ctx, os.Getenv("CLOUD_MONITORING_EMULATOR_HOST"), project, name)
	if err != nil {
		g.beatErr, g.alertsErr = err, err
		return g
	}
	defer w.Close()
	g.beat, g.beatErr = w.Beat(ctx, now, beatsOver)
	g.alerts, g.alertsErr = w.Alerts(ctx)
	if region == "" {
		region, g.regionErr = w.Region(ctx, now)
	}
	if region != "" {
		g.deployed = &deployment{project: project, region: region, name: name, store: f.name, beats: now.Sub(g.beat) <= grace}
		g.deployed.lookAt(ctx)
	}
	return g
}

// lookAtSecrets adds a connection's.
func (g *googleFacts) lookAtSecrets(ctx context.Context, st store.Store, connection string) {
	n := family.NamesOf(connection)
	for i, name := range []string{n.ClientID, n.ClientSecret, n.RefreshToken, n.AccessToken, n.Ledger, n.Family, n.CloudID} {
		fact := secretFact{essential: i < 4}
		fact.Inspection, fact.err = st.(*gcpstore.Store).Inspect(ctx, name)
		g.secrets[connection] = append(g.secrets[connection], fact)
	}
}

// googleIdentity is who the credentials are, as far as they tell; no call is made but
// to the machine's own metadata.
func googleIdentity(ctx context.Context) string {
	if host := os.Getenv("SECRET_MANAGER_EMULATOR_HOST"); host != "" {
		return "none: an emulator at " + host + " is used"
	}
	found, err := credentials.DetectDefault(&credentials.DetectOptions{Scopes: []string{"https://www.googleapis.com/auth/cloud-platform"}})
	if err != nil {
		return "none were found"
	}
	if text := found.JSON(); text != nil {
		return identityIn(text)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if email, err := metadata.EmailWithContext(ctx, "default"); err == nil {
		return email + ", this machine's service account"
	}
	return "this machine's service account"
}

// identityIn is who credentials in a file are for. It names nothing that is secret.
func identityIn(text []byte) string {
	var file struct {
		Type           string `json:"type"`
		Email          string `json:"client_email"`
		Account        string `json:"account"`
		Project        string `json:"quota_project_id"`
		Impersonation  string `json:"service_account_impersonation_url"`
		AudienceOfPool string `json:"audience"`
	}
	if json.Unmarshal(text, &file) != nil {
		return "a file that cannot be read"
	}
	impersonated, _, _ := strings.Cut(path.Base(file.Impersonation), ":")
	switch file.Type {
	case "service_account":
		return file.Email + ", by a key file"
	case "authorized_user":
		who := cmp.Or(file.Account, "a person") + ", by gcloud auth application-default login"
		if file.Project != "" {
			who += "; the quota is the project " + file.Project + "'s"
		}
		return who
	case "impersonated_service_account":
		return impersonated + ", impersonated"
	case "external_account", "external_account_authorized_user":
		if file.Impersonation != "" {
			return impersonated + ", by a workload identity"
		}
		return "a workload identity of " + path.Base(file.AudienceOfPool)
	}
	return fmt.Sprintf("credentials of the type %q", file.Type)
}
