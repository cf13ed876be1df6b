package stack

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStack is the life of a stack. Each step goes on where the one before ended.
func TestStack(t *testing.T) {
	s := newStage(t)
	for _, step := range []struct {
		name string
		do   func(*stage)
	}{
		{"creation", (*stage).creation},
	} {
		if !t.Run(step.name, func(t *testing.T) {
			of := *s
			of.T = t
			step.do(&of)
		}) {
			return
		}
	}
}

// unsupported are the types that localstack leaves out; see the package.
var unsupported = []string{"AWS::CloudFormation::CustomResource", "AWS::Lambda::Alias", "AWS::CloudWatch::Dashboard"}

func (s *stage) creation() {
	s.run("aws", "s3", "mb", "s3://"+codeBucket)
	s.deploy(s.release("v1"), "Architecture="+architectures[runtime.GOARCH], "ParametersKey=stack", "RefreshBefore=55m",
		"AtlassianHosts=any", "AtlassianAuthUrl="+s.atlassian, "AtlassianApiUrl="+s.atlassian, "PageUrl="+s.pages.URL)
	for id, r := range s.resources() {
		require.Equal(s, "CREATE_COMPLETE", r[1], "%s %s", id, r[0])
		s.Log(id, r)
	}
	require.NotEmpty(s, s.output("KeyArn"))
}
