package atlassiantest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// control sends a control request that must succeed and returns its answer.
func (s *served) control(t testing.TB, method, path, body string) map[string]any {
	t.Helper()
	media := "application/json"
	if method == "GET" {
		media = ""
	}
	answer := s.must(t, newRequest(t, method, s.url+"/_emulator"+path, media, body))
	require.Equal(t, 200, answer.status, answer.body)
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(answer.body), &got))
	return got
}

// controlFails sends a control request that must be refused.
func (s *served) controlFails(t testing.TB, method, path, media, body, expected string) {
	t.Helper()
	answer := s.must(t, newRequest(t, method, s.url+"/_emulator"+path, media, body))
	require.Equal(t, 400, answer.status)
	require.Contains(t, answer.body, expected)
}

// All that another program can do over HTTP, from the reset to a rotated secret.
func TestControlOverHTTP(t *testing.T) {
	s := serve(t, newWorld(t, atlassiantest.Config{CheapTokens: true}))
	s.control(t, "POST", "/reset", "{}")
	ann := s.control(t, "POST", "/accounts", `{"name":"Ann"}`)["id"].(string)
	site := s.control(t, "POST", "/sites", `{"name":"acme","members":["`+ann+`"]}`)["cloud_id"].(string)
	app := s.control(t, "POST", "/apps", `{"name":"app","redirect_uris":["http://localhost"],"scopes":["read:jira-work"],"owner":"`+ann+`"}`)
	id := app["client_id"].(string)
	s.fix.App = atlassiantest.App{ClientID: id, ClientSecret: atlassian.NewSecret(app["client_secret"].(string))}
	require.Equal(t, app["client_secret"], s.control(t, "GET", "/apps/"+id+"/secret", "")["client_secret"])
	directory := s.must(t, newRequest(t, "GET", s.url+"/_emulator/directory", "", "")).body
	require.Contains(t, directory, site)
	require.NotContains(t, directory, app["client_secret"])
	s.control(t, "POST", "/sign-in", `{"account":"`+ann+`"}`)

	code := s.control(t, "POST", "/consent", `{}`)["code"].(string)
	tokens, err := s.e.Exchange(s.exchange(atlassian.NewSecret(code)))
	require.NoError(t, err)

	s.control(t, "POST", "/faults", `{"endpoint":"token","when":"before","kind":"status","status":503,"retry_after":"30","delay":"1ms","times":1}`)
	require.Contains(t, s.must(t, newRequest(t, "GET", s.url+"/_emulator/faults", "", "")).body, `"delay":"1ms"`)
	require.Equal(t, 503, s.must(t, s.tokenRequest(t, tokens)).status)
	s.control(t, "POST", "/faults", `{"endpoint":"token","when":"after","kind":"expires_in","expires_in":-5}`)
	require.Equal(t, "-5", string(readTokens(t, s.must(t, s.tokenRequest(t, tokens))).ExpiresIn))
	s.control(t, "DELETE", "/faults", "")

	s.control(t, "PATCH", "/policy", `{"older_replay_kills":false,"legacy_refusal_body":true}`)
	policy := s.control(t, "GET", "/policy", "")
	require.Equal(t, false, policy["older_replay_kills"])
	require.Equal(t, "10m0s", policy["reuse_interval"])

	require.Equal(t, false, s.control(t, "GET", "/clock", "")["running"])
	require.Equal(t, "2026-01-15T08:10:00Z", s.control(t, "POST", "/clock", `{"advance":"10m"}`)["now"])
	answer := s.must(t, s.tokenRequest(t, tokens))
	require.Equal(t, 403, answer.status)
	require.Contains(t, answer.body, "Unknown or invalid refresh token.")

	truth := s.must(t, newRequest(t, "GET", s.url+"/_emulator/truth", "", "")).body
	require.Contains(t, truth, `"cause":"replayed_after_reuse_interval"`)
	require.Contains(t, truth, `"presenter":"Go-http-client/1.1"`)
	require.Contains(t, truth, `"live_tokens":[]`)
	require.NotContains(t, truth, tokens.Refresh.Reveal())

	for _, step := range []struct{ path, body, cause string }{
		{"/revoke", `{"account":"` + ann + `","client_id":"` + id + `"}`, "revoked_by_user"},
		{"/password", `{"account":"` + ann + `"}`, "password_changed"},
		{"/uninstall", `{"client_id":"` + id + `","cloud_id":"` + site + `"}`, "uninstalled"},
	} {
		t.Run(step.cause, func(t *testing.T) {
			live := s.authorize(t)
			info, _ := s.e.Lookup(live.Refresh)
			require.Contains(t, s.must(t, newRequest(t, "GET", s.url+"/_emulator/truth", "", "")).body, info.Fingerprint())
			s.control(t, "POST", step.path, step.body)
			require.EqualValues(t, step.cause, s.death(t, live).Cause)
		})
	}
	kept := s.authorize(t)
	s.control(t, "POST", "/deactivate", `{"account":"`+ann+`"}`)
	require.Contains(t, s.must(t, s.tokenRequest(t, kept)).body, "User is inactive")
	s.control(t, "POST", "/reactivate", `{"account":"`+ann+`"}`)
	secret := s.control(t, "POST", "/rotate-secret", `{"client_id":"`+id+`"}`)["client_secret"].(string)
	require.Equal(t, 401, s.must(t, s.tokenRequest(t, kept)).status)
	s.fix.App.ClientSecret = atlassian.NewSecret(secret)
	readTokens(t, s.must(t, s.tokenRequest(t, kept)))
}

func TestControlRefusals(t *testing.T) {
	s := serve(t, cheapWorld(t, nil))
	const media = "application/json"
	before := s.e.Policy()
	s.controlFails(t, "POST", "/clock", "text/plain", `{"advance":"1h"}`, "Content-Type")
	s.controlFails(t, "POST", "/reset", "", "", "Content-Type")
	s.controlFails(t, "POST", "/clock", media, `{}`, "advance")
	s.controlFails(t, "POST", "/clock", media, `{"advance":"1h","set":"2026-01-01T00:00:00Z"}`, "either")
	s.controlFails(t, "POST", "/clock", media, `{"advance":5}`, "duration")
	s.controlFails(t, "PATCH", "/policy", media, `{"siblings_die":true,"reuse_intervall":"5m"}`, "reuse_intervall")
	s.controlFails(t, "PATCH", "/policy", media, `{"siblings_die":true,"code_lifetime":"1h"}`, "CodeLifetime")
	s.controlFails(t, "POST", "/faults", media, `{"endpoint":"token","when":"before","kind":"fire"}`, "fire")
	s.controlFails(t, "POST", "/consent", media, `{"client_id":"nobody"}`, "nobody")
	s.controlFails(t, "POST", "/password", media, `{"account":"nobody"}`, "nobody")
	s.controlFails(t, "GET", "/apps/nobody/secret", "", "", "nobody")
	s.controlFails(t, "POST", "/apps", media, `{"redirect_uris":["http://evil.example"]}`, "localhost")
	require.Equal(t, before, s.e.Policy())
	require.Equal(t, start, s.e.Now())
}

type ownClock struct{}

func (ownClock) Now() time.Time { return start }

func TestControlDoesNotMoveACallersClock(t *testing.T) {
	s := serve(t, &world{e: atlassiantest.New(atlassiantest.Config{Clock: ownClock{}})})
	s.controlFails(t, "POST", "/clock", "application/json", `{"advance":"1h"}`, "caller's own")
	require.NotContains(t, s.control(t, "GET", "/clock", ""), "running")
}

// The package's documentation, the printed help and the served paths are one list.
func TestControlIsDocumented(t *testing.T) {
	s := serve(t, cheapWorld(t, nil))
	help := s.must(t, newRequest(t, "GET", s.url+"/_emulator/", "", "")).body
	require.Equal(t, atlassiantest.ControlHelp(), help)
	page, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(help), "\n")
	require.Greater(t, len(lines), 20)
	for _, line := range lines {
		fields := strings.Fields(line)
		require.Regexp(t, fields[0]+` +\Q`+fields[1]+`\E `, string(page))
	}
}

func ExampleEmulator() {
	clock := atlassiantest.NewClock(time.Date(2026, 1, 15, 8, 0, 0, 0, time.UTC))
	e := atlassiantest.New(atlassiantest.Config{Clock: clock, CheapTokens: true})
	fix, err := e.AddFixture("http://localhost")
	if err != nil {
		panic(err)
	}
	tokens, err := e.Authorize(atlassiantest.ConsentRequest{})
	if err != nil {
		panic(err)
	}
	present := atlassiantest.RefreshRequest{
		ClientID: fix.App.ClientID, ClientSecret: fix.App.ClientSecret,
		RefreshToken: tokens.Refresh, Presenter: "a careless client",
	}
	_, err = e.Refresh(present)
	fmt.Println(err)
	clock.Advance(10 * time.Minute)
	_, err = e.Refresh(present) // the same token again, too late
	fmt.Println(err)
	family, _ := e.Family(tokens.FamilyID)
	fmt.Println(family.Death.Cause, "by", family.Death.Presenter)
	// Output:
	// <nil>
	// HTTP 403 unauthorized_client: refresh_token is invalid
	// replayed_after_reuse_interval by a careless client
}
