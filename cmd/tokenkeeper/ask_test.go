package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// seedSSM fills in a connection's parameters as a person does after a consent by
// hand, and returns the store.
func seedSSM(t *testing.T, s *stage, server *moto.Server, connection string) store.Store {
	t.Helper()
	st := ssmstore.New(ssmstore.NewClient(server.AWSConfig()), "alias/aws/ssm", time.Now)
	require.NoError(t, fillIn(t.Context(), st, s.Emulator, s.fix, connection, atlassiantest.ConsentRequest{}))
	return st
}

// Either function reports how the connections are. The caller needs only the
// permission to invoke it. The refresher knows its last tick.
func TestStatusAndTickThroughTheFunctions(t *testing.T) {
	s := newStage(t)
	server := moto.Start(t)
	server.Reset(t)
	st := seedSSM(t, s, server, "A_")
	settings := map[string]string{"CONNECTIONS": "A_,B_", "WARNING_DAYS": "60,30", "METRIC_NAMESPACE": "TokenKeeper/test"}
	operator, runtime := deploy(t, s, server, "refresher", settings)

	ask := func(args ...string) (string, int) { return runProgram(t, operator, "", args...) }
	out, code := ask("status", "--function", "tokenkeeper-refresher", "--connection", "A_")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "NEEDS ATTENTION: tokens are stored, and the first tick has yet to take them over: tokenkeeper tick --function tokenkeeper-refresher\n")

	out, code = ask("tick", "--function", "tokenkeeper-refresher")
	require.Equal(t, 0, code, out)
	require.Contains(t, out, "A_: rotated: ")
	require.Contains(t, out, "B_: awaiting_consent: ")
	out, code = ask("tick", "--function", "tokenkeeper-refresher", "--json")
	require.Equal(t, 0, code, out)
	require.NoError(t, conforms("../../docs/schema/tick.json", out))

	out, code = ask("status", "--function", "tokenkeeper-refresher")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "NEEDS ATTENTION: B_ (1 of 2 connections need somebody): nobody has consented yet: tokenkeeper authorize --connection B_\n")
	require.Regexp(t, `(?m)^ok +A_ +\S+ \d{4}-\d\d-\d\d \(365 d\) +(1 hour|59 minutes) +\d+ seconds ago +nothing$`, out)
	out, code = ask("status", "--function", "tokenkeeper-refresher", "--connection", "A_", "--json")
	require.Equal(t, 0, code, out)
	require.NoError(t, conforms("../../docs/schema/status.json", out))
	require.Contains(t, out, `"last_tick": {`)
	out, code = ask("status", "--function", "tokenkeeper-refresher", "--connection", "AA_")
	require.Equal(t, exitFailed, code, out)
	require.Contains(t, out, `this function serves no connection "AA_": expected A_ or B_`)
	out, code = ask("status", "--function", "mistyped")
	require.Equal(t, exitFailed, code, out)
	require.Contains(t, out, "there is no function mistyped in this account and region")
	require.NoError(t, st.Delete(t.Context(), "A_CLIENT_SECRET"))
	out, code = ask("tick", "--function", "tokenkeeper-refresher")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "A_: misconfigured: A_CLIENT_SECRET is missing")

	operator, bootstrap := deploy(t, s, server, "bootstrap", map[string]string{"CONNECTIONS": "A_,B_"})
	out, code = ask("status", "--function", "tokenkeeper-bootstrap")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "NEEDS ATTENTION: A_ (2 of 2 connections need somebody): A_CLIENT_SECRET is missing or not filled in: tokenkeeper set-secret --connection A_\n")
	out, code = ask("tick", "--function", "tokenkeeper-bootstrap")
	require.Equal(t, exitFailed, code, out)
	require.Contains(t, out, "the event asks for none of this function's actions")

	for _, secret := range []atlassian.Secret{s.fix.App.ClientSecret} {
		require.NotContains(t, runtime.Logs()+bootstrap.Logs()+out, secret.Reveal())
	}
}

// A function that has one execution at a time is asked again.
func TestABusyFunction(t *testing.T) {
	var calls atomic.Int32
	lambda := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) < 2 {
			w.Header().Set("X-Amzn-ErrorType", "TooManyRequestsException")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = w.Write([]byte(`{"version":"v1","connections":[{"connection":"A_","state":"ok","verdict":"OK until 2027-11-25; nobody needs to act","do":"nothing","at":"2026-11-26T06:00:00Z"}]}`))
	}))
	t.Cleanup(lambda.Close)
	out, code := runProgram(t, append(moto.Start(t).Env(), "AWS_ENDPOINT_URL_LAMBDA="+lambda.URL), "", "status", "--function", "f")
	require.Equal(t, 0, code, out)
	require.Contains(t, out, "OK until 2027-11-25")
	require.EqualValues(t, 2, calls.Load())
}

// Without --connection every connection of the account and region is found. For a
// name that does not exist, the place and similar names are shown.
func TestStatusOfAnAccount(t *testing.T) {
	s := newStage(t)
	server := moto.Start(t)
	server.Reset(t)
	env := append(server.Env(), s.env...)
	out, code := runProgram(t, env, "", "status")
	require.Equal(t, 2, code, out)
	require.Regexp(t, `^NOT FOUND: none of the parameters of PSOXY_JIRA_CLOUD_ exist in account \d{12}, region eu-west-1 \(from AWS_REGION\): check --connection, the account and the region`, out)

	seedSSM(t, s, server, "PSOXY_JIRA_CLOUD_")
	seedSSM(t, s, server, "/corp/OTHER_")
	out, code = runProgram(t, env, "", "status")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "\nnot_kept_yet  /corp/OTHER_ ")
	require.Contains(t, out, "\nnot_kept_yet  PSOXY_JIRA_CLOUD_ ")
	out, code = runProgram(t, append(env, "AWS_DEFAULT_REGION=us-east-1"), "", "status", "--connection", "PSOXY_JIRA_")
	require.Equal(t, 2, code, out)
	require.Contains(t, out, "did you mean --connection PSOXY_JIRA_CLOUD_ or --connection /corp/OTHER_?")
	require.Contains(t, out, "region eu-west-1 (from AWS_REGION; AWS_DEFAULT_REGION, which says us-east-1, does not count)")
	out, code = runProgram(t, append(env, "AWS_REGION=eu-central-1"), "", "status", "--connection", "PSOXY_JIRA_CLOUD_")
	require.Equal(t, 2, code, out)
	require.Contains(t, out, "region eu-central-1 (from AWS_REGION)")
}

// A person who may not list the parameters learns that. One who may read
// TOKEN_FAMILY only, which holds no secret, learns what it says.
func TestStatusForWhoMayReadLittle(t *testing.T) {
	s := newStage(t)
	server := moto.Start(t)
	server.Reset(t)
	st := seedSSM(t, s, server, "PSOXY_JIRA_CLOUD_")
	operator, _ := deploy(t, s, server, "refresher", map[string]string{"METRIC_NAMESPACE": "TokenKeeper/test"})
	out, code := runProgram(t, operator, "", "tick", "--function", "tokenkeeper-refresher")
	require.Zero(t, code, out)
	out, code = runProgram(t, operator, "", "tick", "--function", "tokenkeeper-refresher") // TOKEN_FAMILY follows
	require.Zero(t, code, out)

	env := server.Env()
	address := ""
	for _, pair := range env {
		if value, ok := strings.CutPrefix(pair, "AWS_ENDPOINT_URL="); ok {
			address = value
		}
	}
	target, err := url.Parse(address)
	require.NoError(t, err)
	moto := httputil.NewSingleHostReverseProxy(target)
	strict := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		asked := strings.Count(string(body), "PSOXY_JIRA_CLOUD_")
		if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AmazonSSM.") && (asked != 1 || !bytes.Contains(body, []byte("_TOKEN_FAMILY"))) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"AccessDeniedException","message":"not authorized"}`))
			return
		}
		moto.ServeHTTP(w, r)
	}))
	t.Cleanup(strict.Close)
	out, code = runProgram(t, append(env, "AWS_ENDPOINT_URL="+strict.URL), "", "status")
	require.Zero(t, code, out)
	require.Contains(t, out, "Only PSOXY_JIRA_CLOUD_ was looked at, because the connections cannot be listed: ")
	require.Contains(t, out, "\nOK until ")
	require.Contains(t, out, "not read       PSOXY_JIRA_CLOUD_CLIENT_ID, PSOXY_JIRA_CLOUD_CLIENT_SECRET, PSOXY_JIRA_CLOUD_REFRESH_TOKEN, ")

	require.NoError(t, st.Delete(t.Context(), "PSOXY_JIRA_CLOUD_TOKEN_FAMILY"))
	out, code = runProgram(t, append(env, "AWS_ENDPOINT_URL="+strict.URL), "", "status", "--connection", "PSOXY_JIRA_CLOUD_")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "NEEDS ATTENTION: the state is not known: reading the parameters of PSOXY_JIRA_CLOUD_ failed: ")
	require.Contains(t, out, "AccessDeniedException")
	require.Contains(t, out, ": ask the deployed function: tokenkeeper status --function tokenkeeper-refresher --connection PSOXY_JIRA_CLOUD_\n")
}
