package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/consent/pages"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func fromMap(env map[string]string) (settings, error) {
	return settingsFrom(func(name string) string { return env[name] })
}

func TestConfig(t *testing.T) {
	c, err := fromMap(nil)
	require.NoError(t, err)
	require.False(t, c.hosted, "off by default")
	require.Len(t, c.Connections, 1)
	require.Equal(t, 365*24*time.Hour, c.Connections[0].Policy.Lifetime)
	require.Equal(t, "alias/aws/ssm", c.KeyID)
	require.Equal(t, atlassian.DefaultAuthURL, c.AuthURL)

	c, err = fromMap(map[string]string{"CONNECTIONS": "A_,/b/C_", "HOSTED_CONSENT": "true", "ACCESS_TOKEN_FORMAT": "raw,A_=psoxy-json", "FAMILY_LIFETIME_DAYS": "90"})
	require.NoError(t, err)
	require.True(t, c.hosted)
	require.Equal(t, psoxy.JSON, c.Connections[0].Policy.AccessFormat)
	require.Equal(t, psoxy.Raw, c.Connections[1].Policy.AccessFormat)
	require.Equal(t, 90*24*time.Hour, c.Connections[1].Policy.Lifetime)

	_, err = fromMap(map[string]string{"HOSTED_CONSENT": "yes", "CONNECTIONS": "A", "ATLASSIAN_AUTH_URL": "http://auth.example.com", "FAMILY_LIFETIME_DAYS": "0"})
	for _, name := range []string{"HOSTED_CONSENT", "CONNECTIONS", "ATLASSIAN_AUTH_URL", "FAMILY_LIFETIME_DAYS"} {
		require.ErrorContains(t, err, name, "all problems at once")
	}
}

func TestListedConnectionsAreNotHosted(t *testing.T) {
	env := map[string]string{"CONNECTIONS_PATH": "/ops/list", "PARAMETER_PATH": "/tokenkeeper/"}
	c, err := fromMap(env)
	require.NoError(t, err)
	require.Empty(t, c.Connections)
	env["HOSTED_CONSENT"] = "true"
	_, err = fromMap(env)
	require.ErrorContains(t, err, "HOSTED_CONSENT")
}

// A service knows the connections that are listed when it is asked, and answers
// nothing where the list cannot be read.
func TestListedConnectionsAreTheServices(t *testing.T) {
	source := values{"/ops/list/1": "/tokenkeeper/a_,/tokenkeeper/b_"}
	list := &config.List{Source: source, Root: "/tokenkeeper/", Now: time.Now, Connection: config.Common{}.Connection}
	st := memstore.New(time.Now)
	log := slog.New(slog.DiscardHandler)
	status := func() (any, error) {
		service := consent.New(consent.Config{Store: st, List: list.Connections, Keeper: keeper.New(keeper.Config{Store: st, Process: "p"})})
		return handler(log, service, nil)(t.Context(), json.RawMessage(`{"action":"status"}`))
	}
	answer, err := status()
	require.NoError(t, err)
	require.Len(t, answer.(consent.Status).Connections, 2)

	clear(source)
	list = &config.List{Source: source, Root: "/tokenkeeper/", Now: time.Now, Connection: config.Common{}.Connection}
	_, err = status()
	require.ErrorContains(t, err, "names no connection")
}

type values map[string]string

func (v values) Values(context.Context) (map[string]string, error) { return v, nil }

func TestPageRequestsAreTold(t *testing.T) {
	for payload, page := range map[string]bool{
		`{"version":"2.0","rawPath":"/start","requestContext":{"domainName":"x","http":{"method":"GET","path":"/start"}}}`: true,
		`{"version":"1.0","requestContext":{"http":{"method":"GET"}}}`:                                                     false,
		`{"version":"2.0","requestContext":{}}`:                                                                            false,
		`{"action":"status"}`:                                                                                              false,
		`"GET"`:                                                                                                            false,
		`null`:                                                                                                             false,
		``:                                                                                                                 false,
	} {
		_, ok := pageRequest(json.RawMessage(payload))
		require.Equal(t, page, ok, payload)
	}
}

// An address that cannot be read is answered with a page and quoted nowhere, and
// cookies count wherever in the event they are.
func TestPagesAreServed(t *testing.T) {
	var seen *http.Request
	site := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r })
	serve := func(event string) error {
		seen = nil
		r, ok := pageRequest(json.RawMessage(event))
		require.True(t, ok)
		answer, err := servePage(t.Context(), site, r)
		if err == nil {
			_, err = io.Copy(io.Discard, answer.(*events.LambdaFunctionURLStreamingResponse).Body)
		}
		return err
	}
	const tail = `"rawQueryString":"state=canary&code=canary","requestContext":{"domainName":"x.example","http":{"method":"GET"}}}`
	for _, path := range []string{"/callback%zz", "/%", "/ca\\u0001", "/\\n", "//x:y@z:q"} {
		require.NoError(t, serve(`{"version":"2.0","rawPath":"`+path+`",`+tail), path)
		require.NotNil(t, seen, path)
		require.NotEqual(t, "/callback", seen.URL.Path)
	}
	require.NoError(t, serve(`{"version":"2.0","rawPath":"/callback","requestContext":{"domainName":"x","http":{"method":"G ET"}}}`))
	require.Equal(t, "/unreadable", seen.URL.Path)

	require.NoError(t, serve(`{"version":"2.0","rawPath":"/callback","cookies":["a=1","__Host-b=2"],`+tail))
	require.Equal(t, "/callback", seen.URL.Path)
	cookie, err := seen.Cookie("__Host-b")
	require.NoError(t, err)
	require.Equal(t, "2", cookie.Value)
	require.NoError(t, serve(`{"version":"2.0","rawPath":"/","headers":{"cookie":"a=1; b=2"},"cookies":["a=1","b=2"],`+tail))
	require.Len(t, seen.Cookies(), 2)
}

func TestWhoThePagesSpeakFor(t *testing.T) {
	c, err := fromMap(map[string]string{"CONSENT_ORGANIZATION": " Müller & Söhne ", "CONSENT_CONTACT": "jira@example.com"})
	require.NoError(t, err)
	require.Equal(t, pages.Host{Organization: "Müller & Söhne", Contact: "jira@example.com"}, c.host)
	_, err = fromMap(map[string]string{"CONSENT_ORGANIZATION": strings.Repeat("a", 101), "CONSENT_CONTACT": "a\x1bb"})
	require.ErrorContains(t, err, "CONSENT_ORGANIZATION")
	require.ErrorContains(t, err, "CONSENT_CONTACT")
}
