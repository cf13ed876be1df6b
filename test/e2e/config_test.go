package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

// A wrong environment fails every invocation, names all the variables that are
// wrong, and touches nothing.
func TestWrongEnvironment(t *testing.T) {
	t.Parallel()
	wrong := map[string][]string{
		"CONNECTIONS":          {"PSOXY JIRA_", "corp/PSOXY_", ",", "A_,A_", "PSOXY_JIRA_CLOUD"},
		"REFRESH_BEFORE":       {"25", "1m", "2h", "-25m", "soon"},
		"FAMILY_LIFETIME_DAYS": {"0", "-1", "year", "NaN", "Inf", "99999"},
		"ACCESS_TOKEN_FORMAT":  {"json", "NOBODY_=raw", "raw,"},
		"METRIC_NAMESPACE":     {"AWS/Lambda", "white space"},
		"PARAMETER_KEY_ID":     {"two keys"},
		"ATLASSIAN_AUTH_URL":   {"auth.atlassian.com", "http://auth.atlassian.com", "ftp://x", "https://user:pass@auth.atlassian.com", "https://auth.atlassian.com?x=y"},
		"ATLASSIAN_API_URL":    {"http://api.atlassian.com", "api"},
	}
	for variable, values := range wrong {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			for _, value := range values {
				w := world.New(t, world.Options{Env: map[string]string{variable: value}})
				for range 2 {
					tick := w.Invoke(w.Function, `{}`)
					require.NotNil(t, tick.Error, value)
					require.Equal(t, "InvalidConfiguration", tick.Error.Type, value)
					require.Contains(t, tick.Error.Message, variable, value)
				}
				require.Empty(t, w.AWS.Calls())
				require.Empty(t, w.Atlassian.Calls())
			}
		})
	}
}

// All that is wrong is said at once.
func TestAllWrongVariablesAreNamed(t *testing.T) {
	t.Parallel()
	env := map[string]string{"REFRESH_BEFORE": "soon", "FAMILY_LIFETIME_DAYS": "year", "ATLASSIAN_API_URL": "api"}
	w := world.New(t, world.Options{Env: env})
	tick := w.Invoke(w.Function, `{}`)
	require.NotNil(t, tick.Error)
	for variable, value := range env {
		require.Contains(t, tick.Error.Message, variable+` is "`+value+`"`)
	}
}
