package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

// One connection's token, newest or spent, is stored as another one's, of the same app. It is
// never presented for that: its own connection would lose the family. The report names the
// owner, and both go on; one that has no ledger waits for its own token.
func TestTokenOfAnotherConnection(t *testing.T) {
	t.Parallel()
	for i, c := range []struct {
		name                 string
		opaque, spent, begun bool
	}{
		{"newest", false, false, true}, {"spent", false, true, true},
		{"opaque", true, false, true}, {"opaque and spent", true, true, true},
		{"before the first tick", false, false, false}, {"spent, before the first tick", false, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			owners, others := fmt.Sprintf("OWNER%d_JIRA_", i), fmt.Sprintf("OTHER%d_JIRA_", i)
			w := world.New(t, world.Options{Connections: []string{others, owners}, Opaque: c.opaque})
			owner, other := w.Connection(owners), w.Connection(others)
			other.Put(other.Names.ClientID, owner.Fixture.App.ClientID)
			other.PutSecret(other.Names.ClientSecret, owner.Value(owner.Names.ClientSecret))
			own, err := w.Emulator.Authorize(atlassiantest.ConsentRequest{
				ClientID: owner.Fixture.App.ClientID, AccountID: owner.Fixture.Account.ID, CloudID: owner.Fixture.Site.CloudID})
			require.NoError(t, err)
			w.Secret(own.Access.Reveal())
			w.Secret(own.Refresh.Reveal())
			other.FamilyID = own.FamilyID
			other.Delete(other.Names.RefreshToken) // it is another app's
			if c.begun {
				other.PutSecret(other.Names.RefreshToken, own.Refresh.Reveal())
			}
			first := owner.Value(owner.Names.RefreshToken)
			require.Nil(t, w.Tick().Error)
			if !c.spent {
				first = owner.Value(owner.Names.RefreshToken)
			}

			other.PutSecret(other.Names.RefreshToken, first)
			w.Function = w.NewFunction(w.Env) // nothing is remembered
			for range 3 {
				w.Pass(13 * time.Minute)
				tick := w.Tick()
				out := w.Outcome(tick, other.Name)
				if !c.begun {
					require.Equal(t, "misconfigured", out.Action)
					require.Contains(t, out.Reason, owner.Name)
				}
			}
			owner.RequireHealthy(2)
			if c.begun {
				other.RequireHealthy(2)
				return
			}
			other.PutSecret(other.Names.RefreshToken, own.Refresh.Reveal())
			require.Nil(t, w.Tick().Error)
			other.RequireHealthy(1)
		})
	}
}
