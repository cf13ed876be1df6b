package template

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// psoxyConnection is the prefix in docs/psoxy.md's policies.
const psoxyConnection = "arn:aws:ssm:eu-west-1:111122223333:parameter/PSOXY_JIRA_CLOUD_"

// readerPolicies are the two notations of docs/psoxy.md.
func readerPolicies(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/psoxy.md"))
	require.NoError(t, err)
	between := func(begin, end string) string {
		_, rest, found := strings.Cut(string(text), begin)
		require.True(t, found, begin)
		inner, _, found := strings.Cut(rest, end)
		require.True(t, found, end)
		return inner
	}
	policies := map[string]any{}
	for name, notation := range map[string]string{
		"JSON":      between("```json\n", "\n```\n"),
		"Terraform": fromTerraform(between("policy = jsonencode(", "\n  })\n") + "\n}"),
	} {
		var policy any
		require.NoError(t, json.Unmarshal([]byte(notation), &policy), "%s:\n%s", name, notation)
		policies[name] = policy
	}
	return policies
}

// fromTerraform writes an object of Terraform's language as JSON: names without
// quotes, = for :, line ends for commas.
func fromTerraform(text string) string {
	text = strings.ReplaceAll(text, "${local.connection}", psoxyConnection)
	text = regexp.MustCompile(`(?m)(^|[{\s])"?([A-Za-z:_]+)"?\s*= `).ReplaceAllString(text, `$1"$2": `)
	return regexp.MustCompile(`(["\]}])\n(\s*["{])`).ReplaceAllString(text, "$1,\n$2")
}

// TestPsoxyReadsTheAccessTokenOnly: with the policy of docs/psoxy.md, in either
// notation, psoxy's role can read ACCESS_TOKEN and CLOUD_ID of the connection. It
// can do nothing else to it, though its own policy allows all. Its other connectors
// are not affected.
func TestPsoxyReadsTheAccessTokenOnly(t *testing.T) {
	reads := map[string]bool{"ssm:GetParameter": true, "ssm:GetParameters": true}
	actions := []string{"ssm:GetParameter", "ssm:GetParameters", "ssm:GetParameterHistory", "ssm:PutParameter", "ssm:DeleteParameter", "ssm:DeleteParameters",
		"ssm:LabelParameterVersion", "ssm:AddTagsToResource"}
	for notation, policy := range readerPolicies(t) {
		for _, name := range []string{"ACCESS_TOKEN", "CLOUD_ID", "CLIENT_ID", "CLIENT_SECRET", "TOKEN_LEDGER", "REFRESH_TOKEN", "TOKEN_FAMILY",
			"OAUTH_REFRESH_TOKEN_lock", "OAUTH_REFRESH_TOKEN", "CONSENT_STATE", "CONSENT_TOKENS"} {
			open := name == "ACCESS_TOKEN" || name == "CLOUD_ID"
			for _, action := range actions {
				t.Run(notation+" "+action+" "+name, func(t *testing.T) {
					d := decide(request{action: action, resource: psoxyConnection + name}, policy)
					require.False(t, d.allows, "it only denies")
					require.Equal(t, !(open && reads[action]), d.denies)
				})
			}
			t.Run(notation+" decrypts "+name, func(t *testing.T) {
				d := decide(request{action: "kms:Decrypt", resource: keyARN, context: map[string]string{"kms:EncryptionContext:PARAMETER_ARN": psoxyConnection + name}}, policy)
				require.Equal(t, name != "ACCESS_TOKEN", d.denies)
			})
		}
		for _, r := range []request{
			{action: "ssm:GetParameter", resource: parameterARN("PSOXY_SALT")},
			{action: "ssm:PutParameter", resource: parameterARN("PSOXY_ZOOM_ACCESS_TOKEN")},
			{action: "kms:Decrypt", resource: keyARN, context: map[string]string{"kms:EncryptionContext:PARAMETER_ARN": parameterARN("PSOXY_SALT")}},
			{action: "kms:Decrypt", resource: keyARN},
		} {
			require.False(t, decide(r, policy).denies, "%s: %v is another connector's", notation, r)
		}
		for _, path := range []string{"", "psoxy/prod"} {
			require.True(t, decide(request{action: "ssm:GetParametersByPath", resource: parameterARN(path)}, policy).denies, notation)
		}
	}
	policies := readerPolicies(t)
	require.Equal(t, policies["JSON"], policies["Terraform"], "both notations say the same")
}
