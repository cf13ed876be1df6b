package gcp

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"

	"github.com/tokenkeeper/tokenkeeper"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/terraform"
	"github.com/tokenkeeper/tokenkeeper/internal/store/gcpstore"
	emulator "github.com/tokenkeeper/tokenkeeper/test/secretmanager"
)

// module is the module of Terraform. No provider is at hand in these tests, so they
// prove its form and what it says, and not that Google takes it.
const module = "../../deploy/gcp"

// files are the module's, by name.
func files(t *testing.T) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(module, "*.tf"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	found := map[string][]byte{}
	for _, path := range paths {
		found[filepath.Base(path)], err = os.ReadFile(path)
		require.NoError(t, err)
	}
	return found
}

// TestTheModulesForm: it is formatted, and all that it refers to is there.
func TestTheModulesForm(t *testing.T) {
	declared, used := map[string]bool{}, map[string]bool{}
	for name, text := range files(t) {
		require.Equal(t, string(hclwrite.Format(text)), string(text), "%s is not formatted", name)
		file, diagnostics := hclparse.NewParser().ParseHCL(text, name)
		require.False(t, diagnostics.HasErrors(), diagnostics.Error())
		for _, block := range file.Body.(*hclsyntax.Body).Blocks {
			switch block.Type {
			case "variable":
				declared["var."+block.Labels[0]] = true
				require.Contains(t, block.Body.Attributes, "description", block.Labels[0])
			case "resource":
				declared[block.Labels[0]+"."+block.Labels[1]] = true
			case "locals":
				for local := range block.Body.Attributes {
					declared["local."+local] = true
				}
			}
		}
		for _, reference := range regexp.MustCompile(`\b(?:var|local|google_\w+)\.[a-z_]+`).FindAllString(regexp.MustCompile(`(?m)^#.*$`).ReplaceAllString(string(text), ""), -1) {
			used[reference] = true
		}
	}
	for reference := range used {
		require.True(t, declared[reference], "%s is nowhere declared", reference)
	}
	for name := range declared {
		require.True(t, used[name] || strings.HasPrefix(name, "google_"), "%s is not used", name)
	}
}

// channels are what the module knows of notification channels where it makes none.
var channels = map[string]cty.Value{"google_monitoring_notification_channel": cty.ObjectVal(map[string]cty.Value{
	"page": cty.ListValEmpty(cty.Object(map[string]cty.Type{"name": cty.String})), "ticket": cty.ListValEmpty(cty.Object(map[string]cty.Type{"name": cty.String}))})}

// TestEveryAlertHasItsEntry: ten alerts, each with what is seen, what it means and what
// to do, and with its entry in the runbook.
func TestEveryAlertHasItsEntry(t *testing.T) {
	m, err := terraform.Read(module, nil, channels)
	require.NoError(t, err)
	names := m.Resources("google_monitoring_alert_policy")
	require.Len(t, names, 10)
	anchor := regexp.MustCompile(` Means: .* Do: .* Runbook: https://\S+/docs/runbook\.md#([a-z-]+)$`)
	for _, name := range names {
		body, err := m.Resource("google_monitoring_alert_policy", name)
		require.NoError(t, err)
		document, err := body.Block("documentation")
		require.NoError(t, err)
		text, err := document.Text("content")
		require.NoError(t, err)
		found := anchor.FindStringSubmatch(text)
		require.NotNil(t, found, "%s: %s", name, text)
		heading := strings.ReplaceAll(found[1], "-", " ")
		require.Contains(t, strings.ToLower(tokenkeeper.Runbook), "\n## "+heading, name)
	}
}

// TestUnorderedWarningsAreRefused: before anything is created.
func TestUnorderedWarningsAreRefused(t *testing.T) {
	for _, tt := range []struct {
		days    [5]string
		refused bool
	}{
		{[5]string{"60", "30", "14", "7", "1"}, false},
		{[5]string{"100", "30", "14", "7", "1"}, false},
		{[5]string{"30", "30", "14", "7", "1"}, true},
		{[5]string{"60", "9", "14", "7", "1"}, true},
		{[5]string{"60", "30", "7", "7", "1"}, true},
		{[5]string{"60", "30", "14", "7", "8"}, true},
	} {
		variables := map[string]string{}
		for i, name := range []string{"first", "second", "third", "fourth", "last"} {
			variables[name+"_warning_days"] = tt.days[i]
		}
		m, err := terraform.Read(module, variables, channels)
		require.NoError(t, err)
		body, err := m.Resource("google_monitoring_alert_policy", `alert["consent-now"]`)
		require.NoError(t, err)
		condition, err := body.Block("lifecycle", "precondition")
		require.NoError(t, err)
		holds, err := condition.Text("condition")
		require.NoError(t, err)
		require.Equal(t, tt.refused, holds == "false", tt.days)
	}
}

// TestTheServiceMayDoLittle: the roles have what the store's documentation names, and none
// can make, delete or list secrets, or change who may.
func TestTheServiceMayDoLittle(t *testing.T) {
	m, err := terraform.Read(module, nil, nil)
	require.NoError(t, err)
	for role, want := range map[string][]string{
		"keep": {"secrets.get", "secrets.update", "versions.access", "versions.add", "versions.destroy", "versions.get", "versions.list"},
		"read": {"versions.access", "versions.get"},
		"lock": {"secrets.get", "secrets.update"},
	} {
		body, err := m.Resource("google_project_iam_custom_role", role)
		require.NoError(t, err)
		permissions, err := body.Texts("permissions")
		require.NoError(t, err)
		for i := range permissions {
			permissions[i] = strings.TrimPrefix(permissions[i], "secretmanager.")
		}
		require.Equal(t, want, permissions)
	}
	require.Equal(t, []string{"metrics"}, m.Resources("google_project_iam_member"))
}

// TestTheRolesAreEnough: a tick works with what the module grants, on secrets that
// Terraform made, and with nothing else.
func TestTheRolesAreEnough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seed()
	for _, name := range []string{"TOKEN_LEDGER", "TOKEN_FAMILY", "CLOUD_ID"} {
		w.create(name)
	}
	keep := []string{"TOKEN_LEDGER", "TOKEN_FAMILY", "CLOUD_ID", "REFRESH_TOKEN", "ACCESS_TOKEN"}
	grants := map[string][]string{
		"AccessSecretVersion": append(keep, "CLIENT_ID", "CLIENT_SECRET"), "GetSecretVersion": append(keep, "CLIENT_ID", "CLIENT_SECRET"),
		"AddSecretVersion": keep, "ListSecretVersions": keep, "DestroySecretVersion": keep,
		"GetSecret": append(keep, "OAUTH_REFRESH_TOKEN"), "UpdateSecret": append(keep, "OAUTH_REFRESH_TOKEN"),
	}
	for _, method := range []string{"CreateSecret", "DeleteSecret", "ListSecrets", "AccessSecretVersion", "GetSecretVersion", "AddSecretVersion", "ListSecretVersions", "DestroySecretVersion", "GetSecret", "UpdateSecret"} {
		for _, name := range []string{"TOKEN_LEDGER", "TOKEN_FAMILY", "CLOUD_ID", "REFRESH_TOKEN", "ACCESS_TOKEN", "CLIENT_ID", "CLIENT_SECRET", "OAUTH_REFRESH_TOKEN"} {
			if !slices.Contains(grants[method], name) {
				w.secrets.Deny(method, connection+name)
			}
		}
	}
	secrets := gcpstore.New(w.client, gcpstore.Config{Project: emulator.Project})
	for _, name := range append(keep, "CLIENT_ID", "CLIENT_SECRET") {
		in, err := secrets.Inspect(t.Context(), connection+name)
		require.NoError(t, err)
		require.Empty(t, in.MayNot, "%s: doctor asks for more than the module grants", name)
	}
	require.Equal(t, 200, w.requireAction("rotated").code)
	require.NotContains(t, w.requireAction("idle").output, "denied")
	w.pass(36 * time.Minute)
	require.NotContains(t, w.requireAction("rotated").output, "denied")
}
