package main

import (
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store/gcpstore"
	emulator "github.com/tokenkeeper/tokenkeeper/test/secretmanager"
)

const onGoogle = "psoxy_JIRA_CLOUD_"

// Every command that works on a store works on Google Cloud's.
func TestAuthorizeVerifyStatusAndTickOnGoogleCloud(t *testing.T) {
	server := emulator.Start(t, nil)
	redirect := "http://localhost:" + strconv.Itoa(freePort(t))
	s := newStage(t, redirect)
	env := append(append(os.Environ(), "SECRET_MANAGER_EMULATOR_HOST="+server.Address, "DISPLAY=:0"), s.env...)
	app := s.fix.App.ClientID + "\n" + s.fix.App.ClientSecret.Reveal() + "\n"
	run := func(stdin string, args ...string) string {
		t.Helper()
		out, code := runProgram(t, env, stdin, append(args, "--store", "gcp:"+emulator.Project, "--connection", onGoogle)...)
		require.Zero(t, code, out)
		require.NotContains(t, out, s.fix.App.ClientSecret.Reveal())
		return out
	}
	for range 2 { // the second one is the year's
		out := run(app, "authorize", "--redirect-uri", redirect)
		require.Contains(t, out, "The consent is complete")
		require.Contains(t, out, "if the service of deploy/gcp runs with "+onGoogle)
		app = ""
		require.Contains(t, run("", "tick"), onGoogle+": idle")
		require.Contains(t, run("", "status"), "known from the consent")
		run("", "verify")
	}
	client, err := gcpstore.NewClient(t.Context(), server.Address)
	require.NoError(t, err)
	n := family.NamesOf(onGoogle)
	require.ElementsMatch(t, []string{n.ClientID, n.ClientSecret, n.RefreshToken, n.AccessToken, n.CloudID, n.Family, n.Ledger}, server.IDs())
	require.Equal(t, s.fix.Site.CloudID, emulator.ReadAsPsoxy(t, client, n.CloudID))
	require.NotEmpty(t, emulator.ReadAsPsoxy(t, client, n.AccessToken))
}

func TestGoogleCloudThatCannotBeUsed(t *testing.T) {
	server := emulator.Start(t, nil)
	env := append(os.Environ(), "SECRET_MANAGER_EMULATOR_HOST="+server.Address)
	for _, place := range []string{"gcp:", "gcp:/prefix", "gcp:a project", "gcp:project/a.b", "gcp:project/a/b"} {
		out, code := runProgram(t, env, "", "status", "--store", place)
		require.Equal(t, exitUsage, code, out)
		require.Contains(t, out, "expected gcp:PROJECT, or gcp:PROJECT/PREFIX")
	}
	out, code := runProgram(t, env, "", "status", "--store", "gcp:"+emulator.Project, "--connection", "/corp/PSOXY_JIRA_CLOUD_")
	require.Equal(t, exitFailed, code, out)
	require.Contains(t, out, "a secret of Google Cloud has only letters, digits, _ and -")
	server.Deny("GetSecretVersion", "")
	out, code = runProgram(t, env, "", "status", "--store", "gcp:"+emulator.Project)
	require.Equal(t, exitFailed, code, out)
	require.Contains(t, out, "the service account lacks a permission on it")
}

// The service's environment: all that is wrong is said at once, as lines of a log.
func TestAServiceThatCannotStart(t *testing.T) {
	out, code := runProgram(t, append(os.Environ(), "STORE=ssm", "WARNING_DAYS=never"), "", "serve")
	require.Equal(t, exitFailed, code, out)
	for _, text := range []string{`"severity":"ERROR"`, `STORE is \"ssm\": expected gcp:PROJECT`, "LOCATION is empty", "WARNING_DAYS is"} {
		require.Contains(t, out, text)
	}
}
