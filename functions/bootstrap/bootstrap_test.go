package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
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
