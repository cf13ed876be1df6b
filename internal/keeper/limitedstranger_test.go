package keeper_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// answering answers every request that presents the token with the same status, and counts them.
func answering(w *world, token string, status int, body string) (asked *int) {
	asked = new(int)
	w.client.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		var q struct {
			Refresh string `json:"refresh_token"`
		}
		if json.Unmarshal(b, &q) == nil && q.Refresh == token {
			*asked++
			return answer(r, status, []byte(body)), nil
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
		return http.DefaultTransport.RoundTrip(r)
	})}
	return asked
}

// What stands in REFRESH_TOKEN is no token, and whoever presents it is limited in rate. The
// family's own token is rotated all the same.
func TestAStrangerIsLimitedForEver(t *testing.T) {
	const garbage = "k3j5h2k3j5h2k3j5h2k3j5h2Zq9"
	for _, status := range []int{407, 421, 425, 429} {
		for _, every := range []time.Duration{time.Minute, 5 * time.Minute} {
			t.Run(fmt.Sprintf("%d every %s", status, every), func(t *testing.T) {
				w := settledWorld(t)
				asked := answering(w, garbage, status, "")
				w.put(names.RefreshToken, garbage)
				for range 12 * time.Hour / every {
					w.clock.Advance(every)
					w.tick()
					info, _ := w.em.Lookup(w.get(names.AccessToken).Value)
					require.Equal(t, atlassiantest.StatusLive, info.Status, w.clock.Now())
				}
				require.LessOrEqual(t, *asked, int(12*time.Hour/(3*time.Minute)))
				w.requireAlive(0)
			})
		}
	}
}
