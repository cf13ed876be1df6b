package keeper_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// A program writes another text over REFRESH_TOKEN before every tick. Atlassian takes none of
// them. The family's own token is rotated all the same.
func TestAnotherStrangerBeforeEveryTick(t *testing.T) {
	for _, every := range []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute} {
		t.Run(fmt.Sprintf("every %s", every), func(t *testing.T) {
			w := settledWorld(t)
			var worst time.Duration
			last := w.clock.Now()
			for range 12 * time.Hour / every {
				w.put(names.RefreshToken, rand.Text()+rand.Text())
				begun := w.clock.Now()
				w.tick()
				info, _ := w.em.Lookup(w.get(names.AccessToken).Value)
				if info.Status == atlassiantest.StatusLive {
					last = w.clock.Now()
				}
				worst = max(worst, w.clock.Now().Sub(last))
				w.clock.Advance(every - w.clock.Now().Sub(begun))
			}
			require.Less(t, worst, 10*time.Minute, "consumers have a living access token")
			w.requireAlive(0)
		})
	}
}
