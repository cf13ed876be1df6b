package keeper_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// malformedUnknown answers as Atlassian documents it for a token that it does not know.
func malformedUnknown(w *world) {
	answering(w, func(token string) (int, string) {
		if _, known := w.em.Lookup(atlassian.NewSecret(token)); known {
			return 0, ""
		}
		return 400, `{"error":"invalid_request"}`
	})
}

// served makes ticks every two minutes until one rotates, and returns how long that took.
func served(w *world, most time.Duration) (took time.Duration) {
	for out, _ := w.tick(); out.Action != keeper.Rotated && out.Action != keeper.Replayed && took < most; took += 2 * time.Minute {
		w.clock.Advance(2 * time.Minute)
		out, _ = w.tick()
	}
	return took
}

// Over the good token stands what the keeper knows to be none before the first tick: it stands
// in another parameter of the connection, too, or it is the token, cut off, or encrypted.
func TestNoTokenOverTheFirst(t *testing.T) {
	for name, value := range map[string]func(w *world, token string) string{
		"the client id":          func(w *world, _ string) string { return w.fix.App.ClientID },
		"the client secret":      func(w *world, _ string) string { return w.fix.App.ClientSecret.Reveal() },
		"the cloud id":           func(w *world, _ string) string { w.put(names.CloudID, w.fix.Site.CloudID); return w.fix.Site.CloudID },
		"cut by four characters": func(_ *world, token string) string { return token[:len(token)-4] },
		"without the first":      func(_ *world, token string) string { return token[1:] },
		"a ciphertext": func(*world, string) string {
			b := make([]byte, 1700)
			_, _ = rand.Read(b)
			copy(b, "\x01\x02\x02\x00\x78")
			return base64.StdEncoding.EncodeToString(b)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			malformedUnknown(w)
			tokens := w.consent()
			w.clock.Advance(time.Minute)
			w.put(names.RefreshToken, value(w, tokens.Refresh.Reveal()))
			require.Zero(t, served(w, time.Hour))
			w.requireKept()
		})
	}
}

// Over a family, it is put right.
func TestWhatAnotherParameterHolds(t *testing.T) {
	w := settledWorld(t)
	posts := w.posts()
	w.put(names.RefreshToken, w.fix.App.ClientSecret.Reveal())
	require.Contains(t, w.want(keeper.Restored).Foreign, names.ClientSecret)
	require.Equal(t, posts, w.posts())
}

// Nobody can know that what lies over the first token is none. Atlassian cannot read it: it is
// asked about ever more rarely, and what lies under it has its turn.
func TestWhatIsUnreadableOverTheFirstToken(t *testing.T) {
	for name, damaged := range map[string]func(string) string{
		"of nobody":      func(string) string { return "k3j5h2k3j5h2k3j5h2k3j5h2" },
		"name and colon": func(token string) string { return "rt:" + token },
	} {
		for _, again := range []bool{false, true} {
			t.Run(fmt.Sprint(name, again), func(t *testing.T) {
				w := newWorld(t)
				malformedUnknown(w)
				tokens := w.consent()
				w.clock.Advance(time.Minute)
				w.put(names.RefreshToken, damaged(tokens.Refresh.Reveal()))
				w.ticks(2)
				most := 2 * time.Hour
				if again { // a person stores the good one once more
					w.clock.Advance(time.Minute)
					w.put(names.RefreshToken, tokens.Refresh.Reveal())
					most = 0
				}
				require.LessOrEqual(t, served(w, 24*time.Hour), most)
				require.Less(t, w.posts(), 60)
				w.requireKept()
			})
		}
	}
}

// A gateway answers in Atlassian's place from the first tick on, and psoxy has stored tokens
// before that. The newest one is kept.
func TestAGatewayAtTheSetUp(t *testing.T) {
	for _, s := range []script{{status: 404}, {status: 403, body: "<html>"}, {status: 405}, {status: 400, body: `{"error":"invalid_request"}`}} {
		t.Run(fmt.Sprint(s.status), func(t *testing.T) {
			w := newWorld(t)
			w.consent()
			for range 3 {
				w.clock.Advance(55 * time.Minute)
				made := w.psoxy.spends()
				w.put(names.AccessToken, made.Access.Reveal())
				w.put(names.RefreshToken, made.Refresh.Reveal())
			}
			w.clock.Advance(30 * time.Minute)
			s.times = 1 << 30
			w.client.HTTPClient = &http.Client{Transport: &s}
			everyTwoMinutes(w, 24*time.Hour)
			require.Less(t, s.asked, 60)
			w.client.HTTPClient = nil
			everyTwoMinutes(w, 7*time.Hour)
			w.requireKept()
		})
	}
}

// psoxy has stored tokens before the first tick, and a person has put the newest refresh token
// into ACCESS_TOKEN, too. What lies under it is spent, and must not be presented in its place.
func TestTheNewestTokenStandsInAccessTokenToo(t *testing.T) {
	w := newWorld(t)
	w.consent()
	w.clock.Advance(55 * time.Minute)
	made := w.psoxy.spends()
	w.put(names.RefreshToken, made.Refresh.Reveal())
	w.put(names.AccessToken, made.Refresh.Reveal())
	w.clock.Advance(30 * time.Minute)
	w.ticks(3)
	w.requireKept()
}

// A family is lost; a person consents by hand, and pastes the new refresh token into both
// parameters. It is the only living token.
func TestANewTokenInBothParameters(t *testing.T) {
	w := due(t)
	require.NoError(t, w.em.RevokeGrant(w.fix.Account.ID, w.fix.App.ClientID))
	w.ticks(24, keeper.Refused)
	w.restart()
	fresh := w.consent()
	w.put(names.AccessToken, fresh.Refresh.Reveal())
	took := served(w, time.Hour)
	out, _ := w.tick()
	require.Less(t, took, 20*time.Minute, "%s: %s; %s", out.Action, out.Reason, out.Foreign)
	w.requireKept()
}

// A person pastes the first token with something before it, and corrects that before the first
// tick: the newest version is the right one.
func TestACorrectedPasteBeforeTheFirstTick(t *testing.T) {
	for _, malformed := range []bool{true, false} {
		t.Run(fmt.Sprint(malformed), func(t *testing.T) {
			w := newWorld(t)
			if malformed {
				malformedUnknown(w)
			}
			tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
			require.NoError(t, err)
			w.put(names.ClientID, w.fix.App.ClientID)
			w.put(names.ClientSecret, w.fix.App.ClientSecret.Reveal())
			w.put(names.RefreshToken, "rt:"+tokens.Refresh.Reveal())
			w.clock.Advance(time.Minute)
			w.put(names.RefreshToken, tokens.Refresh.Reveal())
			took := served(w, 24*time.Hour)
			t.Log("served after", took, "posts", w.posts())
			require.Zero(t, took)
			w.requireKept()
		})
	}
}

// The ledger and the process are gone, and a person has put the newest refresh token into
// ACCESS_TOKEN, too. TOKEN_FAMILY names it: it is adopted.
func TestANamedTokenStandsInAccessTokenToo(t *testing.T) {
	w := settledWorld(t)
	w.rotations(3)
	w.want(keeper.Idle)
	w.put(names.AccessToken, w.get(names.RefreshToken).Value.Reveal())
	w.remove(names.Ledger)
	w.restart()
	took := served(w, time.Hour)
	out, _ := w.tick()
	require.Less(t, took, 20*time.Minute, "%s: %s", out.Action, out.Reason)
	w.requireKept()
}
