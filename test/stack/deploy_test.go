package stack

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
)

// architectures are Lambda's names of Go's.
var architectures = map[string]string{"amd64": "x86_64", "arm64": "arm64"}

// settings are parameters of the template.
type settings map[string]string

// defaults are those of a stack in this test: tokens are due at once, Atlassian is
// the emulator, and pages come to the test.
func (s *stage) defaults() settings {
	return settings{"Architecture": architectures[runtime.GOARCH], "Connections": s.connection, "RefreshBefore": "55m",
		"AtlassianHosts": "any", "AtlassianAuthUrl": s.atlassian, "AtlassianApiUrl": s.atlassian, "PageUrl": s.pages.URL}
}

// deploys runs a document's `make deploy` with code of a version. The file that
// PARAMETERS names holds the settings; where the command asks, the answer is yes.
// Settings that are not given keep their values.
func (s *stage) deploys(document, command, version string, given settings) {
	s.Helper()
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(given)) {
		lines = append(lines, fmt.Sprintf("%s: %q", name, given[name]))
	}
	name := parametersIn(command)
	file := s.file(name, strings.Join(lines, "\n")+"\n")
	builder := s.with("VERSION="+version, "LAMBDA_GOARCH="+runtime.GOARCH)
	builder.input = "y\n"
	said := builder.documented(document, command, "PARAMETERS="+name, "PARAMETERS="+file)
	require.Contains(s, said, fmt.Sprintf("Successfully created/updated stack - %s in %s", s.stack, s.region))
	require.Contains(s, said, fmt.Sprintf("The stack %s goes to:\naccount  000000000000", s.stack))
}

// parametersIn is the file that a command names.
func parametersIn(command string) string {
	_, after, _ := strings.Cut(command, "PARAMETERS=")
	return strings.Fields(after)[0]
}

// beside is another stack, for another connection or in another region.
func (s *stage) beside(p place) *stage {
	other := *s
	other.operator = s.at(p)
	return &other
}

// resources are the stack's, with their types and states, by logical id.
func (s *stage) resources() map[string][2]string {
	s.Helper()
	listed := ask[struct {
		StackResourceSummaries []struct{ LogicalResourceID, ResourceType, ResourceStatus string }
	}](s.operator, "cloudformation", "list-stack-resources", "--stack-name", s.stack)
	all := map[string][2]string{}
	for _, r := range listed.StackResourceSummaries {
		all[r.LogicalResourceID] = [2]string{r.ResourceType, r.ResourceStatus}
	}
	return all
}

// output is one of the stack's outputs.
func (s *stage) output(key string) string {
	s.Helper()
	return strings.TrimSpace(s.run("aws", "cloudformation", "describe-stacks", "--stack-name", s.stack,
		"--query", "Stacks[0].Outputs[?OutputKey=='"+key+"'].OutputValue", "--output", "text"))
}

// deletes removes the stack as docs/operations.md has it.
func (s *stage) deletes() {
	s.Helper()
	for _, command := range []string{"aws cloudformation delete-stack --stack-name tokenkeeper", "aws cloudformation wait stack-delete-complete --stack-name tokenkeeper"} {
		s.documented("docs/operations.md", command, "tokenkeeper", s.stack)
	}
	_, err := s.try("aws", "cloudformation", "describe-stacks", "--stack-name", s.stack)
	require.Error(s, err)
	require.Empty(s, s.alarms())
	require.NotContains(s, s.run("aws", "lambda", "list-functions"), s.stack+"-")
	require.NotContains(s, s.run("aws", "logs", "describe-log-groups"), s.stack+"-")
}

// empties deletes what the stack left behind: parameters and uploaded code. Its key,
// which would stay too, has gone with it here.
func (s *stage) empties() {
	s.Helper()
	s.documented("docs/operations.md", "aws ssm delete-parameters --names NAMES", "NAMES", strings.Join(s.names(), " "))
	require.Empty(s, s.names())
	// One bucket in each region, for all stacks; sam names it.
	bucket := s.run("aws", "cloudformation", "describe-stacks", "--stack-name", "aws-sam-cli-managed-default", "--query", "Stacks[0].Outputs[?OutputKey=='SourceBucket'].OutputValue", "--output", "text")
	bucket = strings.TrimSpace(bucket)
	require.Contains(s, s.run("aws", "s3", "ls", "s3://"+bucket+"/"), s.stack+"/")
	s.documented("docs/operations.md", "aws s3 rm --recursive s3://BUCKET/tokenkeeper", "BUCKET", bucket, "tokenkeeper", s.stack)
	require.NotContains(s, s.run("aws", "s3", "ls", "s3://"+bucket+"/"), s.stack+"/")
}
