package health

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConnections(t *testing.T) {
	names := []string{"/corp/B_TOKEN_FAMILY", "/ledgers/A_TOKEN_LEDGER", "A_CLIENT_SECRET", "A_REFRESH_TOKEN", "C_TOKEN_LEDGER", "C_TOKEN_FAMILY",
		"PSOXY_ZOOM_REFRESH_TOKEN", "TOKEN_LEDGER", "unrelated"}
	require.Equal(t, []string{"/corp/B_", "A_", "C_"}, Connections(names))
	require.Equal(t, []string{"/ledgers/A_"}, Connections([]string{"/ledgers/A_TOKEN_LEDGER"}))
	require.Empty(t, Connections(nil))
}

func TestLedgerPath(t *testing.T) {
	names := []string{"/ledgers/A_TOKEN_LEDGER", "/ledgers/corp/B_TOKEN_LEDGER", "/corp/B_TOKEN_FAMILY", "A_TOKEN_FAMILY", "C_TOKEN_LEDGER", "/ledgers/C_TOKEN_LEDGER",
		"/one/D_TOKEN_LEDGER", "/two/D_TOKEN_LEDGER"}
	for connection, want := range map[string]string{"A_": "/ledgers", "/corp/B_": "/ledgers", "C_": "", "D_": "", "E_": ""} {
		require.Equal(t, want, LedgerPath(names, connection), connection)
	}
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
