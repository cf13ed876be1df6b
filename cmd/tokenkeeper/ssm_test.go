package main

import (
	"bytes"
	"context"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// runProgram runs the program to its end; stdin is a pipe. The output is what a
// person would see, standard error included.
func runProgram(t *testing.T, env []string, stdin string, args ...string) (output string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "tokenkeeper", args...)
	cmd.Env = env
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// The default store is Parameter Store, found by the SDK's own environment.
func TestAuthorizeVerifyAndStatusOnSSM(t *testing.T) {
	server := moto.Start(t)
	server.Reset(t)
	port := strconv.Itoa(freePort(t))
	redirect := "http://localhost:" + port
	s := newStage(t, redirect)
	env := append(append(server.Env(), s.env...), "DISPLAY=:0")
	app := s.fix.App.ClientID + "\n" + s.fix.App.ClientSecret.Reveal() + "\n"

	out, code := runProgram(t, env, app, "authorize", "--connection", "/corp/PSOXY_JIRA_CLOUD_", "--redirect-uri", redirect)
	require.Zero(t, code, out)
	require.Contains(t, out, "The consent is complete")
	require.NotContains(t, out, s.fix.App.ClientSecret.Reveal())

	st := ssmstore.New(ssmstore.NewClient(server.AWSConfig()), "alias/aws/ssm", time.Now)
	n := family.NamesOf("/corp/PSOXY_JIRA_CLOUD_")
	entries, err := st.Read(context.Background(), n.ClientID, n.ClientSecret, n.RefreshToken, n.AccessToken, n.CloudID, n.Family, n.Lock)
	require.NoError(t, err)
	for _, name := range []string{n.ClientID, n.ClientSecret, n.RefreshToken, n.AccessToken} {
		require.Equal(t, store.Encrypted, entries[name].Kind, name)
	}
	for _, name := range []string{n.ClientSecret, n.RefreshToken, n.AccessToken} {
		require.NotContains(t, out, entries[name].Value.Reveal()[10:])
	}
	require.Equal(t, s.fix.Site.CloudID, entries[n.CloudID].Value.Reveal())
	require.NotContains(t, entries, n.Lock)

	out, code = runProgram(t, env, "", "verify", "--connection", "/corp/PSOXY_JIRA_CLOUD_")
	require.Zero(t, code, out)
	out, code = runProgram(t, env, "", "status", "--connection", "/corp/PSOXY_JIRA_CLOUD_")
	require.Zero(t, code, out)
	require.Contains(t, out, "known from the consent")
}

// What AWS refuses is said, with the parameter's name and without a stack of
// nested words.
func TestSSMThatCannotBeReached(t *testing.T) {
	env := append(moto.Start(t).Env(), "AWS_ENDPOINT_URL=http://127.0.0.1:9", "AWS_MAX_ATTEMPTS=1")
	out, code := runProgram(t, env, "", "status")
	require.Equal(t, exitFailed, code)
	require.True(t, strings.HasPrefix(out, "NEEDS ATTENTION: the state is not known: reading the parameters of PSOXY_JIRA_CLOUD_ failed: "), out)
	require.Contains(t, out, "connection refused: check that this network reaches AWS; where only a proxy does, set HTTPS_PROXY: see why: tokenkeeper doctor")
	env = append(env, "AWS_REGION=", "AWS_CONFIG_FILE=/dev/null")
	out, code = runProgram(t, env, "", "status")
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "no AWS region is configured: set AWS_REGION")
}
