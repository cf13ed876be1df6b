package ssmstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/keeper/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/secret"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// TestParameters: what is written is a parameter that others can read. The store
// behind it has the conformance suite's tests where it is.
func TestParameters(t *testing.T) {
	s := ssmstore.New(moto.Start(t).AWSConfig(), "")
	out := keeper.New(s, keeper.Options{}).Tick(t.Context(), keeper.Connection{Name: "/library/JIRA_"})
	require.Equal(t, keeper.AwaitingConsent, out.Action, out.Reason)
	for n := range int64(2) {
		version, err := s.Write(t.Context(), "/library/JIRA_CLOUD_ID", secret.New("a-site"), keeper.Encrypted)
		require.NoError(t, err)
		require.Equal(t, n+1, version)
	}
	found, err := s.Read(t.Context(), "/library/JIRA_CLOUD_ID")
	require.NoError(t, err)
	entry := found["/library/JIRA_CLOUD_ID"]
	require.Equal(t, "a-site", entry.Value.Reveal())
	require.Equal(t, keeper.Encrypted, entry.Kind)
	require.False(t, entry.ReadAt.IsZero())
}
