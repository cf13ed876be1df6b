package filestore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/filestore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func TestNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s, err := filestore.Open(dir)
	require.NoError(t, err)
	long := "/corp/" + strings.Repeat("x", 300) + "_TOKEN_FAMILY"
	want := []string{"/corp/A_TOKEN_LEDGER", long, "B_REFRESH_TOKEN"}
	for _, name := range want {
		_, err := s.Write(t.Context(), name, atlassian.NewSecret("v"), store.Plain)
		require.NoError(t, err)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("not a parameter"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "%sha256-00.json"), []byte("damaged"), 0o600))
	names, err := s.Names(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, names)
}
