package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/connections"
	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/environment"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func fromMap(env map[string]string) (config, error) {
	return configFrom(func(name string) string { return env[name] })
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
	require.Equal(t, family.PsoxyJSON, c.Connections[0].Policy.AccessFormat)
	require.Equal(t, family.Raw, c.Connections[1].Policy.AccessFormat)
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
	list := &connections.List{Source: source, Root: "/tokenkeeper/", Now: time.Now, Connection: environment.Common{}.Connection}
	st := memstore.New(time.Now)
	service := consent.New(consent.Config{Store: st, Now: time.Now, Keeper: keeper.New(keeper.Config{Store: st, Now: time.Now, Process: "p"})})
	log := slog.New(slog.DiscardHandler)
	status := func() (any, error) {
		return listed(log, service, list, handler(log, service, nil))(t.Context(), json.RawMessage(`{"action":"status"}`))
	}
	answer, err := status()
	require.NoError(t, err)
	require.Len(t, answer.(consent.Status).Connections, 2)

	clear(source)
	list = &connections.List{Source: source, Root: "/tokenkeeper/", Now: time.Now, Connection: environment.Common{}.Connection}
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
