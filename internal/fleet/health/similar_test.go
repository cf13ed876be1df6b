package health

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConnections(t *testing.T) {
	names := []string{"/corp/B_TOKEN_FAMILY", "/ledgers/A_TOKEN_LEDGER", "A_CLIENT_SECRET", "A_REFRESH_TOKEN", "C_TOKEN_LEDGER", "C_TOKEN_FAMILY",
		"PSOXY_ZOOM_REFRESH_TOKEN", "TOKEN_LEDGER", "unrelated"}
	require.Equal(t, []string{"/corp/B_", "A_", "C_"}, Connections(names, "/ledgers"))
	require.Equal(t, []string{"/corp/B_", "/ledgers/A_", "A_", "C_"}, Connections(names, ""))
	require.Empty(t, Connections(nil, ""))
}

func TestSimilar(t *testing.T) {
	all := []string{"PSOXY_GITHUB_", "PSOXY_JIRA_CLOUD_", "/corp/PSOXY_JIRA_CLOUD_", "X_", "psoxy_jira_"}
	require.Equal(t, "PSOXY_JIRA_CLOUD_", Similar("PSOXY_JIRA_CLUOD_", all)[0])
	require.Equal(t, "/corp/PSOXY_JIRA_CLOUD_", Similar("/corp/PSOXY_JIRA_CLOUD-", all)[0])
	require.Len(t, Similar("Y_", all), 3)
	require.Empty(t, Similar("Y_", nil))
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "ABC", 0}, {"kitten", "sitting", 3}, {"ab", "ba", 2}} {
		require.Equal(t, tt.want, distance(tt.a, tt.b), "%q %q", tt.a, tt.b)
		require.Equal(t, tt.want, distance(tt.b, tt.a), "%q %q", tt.b, tt.a)
	}
}
