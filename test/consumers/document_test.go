package consumers

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// root is the repository's, from this package.
const root = "../.."

var fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

// blocks are the fenced blocks of docs/consumers.md, by language; each has one.
func blocks(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/consumers.md"))
	require.NoError(t, err)
	found := map[string]string{}
	for _, block := range fence.FindAllStringSubmatch(string(text), -1) {
		require.NotContains(t, found, block[1], "a second block of a language: which one is tested?")
		found[block[1]] = block[2]
	}
	require.Equal(t, 2*len(found), strings.Count(string(text), "```"), "a fence that is not at the start of its line")
	return found
}

// TestEveryBlockIsTested: the policy below, and each program by its language.
func TestEveryBlockIsTested(t *testing.T) {
	tested := []string{"json"}
	for _, p := range programs {
		tested = append(tested, p.language)
	}
	require.ElementsMatch(t, tested, slices.Collect(maps.Keys(blocks(t))))
}

// policy is a policy document of IAM; what it does not know fails.
type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid, Effect, Action string
	Resource            any
	Condition           map[string]map[string]any
}

// TestPolicy: a reader may get two parameters and decrypt the token, and nothing else.
func TestPolicy(t *testing.T) {
	decoder := json.NewDecoder(strings.NewReader(blocks(t)["json"]))
	decoder.DisallowUnknownFields()
	var document policy
	require.NoError(t, decoder.Decode(&document))

	const arn = "arn:aws:ssm:eu-west-1:111122223333:parameter/"
	names := family.NamesOf("PSOXY_JIRA_CLOUD_")
	require.Equal(t, policy{Version: "2012-10-17", Statement: []statement{
		{Sid: "ReadAccessToken", Effect: "Allow", Action: "ssm:GetParameter", Resource: []any{arn + names.AccessToken, arn + names.CloudID}},
		{
			Sid: "DecryptAccessToken", Effect: "Allow", Action: "kms:Decrypt",
			Resource: "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
			Condition: map[string]map[string]any{"StringEquals": {
				"kms:ViaService":                      "ssm.eu-west-1.amazonaws.com",
				"kms:EncryptionContext:PARAMETER_ARN": arn + names.AccessToken,
			}},
		},
	}}, document)
}

// TestOnlyTheTokenSourceImportsOAuth2: it is a module of its own, so that importers
// of the others do not need that package. Google's client, an adapter's, brings it
// along.
func TestOnlyTheTokenSourceImportsOAuth2(t *testing.T) {
	const oauth2 = "golang.org/x/oauth2"
	out, err := exec.Command("go", "list", "-deps", "../../pkg/atlassian", "../../pkg/secret", "../../pkg/keeper", "../../functions/...").Output()
	require.NoError(t, err)
	require.NotContains(t, string(out), oauth2)
	text, err := os.ReadFile(filepath.Join(root, "pkg/tokensource/go.mod"))
	require.NoError(t, err)
	require.Contains(t, string(text), oauth2)
}
