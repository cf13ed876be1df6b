package keeper_test

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// Each kind of answer, at a first spend.
func TestAnswers(t *testing.T) {
	fault := func(when atlassiantest.When, kind atlassiantest.Kind, change ...func(*atlassiantest.Fault)) func(*world) {
		return func(w *world) {
			f := atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: when, Kind: kind, Times: 1}
			for _, c := range change {
				c(&f)
			}
			require.NoError(w.t, w.em.Inject(f))
		}
	}
	status := func(code int) func(*atlassiantest.Fault) { return func(f *atlassiantest.Fault) { f.Status = code } }
	times := func(n int) func(*atlassiantest.Fault) { return func(f *atlassiantest.Fault) { f.Times = n } }
	code := func(s string) func(*atlassiantest.Fault) { return func(f *atlassiantest.Fault) { f.Code = s } }
	encoding := func(s string) func(*atlassiantest.Fault) { return func(f *atlassiantest.Fault) { f.Encoding = s } }
	retry := func(s string) func(*atlassiantest.Fault) { return func(f *atlassiantest.Fault) { f.RetryAfter = s } }

	for _, c := range []struct {
		name  string
		given func(*world)
		// want is the first tick's action; later are those of the ticks after
		// it, five minutes apart; posts are all the requests.
		want  keeper.Action
		later []keeper.Action
		posts int
	}{
		{"a lost answer is replayed in the same tick", fault(atlassiantest.After, atlassiantest.KindDrop),
			keeper.Replayed, []keeper.Action{keeper.Idle}, 2},
		{"a lost request too", fault(atlassiantest.Before, atlassiantest.KindDrop), keeper.Replayed, []keeper.Action{keeper.Idle}, 2},
		{"HTML with status 200", fault(atlassiantest.After, atlassiantest.KindHTML), keeper.Replayed, nil, 2},
		{"truncated JSON with status 200", fault(atlassiantest.After, atlassiantest.KindTruncated), keeper.Replayed, nil, 2},
		{"an answer cut in the middle", fault(atlassiantest.After, atlassiantest.KindCut), keeper.Replayed, nil, 2},
		{"503 after the commit", fault(atlassiantest.After, atlassiantest.KindStatus, status(503)), keeper.Replayed, nil, 2},
		{"three lost answers", fault(atlassiantest.After, atlassiantest.KindStatus, status(502), times(3)),
			keeper.InDoubt, []keeper.Action{keeper.Replayed, keeper.Idle}, 4},
		{"an outage of a quarter of an hour that commits nothing", fault(atlassiantest.Before, atlassiantest.KindStatus, status(500), times(9)),
			keeper.InDoubt, []keeper.Action{keeper.InDoubt, keeper.InDoubt, keeper.Replayed}, 10},
		{"a rate limit", fault(atlassiantest.Before, atlassiantest.KindStatus, status(429)),
			keeper.Failed, []keeper.Action{keeper.Rotated}, 2},
		{"a rate limit of seven minutes", fault(atlassiantest.Before, atlassiantest.KindStatus, status(429), retry("420")),
			keeper.Failed, []keeper.Action{keeper.Failed, keeper.Rotated}, 2},
		{"a rate limit after a lost answer", func(w *world) {
			fault(atlassiantest.After, atlassiantest.KindStatus, status(502))(w)
			fault(atlassiantest.Before, atlassiantest.KindStatus, status(429))(w)
		}, keeper.Replayed, []keeper.Action{keeper.Idle}, 3},
		{"a rate limit of two minutes after a lost answer", func(w *world) {
			fault(atlassiantest.After, atlassiantest.KindStatus, status(502))(w)
			fault(atlassiantest.Before, atlassiantest.KindStatus, status(429), retry("120"))(w)
		}, keeper.InDoubt, []keeper.Action{keeper.Replayed}, 3},
		{"an answer compressed without being asked for", fault(atlassiantest.After, atlassiantest.KindEncoded, encoding("gzip")),
			keeper.Rotated, []keeper.Action{keeper.Idle}, 1},
		{"one 400 invalid_request", fault(atlassiantest.Before, atlassiantest.KindStatus, status(400), code("invalid_request")),
			keeper.Failed, []keeper.Action{keeper.Rotated, keeper.Idle}, 2},
		{"404, again and again", fault(atlassiantest.Before, atlassiantest.KindStatus, status(404), times(2)),
			keeper.Failed, []keeper.Action{keeper.Failed, keeper.Rotated}, 3},
		{"the app may not refresh", fault(atlassiantest.Before, atlassiantest.KindStatus, status(400), code("unauthorized_client")),
			keeper.Misconfigured, []keeper.Action{keeper.Rotated}, 2},
		{"no refresh token: not rotated", fault(atlassiantest.Before, atlassiantest.KindOmitRefresh), keeper.Replayed, nil, 2},
		{"no refresh token: rotated all the same", fault(atlassiantest.After, atlassiantest.KindOmitRefresh), keeper.Replayed, nil, 2},
		{"no refresh token in all of a tick: rotated all the same", fault(atlassiantest.After, atlassiantest.KindOmitRefresh, times(3)),
			keeper.InDoubt, []keeper.Action{keeper.Replayed, keeper.Idle}, 4},
		{"no refresh token in two ticks: it is kept", fault(atlassiantest.Before, atlassiantest.KindOmitRefresh, times(6)),
			keeper.InDoubt, []keeper.Action{keeper.Replayed, keeper.Idle}, 6},
		{"two answers lost, one without a refresh token", func(w *world) {
			fault(atlassiantest.After, atlassiantest.KindDrop, times(2))(w)
			fault(atlassiantest.After, atlassiantest.KindOmitRefresh)(w)
		}, keeper.InDoubt, []keeper.Action{keeper.Replayed, keeper.Idle}, 4},
		{"the client secret is wrong, then mended", func(w *world) {
			w.put(names.ClientSecret, "wrong")
		}, keeper.Misconfigured, []keeper.Action{keeper.Misconfigured, keeper.Misconfigured, keeper.Misconfigured, keeper.Misconfigured}, 5},
		{"the account is deactivated", func(w *world) { require.NoError(w.t, w.em.Deactivate(w.fix.Account.ID)) },
			keeper.Misconfigured, nil, 1},
		{"the grant was revoked", func(w *world) {
			require.NoError(w.t, w.em.RevokeGrant(w.fix.Account.ID, w.fix.App.ClientID))
		}, keeper.Refused, []keeper.Action{keeper.Refused, keeper.Refused, keeper.Refused}, 3}, // it is looked at three times
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.consent()
			begun := w.posts()
			c.given(w)
			out := w.want(c.want)
			last := c.want
			for _, a := range c.later {
				w.clock.Advance(5*time.Minute - 6*time.Second)
				out = w.want(a)
				last = a
			}
			require.Equal(t, c.posts, w.posts()-begun)
			if last.Healthy() {
				w.requireKept()
			}
			if last != keeper.InDoubt {
				require.Zero(t, w.get(names.Lock).Version, "the lock is released")
			}
			require.NotEmpty(t, out.Reason)
		})
	}
}

// A proxy may refuse an answer that Atlassian has given. As long as the leeway lasts, the
// token is presented again soon enough.
func TestARefusalInThePlaceOfACommittedAnswer(t *testing.T) {
	for _, status := range []int{401, 403, 404} {
		w := newWorld(t)
		w.consent()
		begun := w.posts()
		require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After,
			Kind: atlassiantest.KindStatus, Status: status, Times: 2}))
		for range 5 { // until eight minutes after the first
			w.tick()
			w.clock.Advance(2 * time.Minute)
		}
		require.Equal(t, 3, w.posts()-begun, status)
		w.requireKept()
	}
	for name, s := range map[string]script{
		"unauthorized_client": {status: 403, body: `{"error":"unauthorized_client"}`, times: 1},
		"invalid_grant":       {status: 400, body: `{"error":"invalid_grant"}`, times: 1},
	} {
		t.Run("which is a refusal, "+name, func(t *testing.T) {
			w := due(t)
			s.commits = true
			w.client.HTTPClient = &http.Client{Transport: &s}
			w.want(keeper.Refused)
			w.ticks(1, keeper.Rotated)
			require.Equal(t, 1, s.asked)
			w.requireKept()
		})
	}
}

// An answer is damaged on its way, or is an older one from a cache: it is asked for again.
// Only a form that three different answers have is believed: the server has come to use it.
func TestAnUnlikelySuccessor(t *testing.T) {
	body := func(refresh, access string) string {
		return fmt.Sprintf(`{"refresh_token":%q,"access_token":%q,"expires_in":3600}`, refresh, access)
	}
	for name, c := range map[string]struct {
		refresh string
		times   int
		want    keeper.Action
	}{
		"redacted":                     {"REDACTED", 1, keeper.Replayed},
		"redacted twice":               {"REDACTED", 2, keeper.Replayed},
		"from a cache":                 {"", 1, keeper.Replayed},
		"from a cache, in all answers": {"", 3, keeper.InDoubt},
		"redacted in all answers":      {"REDACTED", 3, keeper.InDoubt},
	} {
		t.Run(name, func(t *testing.T) {
			w := settledWorld(t)
			older := w.rotations(2)[0].Value.Reveal()
			w.clock.Advance(40 * time.Minute)
			s := &script{status: 200, body: body(cmp.Or(c.refresh, older), "an-access-token-0123456789"), times: c.times, commits: true}
			w.client.HTTPClient = &http.Client{Transport: s}
			w.want(c.want)
			require.Equal(t, c.times, s.asked)
			w.ticks(1, keeper.Idle, keeper.Replayed)
			w.requireKept()
		})
	}
	t.Run("from a cache, and redacted", func(t *testing.T) {
		w := settledWorld(t)
		older := w.rotations(2)
		w.clock.Advance(40 * time.Minute)
		answers := []string{older[0].Value.Reveal(), older[1].Value.Reveal(), "xxxxxxxxxxxxxxxxxxxxxxxx"}
		w.client.HTTPClient = &http.Client{Transport: &rewriter{change: func(n int, pair map[string]any) {
			if n < len(answers) {
				pair["refresh_token"] = answers[n]
			}
		}}}
		w.want(keeper.InDoubt)
		w.ticks(1, keeper.Replayed)
		w.requireKept()
	})
	t.Run("of an odd form", func(t *testing.T) {
		w := due(t)
		w.client.HTTPClient = &http.Client{Transport: &rewriter{change: func(n int, pair map[string]any) {
			pair["refresh_token"] = strings.Repeat(string(rune('a'+n)), 24)
		}}}
		w.want(keeper.Replayed)
		require.Equal(t, strings.Repeat("c", 24), w.ledger().Refresh.Reveal())
		w.ticks(9, keeper.Idle, keeper.Rotated)
	})
}

// What holds a successor without a usable access token is kept. The access token before
// is left as it is until the next rotation, which waits for four minutes.
func TestASuccessorWithoutAnAccessToken(t *testing.T) {
	w := newWorld(t)
	w.consent()
	w.want(keeper.Rotated)
	before := w.get(names.AccessToken)
	w.clock.Advance(40 * time.Minute)
	require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After,
		Kind: atlassiantest.KindOmitAccess, Times: 1}))
	begun := w.posts()
	out := w.want(keeper.Rotated)
	require.Equal(t, before.Version, w.get(names.AccessToken).Version)
	require.LessOrEqual(t, *out.AccessTokenSecondsRemaining, 600.0, "it ends with the refresh token before")
	info, _ := w.em.Lookup(w.get(names.RefreshToken).Value)
	require.Equal(t, atlassiantest.StatusLive, info.Status)
	w.clock.Advance(3 * time.Minute)
	w.want(keeper.Idle)
	w.clock.Advance(time.Minute)
	w.want(keeper.Rotated)
	require.Greater(t, w.get(names.AccessToken).Version, before.Version)
	require.Equal(t, 2, w.posts()-begun)
	w.requireKept()
}

// The emulator's cheap tokens say nothing of their own life.
func TestOddExpiresIn(t *testing.T) {
	for odd, seconds := range map[string]float64{``: 3600, `0`: 0, `-5`: 0, `"soon"`: 3600, `99999999999`: 3600, `"3600"`: 3600} {
		t.Run("expires_in "+odd, func(t *testing.T) {
			w := newWorld(t)
			w.consent()
			require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After,
				Kind: atlassiantest.KindExpiresIn, ExpiresIn: []byte(odd), Times: 1}))
			out := w.want(keeper.Rotated)
			require.Equal(t, seconds, *out.AccessTokenSecondsRemaining)
			w.requireKept()
			w.clock.Advance(5 * time.Minute)
			if seconds == 0 { // of no use already: the next tick asks for a better one
				w.want(keeper.Rotated)
			}
			w.want(keeper.Idle)
		})
	}
}

func TestWrongSecretIsMended(t *testing.T) {
	w := newWorld(t)
	w.consent()
	w.put(names.ClientSecret, "wrong")
	token := w.get(names.RefreshToken)
	w.want(keeper.Misconfigured)
	require.Equal(t, token, w.get(names.RefreshToken), "nothing was spent")
	w.clock.Advance(5 * time.Minute)
	w.want(keeper.Misconfigured)
	posts := w.posts()
	w.clock.Advance(time.Minute)
	w.want(keeper.Misconfigured)
	require.Equal(t, posts, w.posts(), "wrong credentials are not hammered")
	w.put(names.ClientSecret, w.fix.App.ClientSecret.Reveal())
	w.want(keeper.Rotated)
	w.requireKept()
}

// A refresh token that is presented with another app's credentials is refused like a dead
// one. A person may fill in a new app's values one after the other, or mistake one app for
// another. The family must not be lost by it, also where nobody knows to which app an
// adopted token was given.
func TestAnotherAppsCredentialsAreMended(t *testing.T) {
	w := newWorld(t)
	w.consent()
	storeAnotherApp(w)
	for range 3 {
		w.want(keeper.Refused)
		w.clock.Advance(5 * time.Minute)
	}
	posts := w.posts()
	w.want(keeper.Refused)
	require.Equal(t, posts, w.posts(), "a refused token is not hammered")

	w.put(names.ClientID, w.fix.App.ClientID)
	w.put(names.ClientSecret, w.fix.App.ClientSecret.Reveal())
	w.want(keeper.Rotated)
	w.requireKept()
}

// A refusal of a token that was replaced between reading and presenting it is not
// believed.
func TestRefusalIsBelievedOnlyAfterARead(t *testing.T) {
	w := newWorld(t)
	w.consent()
	w.want(keeper.Rotated)
	require.NoError(t, w.em.RevokeGrant(w.fix.Account.ID, w.fix.App.ClientID))
	w.clock.Advance(40 * time.Minute)
	w.before = func(_ int, op string) error {
		if op == "post" {
			w.before = nil
			w.consent()
		}
		return nil
	}
	w.want(keeper.Rotated)
	w.requireKept()
}

// A login page for hours: once the leeway is long over, the
// token is presented every few minutes, once each time, and the report says so.
func TestAnswersThatAreLostForHours(t *testing.T) {
	w := due(t)
	s := &script{status: 302, header: http.Header{"Location": {"https://sso.example.com/login"}}, times: 1000}
	w.client.HTTPClient = &http.Client{Transport: s}
	var last keeper.Outcome
	for range 30 {
		last = w.outcome()
		w.clock.Advance(2*time.Minute - 6*time.Second)
	}
	begun := s.asked
	for range 30 {
		last = w.outcome()
		w.clock.Advance(2 * time.Minute)
	}
	require.Equal(t, keeper.InDoubt, last.Action)
	require.NotContains(t, last.Reason, "within the leeway")
	require.LessOrEqual(t, s.asked-begun, 20)
	s.times = 0
	w.ticks(3)
	w.requireKept()
}

// The leeway is over and every answer was lost for certain.
func TestLostAnswerAndALongOutage(t *testing.T) {
	for _, committed := range []bool{false, true} {
		w := newWorld(t)
		w.consent()
		w.want(keeper.Rotated)
		w.clock.Advance(40 * time.Minute)
		when := atlassiantest.Before
		if committed {
			when = atlassiantest.After
		}
		require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: when, Kind: atlassiantest.KindStatus, Status: 503, Times: 1}))
		require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.Before, Kind: atlassiantest.KindStatus, Status: 503}))
		for range 36 { // three hours
			w.want(keeper.InDoubt)
			w.clock.Advance(5 * time.Minute)
		}
		w.em.ClearFaults()
		if committed {
			w.want(keeper.InDoubt) // until the leeway of the last lost answer is over
			w.clock.Advance(5 * time.Minute)
			w.want(keeper.Refused)
			death := w.em.Families()[0].Death
			require.NotNil(t, death)
			continue
		}
		w.want(keeper.Replayed)
		w.requireKept()
	}
}
