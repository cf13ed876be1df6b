package psoxy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
)

func TestPresets(t *testing.T) {
	today, err := psoxy.Preset("jira-psoxy")
	require.NoError(t, err)
	require.Equal(t, []string{"offline_access", "read:group:jira", "read:avatar:jira", "read:user:jira", "read:jira-user", "read:jira-work"}, today)
	older, err := psoxy.Preset("jira-psoxy-2024")
	require.NoError(t, err)
	require.Subset(t, older, append(today, "read:account"))
	_, err = psoxy.Preset("jira")
	require.ErrorContains(t, err, "jira-psoxy or jira-psoxy-2024")
}
