package keeper_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Over the good token stands, before the first tick, what looks like a token and is none. A
// firewall blocks the requests that present it. A person stores the good one again: it is taken
// soon, right after the other one was blocked once more.
func TestABlockedTokenOverTheFirstIsPutRight(t *testing.T) {
	const garbage = "k3j5h2k3j5h2k3j5h2k3j5h2Zq9"
	for _, claims := range []bool{false, true} {
		for _, body := range []string{"", "<html>", `{"error":{"code":"invalid_request"}}`} {
			for _, status := range []int{400, 403, 404, 413, 422} {
				for _, after := range []time.Duration{10 * time.Minute, time.Hour, 25 * time.Hour} {
					t.Run(fmt.Sprintf("%d %s after %s, claims: %v", status, body, after, claims), func(t *testing.T) {
						w := newWorldOf(t, claims)
						tokens := w.consent()
						w.clock.Advance(time.Minute)
						w.put(names.RefreshToken, garbage)
						answering(w, func(token string) (int, string) {
							if token != garbage {
								return 0, ""
							}
							return status, body
						})
						everyTwoMinutes(w, after)
						w.put(names.RefreshToken, tokens.Refresh.Reveal())
						require.LessOrEqual(t, served(w, 24*time.Hour), time.Hour)
						w.requireKept()
					})
				}
			}
		}
	}
}

// The same, but the token that stood there is good: psoxy made it of the older one before the
// first tick, and a gateway blocks some requests. The older one, stored again, is not let through.
func TestAGatewayBlocksSomeRequests(t *testing.T) {
	w := newWorld(t)
	older := w.consent()
	w.clock.Advance(55 * time.Minute)
	newest := w.psoxy.spends()
	w.put(names.RefreshToken, newest.Refresh.Reveal())
	w.put(names.AccessToken, newest.Access.Reveal())
	w.clock.Advance(50 * time.Minute)
	blocked := 3
	answering(w, func(string) (int, string) {
		if blocked--; blocked >= 0 {
			return 404, "<html>"
		}
		return 0, ""
	})
	for tick := range 32 {
		if tick == 2 {
			w.put(names.RefreshToken, older.Refresh.Reveal())
		}
		w.tick()
		w.clock.Advance(5 * time.Minute)
	}
	w.requireKept()
}
