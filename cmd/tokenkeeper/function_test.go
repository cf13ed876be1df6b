package main

import (
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/functionurl"
	"github.com/tokenkeeper/tokenkeeper/test/lambdaruntime"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// deployed is the built bootstrap function behind Lambda's Invoke; the operator's
// environment leads to that, and to nothing else of AWS. hosted is the variable
// HOSTED_CONSENT.
func deployed(t *testing.T, s *stage, hosted string) (operator []string, runtime *lambdaruntime.Runtime) {
	t.Helper()
	server := moto.Start(t)
	server.Reset(t)
	return deploy(t, s, server, "bootstrap", map[string]string{"HOSTED_CONSENT": hosted})
}

// deploy puts one of the built functions behind Lambda's Invoke.
func deploy(t *testing.T, s *stage, server *moto.Server, function string, settings map[string]string) (operator []string, runtime *lambdaruntime.Runtime) {
	t.Helper()
	env := maps.Clone(settings)
	for _, pair := range append(server.Env(), s.env...) {
		if name, value, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "ATLASSIAN_") {
			env[name] = value
		}
	}
	binary, err := lambdaruntime.Build(t.Context(), t.TempDir(), "../../functions/"+function)
	require.NoError(t, err)
	runtime, err = lambdaruntime.New(lambdaruntime.Config{Binary: binary, Env: env, Name: "tokenkeeper-" + function})
	require.NoError(t, err)
	t.Cleanup(runtime.Close)
	lambda := httptest.NewServer(runtime.InvokeAPI(time.Minute))
	t.Cleanup(lambda.Close)
	return append(server.Env(), "AWS_ENDPOINT_URL=http://127.0.0.1:9", "AWS_ENDPOINT_URL_LAMBDA="+lambda.URL, "DISPLAY=:0"), runtime
}

// With --function the operator needs Lambda alone; the function's refusals are
// shown, and decisions go on where they stopped.
func TestAuthorizeThroughTheFunction(t *testing.T) {
	redirect := "http://localhost:" + strconv.Itoa(freePort(t))
	s := newStage(t, redirect)
	operator, runtime := deployed(t, s, "false")
	app := s.fix.App.ClientID + "\n" + s.fix.App.ClientSecret.Reveal() + "\n"
	authorize := func(stdin string, more ...string) (string, int) {
		return runProgram(t, operator, stdin, append([]string{"authorize", "--function", "tokenkeeper-bootstrap", "--redirect-uri", redirect}, more...)...)
	}

	out, code := authorize(app, "--connection", "ANOTHER_")
	require.Equal(t, exitFailed, code, out)
	require.Contains(t, out, "ANOTHER_", "a connection that the function does not serve")
	require.Contains(t, out, "[UnknownConnection]")

	out, code = authorize(app)
	require.Zero(t, code, out)
	require.Contains(t, out, "The consent is complete")
	require.Contains(t, out, s.fix.Site.URL)
	require.Contains(t, out, "tokenkeeper verify --connection PSOXY_JIRA_CLOUD_")
	require.Contains(t, out, `jira_cloud_id = "`+s.fix.Site.CloudID+`"`)

	other, err := s.AddSite(atlassiantest.Site{Name: "other"}, s.fix.Account.ID)
	require.NoError(t, err)
	_, err = s.Authorize(atlassiantest.ConsentRequest{CloudID: other.CloudID})
	require.NoError(t, err)
	out, code = authorize("", "--site", "other")
	require.Equal(t, exitFailed, code, out)
	require.Contains(t, out, "--yes-changed")
	require.Contains(t, out, "[SiteChanged]")
	out, code = authorize("", "--site", "other", "--yes-changed")
	require.Zero(t, code, out)
	require.Contains(t, out, other.URL)

	out, code = runProgram(t, operator, "", "authorize", "--function", "mistyped")
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "there is no function mistyped in this account and region")

	require.NotContains(t, runtime.Logs(), s.fix.App.ClientSecret.Reveal())
	require.NotContains(t, runtime.Logs(), "code=")
}

// With the deployed pages the terminal shows their link and waits for the end.
func TestAuthorizeOnTheHostedPages(t *testing.T) {
	front := functionurl.New()
	t.Cleanup(front.Close)
	s := newStage(t, front.URL+"/callback")
	operator, runtime := deployed(t, s, "true")
	front.Serve(runtime)
	p := sitDown(t, operator, "authorize", "--function", "tokenkeeper-bootstrap", "--redirect-uri", front.URL+"/callback", "--no-browser")
	p.entersApp(s)
	p.sees("Open this link in the browser that is to consent")
	p.sees("this waits for the end")

	browser := front.Client()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser.Jar = jar
	visit := func(resp *http.Response, err error) *http.Response {
		t.Helper()
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode)
		return resp
	}
	visit(browser.Get(regexp.MustCompile(`https\S+/start\?link=\S+`).FindString(p.seen())))
	page := visit(browser.Get(front.URL + "/go?connection=PSOXY_JIRA_CLOUD_"))
	visit(browser.PostForm(page.Request.URL.String(), url.Values{"action": {"accept"}, "site": {s.fix.Site.CloudID}}))

	p.sees("The consent is complete")
	p.sees(s.fix.Site.CloudID)
	require.Zero(t, p.leaves())
	require.NotContains(t, p.seen(), "/authorize?")
}
