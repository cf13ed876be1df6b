package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

// An administrator blocks the app: every rotation succeeds, and the list of sites
// is empty. The function reports it once a second answer has confirmed it.
func TestTheSiteIsLost(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	w.RequireAction(w.Tick(), "rotated")
	require.NoError(t, w.Emulator.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointResources, When: atlassiantest.Before, Kind: atlassiantest.KindEmpty}))
	require.Empty(t, w.RequireAction(w.Tick(), "idle").SiteLost, "the list is empty for a moment at times")
	require.Empty(t, w.Moto.Published(t, w.Namespace, "SiteLost"))
	w.Pass(6 * time.Minute)
	told := w.RequireAction(w.Tick(), "idle")
	require.Contains(t, told.SiteLost, "the site of CLOUD_ID")
	require.Equal(t, []float64{1}, w.Moto.Published(t, w.Namespace, "SiteLost"))
	require.Equal(t, []float64{1}, w.Moto.Published(t, w.Namespace, "Attention"))
	w.Emulator.ClearFaults()

	w.Pass(36 * time.Minute)
	rotated := w.RequireAction(w.Tick(), "rotated")
	require.NotEmpty(t, rotated.SiteLost, "it is not asked yet")
	w.Pass(25 * time.Minute)
	require.Empty(t, w.RequireAction(w.Tick(), "idle").SiteLost)
	w.Connection().RequireHealthy(2)
	require.Len(t, w.Atlassian.Calls(world.SitesEndpoint), 3)
}
