package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

// One mistaken refusal is reported, and not the end: the token is presented again at the
// next tick, and the family goes on. That is in time also where the refusal stood in the
// place of a successor. A second one rests for an hour.
func TestMistakenRefusal(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]atlassiantest.Fault{
		"403 unauthorized_client":            {Status: http.StatusForbidden, Code: "unauthorized_client", When: atlassiantest.Before, Times: 1},
		"403 invalid_grant":                  {Status: http.StatusForbidden, Code: "invalid_grant", When: atlassiantest.Before, Times: 1},
		"400 invalid_grant":                  {Status: http.StatusBadRequest, Code: "invalid_grant", When: atlassiantest.Before, Times: 1},
		"400 invalid_grant, after a success": {Status: http.StatusBadRequest, Code: "invalid_grant", When: atlassiantest.After, Times: 1},
		"403 unauthorized_client, twice":     {Status: http.StatusForbidden, Code: "unauthorized_client", When: atlassiantest.Before, Times: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, world.Options{})
			c := w.Connection()
			w.RequireAction(w.Tick(), "rotated")
			w.Pass(36 * time.Minute)
			f.Kind = atlassiantest.KindStatus
			inject(t, w, f)
			for range f.Times {
				w.RequireAction(w.Tick(), "refused")
				w.Pass(2 * time.Minute)
			}
			if f.Times > 1 {
				resting := w.Tick()
				w.RequireAction(resting, "refused")
				require.Empty(t, resting.Posts)
				w.Pass(time.Hour)
			}
			w.RequireAction(w.Tick(), "rotated")
			c.RequireHealthy(2)
			w.RequireAction(w.Tick(), "idle")
		})
	}
}

// An answer that the request could not be read says nothing about the token. The
// token is presented again some minutes later, and no loss is reported.
func TestMistakenMalformedRequest(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]atlassiantest.Fault{
		"400 invalid_request": {Status: http.StatusBadRequest, Code: "invalid_request"},
		"403 invalid_request": {Status: http.StatusForbidden, Code: "invalid_request"},
		"403 of a firewall":   {Status: http.StatusForbidden, Body: "<html>Request blocked</html>"},
		"404":                 {Status: http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, world.Options{})
			c := w.Connection()
			w.RequireAction(w.Tick(), "rotated")
			w.Pass(36 * time.Minute)
			f.Kind, f.When, f.Times = atlassiantest.KindStatus, atlassiantest.Before, 1
			inject(t, w, f)
			first := w.Tick()
			w.RequireAction(first, "failed")
			require.Len(t, first.Posts, 1)
			require.Equal(t, []float64{0, 0}, w.Moto.Published(t, w.Namespace, "FamilyLost"))
			w.Pass(5 * time.Minute)
			w.RequireAction(w.Tick(), "rotated")
			c.RequireHealthy(2)
		})
	}
}

// Only REFRESH_TOKEN takes no writes. The successor is safe in the ledger, so
// rotations go on. The report says what is wrong. The copy follows once that is
// mended.
func TestOnlyTheTokenCannotBeWritten(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{
		"a policy":                       "AccessDeniedException",
		"a label on its oldest version":  "ParameterMaxVersionLimitExceeded",
		"a parameter that holds a list":  "HierarchyTypeMismatchException",
		"a pattern that it must match":   "ParameterPatternMismatchException",
		"a key that cannot encrypt":      "InvalidKeyId",
		"an outage of that one alone":    "InternalServerError",
		"a limit of the store's history": "ParameterLimitExceeded",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, world.Options{})
			c := w.Connection()
			w.RequireAction(w.Tick(), "rotated")
			w.RequireAction(w.Tick(), "idle")
			stands := c.Value(c.Names.RefreshToken)
			remove := w.AWS.On(proxy.Rule{Operation: "PutParameter", When: writing("_REFRESH_TOKEN"), Before: refuse(http.StatusBadRequest, code)})
			for generation := 2; generation <= 4; generation++ {
				w.Pass(36 * time.Minute)
				tick := w.Tick()
				o := w.Outcome(tick, c.Name)
				require.Contains(t, []string{"misconfigured", "failed"}, o.Action)
				require.Contains(t, o.Reason, c.Names.RefreshToken)
				require.Len(t, tick.Posts, 1)
				require.Equal(t, generation, o.Generation)
				require.True(t, c.Family().Alive())
				require.Equal(t, atlassiantest.StatusLive, c.Lookup(c.Names.AccessToken).Status, "consumers go on")
				require.True(t, stands == c.Value(c.Names.RefreshToken))
			}
			remove()
			tick := w.Invoke(w.NewFunction(w.Env), `{}`)
			require.Empty(t, tick.Posts)
			c.RequireHealthy(4)
		})
	}
}
