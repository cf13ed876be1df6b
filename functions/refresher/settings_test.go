package main

import (
	"encoding/json"
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func fromMap(env map[string]string) (settings, error) {
	return settingsFrom(func(name string) string { return env[name] })
}

func TestDefaults(t *testing.T) {
	c, err := fromMap(nil)
	require.NoError(t, err)
	require.Len(t, c.Connections, 1)
	require.Equal(t, "PSOXY_JIRA_CLOUD_", c.Connections[0].Name)
	require.Equal(t, family.Policy{RefreshBefore: 25 * time.Minute, Lifetime: 365 * 24 * time.Hour, AccessFormat: psoxy.AsStored}, c.Connections[0].Policy)
	require.Equal(t, "PSOXY_JIRA_CLOUD_TOKEN_LEDGER", c.Connections[0].Names().Ledger)
	require.Equal(t, "TokenKeeper", c.namespace)
	require.Equal(t, "alias/aws/ssm", c.KeyID)
	require.Zero(t, c.noChangeHours)
	require.Equal(t, 1.0, c.ticks.LastWarning)
	require.Empty(t, c.ticks.Warnings)
	require.Equal(t, atlassian.DefaultAuthURL, c.AuthURL)
	require.Equal(t, atlassian.DefaultAPIURL, c.APIURL)
}

func TestEverythingSet(t *testing.T) {
	c, err := fromMap(map[string]string{
		"CONNECTIONS":          "/corp/PSOXY_JIRA_CLOUD_, OTHER_",
		"REFRESH_BEFORE":       "30m",
		"FAMILY_LIFETIME_DAYS": "90.5",
		"ACCESS_TOKEN_FORMAT":  "psoxy-json,OTHER_=raw",
		"METRIC_NAMESPACE":     "Corp/Tokens",
		"PARAMETER_KEY_ID":     "alias/tokens",
		"ATLASSIAN_AUTH_URL":   "http://127.0.0.1:8080/",
		"LEDGER_PATH":          "/ledgers/jira",

		"NO_CHANGE_NOTIFICATION_HOURS": "6", "LAST_WARNING_DAYS": "2.5", "WARNING_DAYS": "60, 30,14,7.5",

		"ATLASSIAN_API_URL": "http://localhost:8080",
	})
	require.NoError(t, err)
	require.Len(t, c.Connections, 2)
	require.Equal(t, psoxy.JSON, c.Connections[0].Policy.AccessFormat)
	require.Equal(t, "OTHER_", c.Connections[1].Name)
	require.Equal(t, "/ledgers/jira/corp/PSOXY_JIRA_CLOUD_TOKEN_LEDGER", c.Connections[0].Names().Ledger)
	require.Equal(t, "/ledgers/jira/OTHER_TOKEN_LEDGER", c.Connections[1].Names().Ledger)
	require.Equal(t, "OTHER_REFRESH_TOKEN", c.Connections[1].Names().RefreshToken)
	require.Equal(t, psoxy.Raw, c.Connections[1].Policy.AccessFormat)
	require.Equal(t, 2172*time.Hour, c.Connections[1].Policy.Lifetime)
	require.Equal(t, "http://127.0.0.1:8080", c.AuthURL)
	require.Equal(t, 6, c.noChangeHours)
	require.Equal(t, 2.5, c.ticks.LastWarning)
	require.Equal(t, []float64{60, 30, 14, 7.5}, c.ticks.Warnings)
}

// A list of connections takes the place of CONNECTIONS.
func TestListedConnections(t *testing.T) {
	list := map[string]string{"CONNECTIONS_PATH": "/ops/list", "PARAMETER_PATH": "/tokenkeeper/", "ACCESS_TOKEN_FORMAT": "raw,/tokenkeeper/b_=psoxy-json",
		"PARAMETER_STORE_THROUGHPUT": "higher", "CONNECTION_METRICS_LIMIT": "500", "FAMILY_LIFETIME_DAYS": "90", "LEDGER_PATH": "/ops/ledgers"}
	c, err := fromMap(list)
	require.NoError(t, err)
	require.Empty(t, c.Connections)
	require.Equal(t, "/ops/list", c.ConnectionsPath)
	require.Equal(t, "/tokenkeeper/", c.ParameterPath)
	require.Equal(t, 500, c.metricsLimit)
	require.Equal(t, throughputs["higher"], c.rates)
	a, b := c.connection("/tokenkeeper/a_"), c.connection("/tokenkeeper/b_")
	require.Equal(t, psoxy.Raw, a.Policy.AccessFormat)
	require.Equal(t, psoxy.JSON, b.Policy.AccessFormat)
	require.Equal(t, "/ops/ledgers/tokenkeeper/a_TOKEN_LEDGER", a.Names().Ledger)
	require.Equal(t, 90*24*time.Hour, a.Policy.Lifetime)
	require.Equal(t, 25*time.Minute, a.Policy.RefreshBefore)

	for _, wrong := range []struct{ name, value, want string }{
		{"CONNECTIONS_PATH", "/ops/list/", "CONNECTIONS_PATH"},
		{"CONNECTIONS_PATH", "/tokenkeeper/list*", "CONNECTIONS_PATH"},
		{"CONNECTIONS_PATH", "/tokenkeeper", "does not hold the connections' own"},
		{"CONNECTIONS_PATH", "", "without CONNECTIONS_PATH"},
		{"PARAMETER_PATH", "", "PARAMETER_PATH"},
		{"PARAMETER_PATH", "/", "PARAMETER_PATH"},
		{"PARAMETER_PATH", "/tokenkeeper", "PARAMETER_PATH"},
		{"CONNECTIONS", "A_", "expected one of them"},
		{"LEDGER_PATH", "/ops/list", "not below CONNECTIONS_PATH"},
		{"LEDGER_PATH", "/ops/list/ledgers", "not below CONNECTIONS_PATH"},
		{"NO_CHANGE_NOTIFICATION_HOURS", "6", "expected 0"},
	} {
		env := maps.Clone(list)
		env[wrong.name] = wrong.value
		_, err := fromMap(env)
		require.ErrorContains(t, err, wrong.want, "%s=%s", wrong.name, wrong.value)
	}
}

func TestWrongValuesAreNamed(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"CONNECTIONS", "PSOXY_JIRA_CLOUD", "ends in _"},
		{"CONNECTIONS", "A_,,B_", `""`},
		{"CONNECTIONS", "A_,A_", "twice"},
		{"CONNECTIONS", "corp/A_", "begin with /"},
		{"CONNECTIONS", "A B_", `"A B_"`},
		{"REFRESH_BEFORE", "25", "25m"},
		{"REFRESH_BEFORE", "9m59s", "from 10m0s to 55m0s"},
		{"REFRESH_BEFORE", "56m", "from 10m0s to 55m0s"},
		{"FAMILY_LIFETIME_DAYS", "a year", "365"},
		{"FAMILY_LIFETIME_DAYS", "0", "365"},
		{"FAMILY_LIFETIME_DAYS", "NaN", "365"},
		{"ACCESS_TOKEN_FORMAT", "xml", `"psoxy-json"`},
		{"ACCESS_TOKEN_FORMAT", "raw,B_=psoxy-json", "CONNECTIONS does not hold"},
		{"LEDGER_PATH", "ledgers", "such as /tokenkeeper-ledgers"},
		{"LEDGER_PATH", "/ledgers/", "does not end in a slash"},
		{"LEDGER_PATH", "/" + strings.Repeat("l", 90), "up to 90 characters"},
		{"METRIC_NAMESPACE", "AWS/Lambda", "AWS/"},
		{"METRIC_NAMESPACE", "a b", "255"},
		{"PARAMETER_KEY_ID", "alias/a,alias/b", "one key id"},
		{"LAST_WARNING_DAYS", "NaN", "from 0 to 3650"},
		{"LAST_WARNING_DAYS", "-1", "from 0 to 3650"},
		{"WARNING_DAYS", "30,60", "each below the one before"},
		{"WARNING_DAYS", "60,30,30", "each below the one before"},
		{"WARNING_DAYS", "60,,30", "each below the one before"},
		{"WARNING_DAYS", "60,NaN", "each below the one before"},
		{"WARNING_DAYS", "5000", "from 1 to 3650"},
		{"WARNING_DAYS", "60,30,14,7,5", "up to 4"},
		{"WARNING_DAYS", "60,30,14,7,", "up to 4"},
		{"WARNING_DAYS", "60,1", "LAST_WARNING_DAYS"},
		{"NO_CHANGE_NOTIFICATION_HOURS", "1", "from 2 to 720"},
		{"NO_CHANGE_NOTIFICATION_HOURS", "721", "from 2 to 720"},
		{"NO_CHANGE_NOTIFICATION_HOURS", "-2", "from 2 to 720"},
		{"NO_CHANGE_NOTIFICATION_HOURS", "6h", "from 2 to 720"},
		{"CONNECTION_METRICS_LIMIT", "4", "from 5 to 10000"},
		{"PARAMETER_STORE_THROUGHPUT", "fast", "standard or higher"},
		{"ATLASSIAN_AUTH_URL", "http://auth.example.com", "loopback"},
		{"ATLASSIAN_AUTH_URL", "auth.atlassian.com", "scheme"},
		{"ATLASSIAN_API_URL", "https://u:p@api.example.com", "scheme"},
		{"ATLASSIAN_API_URL", "https://api.example.com?x=1", "scheme"},
		{"ATLASSIAN_API_URL", "ftp://127.0.0.1", "https"},
	} {
		_, err := fromMap(map[string]string{c.name: c.value})
		require.ErrorContains(t, err, c.name, c.value)
		require.ErrorContains(t, err, c.want, c.value)
	}
	_, err := fromMap(map[string]string{"REFRESH_BEFORE": "x", "METRIC_NAMESPACE": "a b"})
	require.ErrorContains(t, err, "REFRESH_BEFORE")
	require.ErrorContains(t, err, "METRIC_NAMESPACE", "all problems at once")
}

func TestParseEvent(t *testing.T) {
	at := time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		payload   string
		scheduled time.Time
	}{
		"nothing":             {``, time.Time{}},
		"null":                {`null`, time.Time{}},
		"an empty event":      {` {} `, time.Time{}},
		"without a time":      {`{"action":"tick"}`, time.Time{}},
		"our schedule's":      {`{"action":"tick","scheduled_time":"2026-11-24T04:00:00Z"}`, at},
		"EventBridge's rule":  {`{"version":"0","id":"53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa","detail-type":"Scheduled Event","source":"aws.events","account":"111122223333","time":"2026-11-24T04:00:00Z","region":"eu-west-1","resources":["arn:aws:events:eu-west-1:111122223333:rule/every-minute"],"detail":{}}`, at},
		"Scheduler's default": {`{"version":"0","id":"37666ae6","detail-type":"Scheduled Event","source":"aws.scheduler","account":"111122223333","time":"2026-11-24T04:00:00Z","region":"eu-west-1","resources":[],"detail":"{}"}`, at},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := parseEvent(json.RawMessage(tt.payload))
			require.NoError(t, err)
			require.Equal(t, tt.scheduled, e.ScheduledTime)
		})
	}
	for _, other := range []string{`[]`, `"tick"`, `7`, `{"Records":[]}`, `{"action":"begin"}`, `{"action":"tick","scheduled_time":"noon"}`, `{"key":"canary-value"}`,
		`{"detail-type":"Parameter Store Change","source":"aws.ssm","detail":{"name":"canary-value"}}`, `{"detail-type":"Scheduled Event","source":"canary-value"}`} {
		t.Run(other, func(t *testing.T) {
			_, err := parseEvent(json.RawMessage(other))
			require.ErrorAs(t, err, &UnexpectedEvent{})
			require.NotContains(t, err.Error(), "canary-value")
		})
	}
}

// FuzzIsNamespace compares the check by hand with the regular expression that it
// replaced.
func FuzzIsNamespace(f *testing.F) {
	form := regexp.MustCompile(`^[A-Za-z0-9./_#:-]{1,255}$`)
	for _, s := range []string{"", "TokenKeeper", "AWS/Lambda", "a b", "a\n", "é", strings.Repeat("a", 255), strings.Repeat("a", 256)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		require.Equal(t, form.MatchString(s) && !strings.HasPrefix(s, "AWS/"), isNamespace(s), "%q", s)
	})
}
