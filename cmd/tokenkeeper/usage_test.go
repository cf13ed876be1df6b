package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A token that a person pastes in the place of a command, a flag or its value is not
// printed; a name is, so that its mistake is seen.
func TestATokenOnTheCommandLineIsNotShown(t *testing.T) {
	const opaque, jwt = "q7Ft0Zk3Wd8Lr1Xs5Yb9Nc2Mv6Ph4Jg8", "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJyMSJ9.c2lnbmF0dXJl"
	for _, token := range []string{opaque, jwt, jwt[:40]} {
		for _, line := range []string{"TOKEN", "status --connection TOKEN", "status --connection=TOKEN", "tick --TOKEN=3", "tick --TOKEN", "verify --store TOKEN", "help TOKEN", "runbook TOKEN", "completion TOKEN", "tick TOKEN"} {
			stderr, code := runProgram(t, nil, "", strings.Fields(strings.ReplaceAll(line, "TOKEN", token))...)
			require.Equal(t, exitUsage, code, line)
			require.NotContains(t, stderr, token, line)
		}
	}
	stderr, code := runProgram(t, nil, "", "status", "--connection", "/corp/some-environment/PSOXY_JIRA_CLOUDS")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, `"/corp/some-environment/PSOXY_JIRA_CLOUDS"`)
}
