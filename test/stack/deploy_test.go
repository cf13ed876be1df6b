package stack

import (
	"archive/zip"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// stackName and connection are what the documents' commands name.
const (
	stackName  = "tokenkeeper"
	connection = "PSOXY_JIRA_CLOUD_"
	codeBucket = "code"
)

// architectures are Lambda's names of Go's.
var architectures = map[string]string{"amd64": "x86_64", "arm64": "arm64"}

// functionOf names the program of each function.
var functionOf = map[string]string{"RefresherFunction": "refresher", "BootstrapFunction": "bootstrap"}

// release builds the functions as `make deploy` does, uploads them, and returns
// the path of the transformed template that has them.
func (s *stage) release(version string) string {
	s.Helper()
	template := s.template(version)
	transform := exec.CommandContext(s.Context(), root+"/.venv/bin/python", root+"/tools/transform.py", root+"/template.yaml", template)
	// The name of the code's archive decides when CloudFormation publishes a version of a function.
	transform.Env = append(os.Environ(), "CODE_URI=s3://"+codeBucket+"/"+version+".zip")
	out, err := transform.CombinedOutput()
	require.NoError(s, err, string(out))
	text, err := os.ReadFile(template)
	require.NoError(s, err)
	var parsed map[string]any
	require.NoError(s, json.Unmarshal(text, &parsed))
	resources := parsed["Resources"].(map[string]any)
	require.Contains(s, resources, "RefresherFunctionAliasnewest")
	delete(resources, "RefresherFunctionAliasnewest") // localstack cannot update an alias; nothing refers to it
	for id, name := range functionOf {
		key := version + "/" + name + ".zip"
		s.run("aws", "s3", "cp", s.build(version, id), "s3://"+codeBucket+"/"+key)
		function := resources[id].(map[string]any)
		function["Properties"].(map[string]any)["Code"] = map[string]any{"S3Bucket": codeBucket, "S3Key": key}
	}
	text, err = json.Marshal(parsed)
	require.NoError(s, err)
	require.NoError(s, os.WriteFile(template, text, 0o600))
	return template
}

// build builds a function's archive by the target that `sam build` calls.
func (s *stage) build(version, id string) string {
	dir := filepath.Join(s.dir, version+id)
	require.NoError(s, os.Mkdir(dir, 0o700))
	build := exec.CommandContext(s.Context(), "make", "--silent", "LAMBDA_GOARCH="+runtime.GOARCH, "VERSION="+version, "build-"+id)
	build.Dir, build.Env = root, append(os.Environ(), "ARTIFACTS_DIR="+dir)
	out, err := build.CombinedOutput()
	require.NoError(s, err, string(out))
	binary, err := os.ReadFile(filepath.Join(dir, "bootstrap"))
	require.NoError(s, err)
	archive, err := os.Create(dir + ".zip")
	require.NoError(s, err)
	writer := zip.NewWriter(archive)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	header.SetMode(0o755)
	entry, err := writer.CreateHeader(header)
	require.NoError(s, err)
	_, err = entry.Write(binary)
	require.NoError(s, err)
	require.NoError(s, writer.Close())
	require.NoError(s, archive.Close())
	return archive.Name()
}

// template is the path of a release's template.
func (s *stage) template(version string) string { return filepath.Join(s.dir, version+".json") }

// deploy creates the stack, or updates it. Parameters that are not given keep
// their values.
func (s *stage) deploy(template string, parameters ...string) {
	s.Helper()
	said := s.run("aws", append([]string{"cloudformation", "deploy", "--stack-name", stackName, "--template-file", template,
		"--s3-bucket", codeBucket, "--capabilities", "CAPABILITY_IAM", "--no-execute-changeset", "--parameter-overrides"}, parameters...)...)
	// Executed here, because the program would look every 30 s only whether it is done.
	changes := regexp.MustCompile(`arn:aws:cloudformation:\S+`).FindString(said)
	require.NotEmpty(s, changes, said)
	s.run("aws", "cloudformation", "execute-change-set", "--change-set-name", changes)
	var state string
	s.until(10*time.Minute, "the stack is deployed", func() bool {
		state = strings.TrimSpace(s.run("aws", "cloudformation", "describe-stacks", "--stack-name", stackName, "--query", "Stacks[0].StackStatus", "--output", "text"))
		return !strings.HasSuffix(state, "_IN_PROGRESS")
	})
	require.Contains(s, []string{"CREATE_COMPLETE", "UPDATE_COMPLETE"}, state)
}

// resources are the stack's, with their types and states, by logical id.
func (s *stage) resources() map[string][2]string {
	s.Helper()
	listed := ask[struct {
		StackResourceSummaries []struct{ LogicalResourceID, ResourceType, ResourceStatus string }
	}](s.operator, "cloudformation", "list-stack-resources", "--stack-name", stackName)
	all := map[string][2]string{}
	for _, r := range listed.StackResourceSummaries {
		all[r.LogicalResourceID] = [2]string{r.ResourceType, r.ResourceStatus}
	}
	return all
}

// output is one of the stack's outputs.
func (s *stage) output(key string) string {
	s.Helper()
	return strings.TrimSpace(s.run("aws", "cloudformation", "describe-stacks", "--stack-name", stackName,
		"--query", "Stacks[0].Outputs[?OutputKey=='"+key+"'].OutputValue", "--output", "text"))
}
