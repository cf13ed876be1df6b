package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/compute/metadata"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
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
}

// secretFact is a secret as it was seen.
type secretFact struct {
	gcpstore.Inspection
	err error
	// essential: without it there is nothing to keep.
	essential bool
}

// lookAtProject gathers what is known about the project, its connections aside.
func (f *storeFlags) lookAtProject(ctx context.Context, st store.Store) *googleFacts {
	g := &googleFacts{as: googleIdentity(ctx), secrets: map[string][]secretFact{}}
	_, g.project = f.names(ctx, st)
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

// examine looks at credentials and project.
func (g *googleFacts) examine(p place, add adder) {
	add("credentials", resultOK, "", "%s", g.as)
	var denied = errors.Is(g.project, store.ErrDenied)
	switch {
	case g.project == nil:
		add("project", resultOK, "", "%s can be used", p)
	case gcpstore.ProjectRefused(g.project) || !denied:
		add("project", resultFail, "read the reason", "%s", g.project)
	default:
		add("project", resultWarn, "have secretmanager.secrets.list granted on the project, or name each connection by --connection", "its secrets cannot be listed: %s", g.project)
	}
}

// examineSecrets looks at a connection's secrets: whether they are there, may be seen,
// name the version that psoxy reads, and cost no more than they should.
func (g *googleFacts) examineSecrets(connection string, add adder) {
	var absent, hidden, behind, many []string
	worst := resultWarn
	for _, s := range g.secrets[connection] {
		switch {
		case s.err != nil:
			hidden = append(hidden, fmt.Sprintf("%s: %s", s.ID, s.err))
		case len(s.Lacking) > 0:
			hidden = append(hidden, fmt.Sprintf("%s without %s", s.ID, strings.Join(s.Lacking, " and ")))
		case !s.Made:
			absent = append(absent, s.ID)
			if s.essential {
				worst = resultFail
			}
		}
		if s.Named > 0 && s.Newest > s.Named {
			behind = append(behind, fmt.Sprintf("%s names version %d, and the newest is %d", s.ID, s.Named, s.Newest))
		}
		if s.Due > 0 {
			many = append(many, fmt.Sprintf("%d of the %d of %s", s.Due, s.Costing, s.ID))
		}
	}
	name := connection + " secrets"
	switch {
	case len(hidden) > 0:
		add(name, resultWarn, "have what is missing granted on the secret; who lacks it cannot tell a secret that does not exist", "not all can be seen: %s", strings.Join(hidden, "; "))
	case len(absent) > 0:
		add(name, worst, "apply deploy/gcp, and psoxy's Terraform where psoxy makes secrets; the job may not make them", "these do not exist: %s", strings.Join(absent, ", "))
	default:
		add(name, resultOK, "", "%d exist", len(g.secrets[connection]))
	}
	if len(behind) > 0 {
		add(connection+" label", resultFail, "see who wrote the newest version; the next rotation corrects the label", "psoxy reads an old version, by the label latest-version: %s", strings.Join(behind, "; "))
	} else {
		add(connection+" label", resultOK, "", "psoxy reads the newest version of each")
	}
	if len(many) > 0 {
		add(connection+" versions", resultWarn, "have secretmanager.versions.destroy granted to the job: it destroys old versions at every fifth write", "versions that are no longer needed cost money: %s", strings.Join(many, ", "))
	} else {
		add(connection+" versions", resultOK, "", "none that are no longer needed")
	}
}
