package main

import (
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// After a consent every encrypted parameter is under the key that was named then;
// reencrypt brings them under another, and changes nothing else.
func TestReencryptOnSSM(t *testing.T) {
	const connection, key = "/keys/PSOXY_JIRA_CLOUD_", "arn:aws:kms:eu-west-1:111122223333:key/0b8c7b2e-0000-4000-8000-000000000001"
	server := moto.Start(t)
	server.Reset(t)
	redirect := "http://localhost:" + strconv.Itoa(freePort(t))
	s := newStage(t, redirect)
	env := append(append(server.Env(), s.env...), "DISPLAY=:0")
	app := s.fix.App.ClientID + "\n" + s.fix.App.ClientSecret.Reveal() + "\n"
	out, code := runProgram(t, env, app, "authorize", "--connection", connection, "--redirect-uri", redirect)
	require.Zero(t, code, out)

	client := ssm.NewFromConfig(server.AWSConfig())
	keys := func() map[string]string {
		all := map[string]string{}
		described, err := client.DescribeParameters(t.Context(), &ssm.DescribeParametersInput{})
		require.NoError(t, err)
		for _, p := range described.Parameters {
			if p.Type == types.ParameterTypeSecureString {
				all[strings.TrimPrefix(aws.ToString(p.Name), connection)] = aws.ToString(p.KeyId)
			}
		}
		return all
	}
	before := keys()
	require.Len(t, before, 5)
	for name, one := range before {
		require.Equal(t, "alias/aws/ssm", one, name)
	}
	status, code := runProgram(t, env, "", "status", "--connection", connection, "--json")
	require.Zero(t, code, status)

	out, code = runProgram(t, env, "", "reencrypt", "--connection", connection, "--key-id", key)
	require.Zero(t, code, out)
	after := keys()
	require.Len(t, after, 5)
	for name, one := range after {
		require.Equal(t, key, one, name)
		require.Contains(t, out, connection+name+": written again, under "+key)
	}
	again, code := runProgram(t, env, "", "verify", "--connection", connection)
	require.Zero(t, code, again)

	// A parameter that a tick must judge first is left as it is, and the exit code
	// says so.
	_, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String(connection + "REFRESH_TOKEN"), Value: aws.String("of-somebody"), Overwrite: aws.Bool(true), Type: types.ParameterTypeSecureString})
	require.NoError(t, err)
	out, code = runProgram(t, env, "", "reencrypt", "--connection", connection, "--key-id", key)
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, connection+"REFRESH_TOKEN: left: ")
	require.NotContains(t, out, "of-somebody")
}
