package keeper_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// What stands in REFRESH_TOKEN is no token, and whoever presents it is limited in rate. The
// family's own token is rotated all the same.
func TestAStrangerIsLimitedForEver(t *testing.T) {
	const garbage = "k3j5h2k3j5h2k3j5h2k3j5h2Zq9"
	for _, status := range []int{407, 421, 425, 429} {
		for _, every := range []time.Duration{time.Minute, 5 * time.Minute} {
			t.Run(fmt.Sprintf("%d every %s", status, every), func(t *testing.T) {
				w := settledWorld(t)
				asked := 0
				answering(w, func(token string) (int, string) {
					if token != garbage {
						return 0, ""
					}
					asked++
					return status, ""
				})
				w.put(names.RefreshToken, garbage)
				for range 12 * time.Hour / every {
					w.clock.Advance(every)
					w.tick()
					info, _ := w.em.Lookup(w.get(names.AccessToken).Value)
					require.Equal(t, atlassiantest.StatusLive, info.Status, w.clock.Now())
				}
				require.LessOrEqual(t, asked, int(12*time.Hour/(3*time.Minute)))
				w.requireAlive(0)
			})
		}
	}
}
