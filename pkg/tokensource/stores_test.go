package tokensource_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/filestore"
	"github.com/tokenkeeper/tokenkeeper/pkg/secret"
	"github.com/tokenkeeper/tokenkeeper/pkg/tokensource"
)

func TestParameterStore(t *testing.T) {
	client := parameterStore(t)
	for _, connection := range []string{"PSOXY_JIRA_CLOUD_", "/corp/PSOXY_JIRA_CLOUD_"} {
		t.Run(connection, func(t *testing.T) {
			source := tokensource.FromParameterStore(client, connection)
			_, err := source.Token()
			require.ErrorIs(t, err, tokensource.ErrNoToken)
			_, err = source.CloudID(t.Context())
			require.ErrorIs(t, err, tokensource.ErrNoToken)

			put(t, client, connection+"ACCESS_TOKEN", "the-token")
			put(t, client, connection+"CLOUD_ID", "the-site")
			token, err := source.Token()
			require.NoError(t, err)
			require.Equal(t, "the-token", token.AccessToken)
			require.Equal(t, "Bearer", token.TokenType)
			id, err := source.CloudID(t.Context())
			require.NoError(t, err)
			require.Equal(t, "the-site", id)
		})
	}
}

// TestDirectory reads what the file store has written.
func TestDirectory(t *testing.T) {
	for _, connection := range []string{"PSOXY_JIRA_CLOUD_", "/corp/psoxy_", ".dotted_", "/" + strings.Repeat("long/", 14) + strings.Repeat("x", 130) + "_"} {
		t.Run(connection, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "tokens")
			source := tokensource.FromDirectory(dir, connection)
			_, err := source.Token()
			require.ErrorIs(t, err, os.ErrNotExist)
			require.NotErrorIs(t, err, tokensource.ErrNoToken)

			files, err := filestore.Open(dir)
			require.NoError(t, err)
			_, err = source.Token()
			require.ErrorIs(t, err, tokensource.ErrNoToken)
			for _, value := range []string{"the-first", "the-newest"} {
				_, err = files.Write(t.Context(), connection+"ACCESS_TOKEN", secret.New(value), store.Encrypted)
				require.NoError(t, err)
			}
			token, err := source.Token()
			require.NoError(t, err)
			require.Equal(t, "the-newest", token.AccessToken)
		})
	}
}

func TestDamagedFile(t *testing.T) {
	dir := t.TempDir()
	for _, content := range []string{`{"name":"C_ACCESS_TOKEN","versions":[{"value":"the-sec`, `{"name":"C_ACCESS_TOKEN","versions":[]}`, `{"name":"c_access_token","versions":[{"value":"the-secret"}]}`} {
		t.Run(content, func(t *testing.T) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "C_ACCESS_TOKEN.json"), []byte(content), 0o600))
			_, err := tokensource.FromDirectory(dir, "C_").Token()
			require.ErrorContains(t, err, "is not a parameter as tokenkeeper writes it")
			require.NotContains(t, err.Error(), "the-sec")
		})
	}
}
