package keeper_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// Values that cannot be refresh tokens are never presented, and never reported as a
// lost family.
func TestWhatCannotBeATokenIsNotPresented(t *testing.T) {
	values := []string{"CHANGE_ME", "null", "None", "undefined", "****", "$REFRESH_TOKEN", "fill me", "{}", "refresh_token=x",
		`{"access_token":"a","refresh_token":"r"}`, "two words", "line\nbreak"}
	for _, value := range values {
		t.Run("over a family: "+value, func(t *testing.T) {
			w := due(t)
			newest := w.get(names.RefreshToken).Value
			w.put(names.RefreshToken, value)
			out := w.want(keeper.Rotated)
			require.NotEmpty(t, out.Foreign)
			require.Equal(t, 1, w.spends(), "the family's own")
			require.NotEqual(t, newest, w.get(names.RefreshToken).Value)
			w.requireKept()
		})
		t.Run("as the first value: "+value, func(t *testing.T) {
			w := newWorld(t)
			tokens := w.consent()
			w.remove(names.RefreshToken)
			w.put(names.RefreshToken, value)
			posts := w.posts()
			out, _ := w.tick()
			require.Contains(t, []keeper.Action{keeper.AwaitingConsent, keeper.Misconfigured}, out.Action, out.Reason)
			require.Equal(t, posts, w.posts())
			w.put(names.RefreshToken, tokens.Refresh.Reveal())
			w.clock.Advance(5 * time.Minute)
			w.want(keeper.Rotated)
			w.requireKept()
		})
	}
	t.Run("the access token, opaque as it is", func(t *testing.T) {
		w := due(t)
		w.put(names.RefreshToken, w.get(names.AccessToken).Value.Reveal())
		require.Contains(t, w.want(keeper.Rotated).Foreign, "access token")
		require.Equal(t, 1, w.spends())
		w.requireKept()
	})
}

// A refusal may be mistaken: for one answer, or for hours. The family is presented
// again, now and then, and goes on.
func TestARefusalThatWasMistaken(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		code   string
		times  int
		// refused is what the first ticks report, and within when it is kept again.
		first  keeper.Action
		within time.Duration
	}{
		{"one 403 unauthorized_client", 403, "unauthorized_client", 1, keeper.Refused, 5 * time.Minute},
		{"one 403 invalid_grant", 403, "invalid_grant", 1, keeper.Refused, 5 * time.Minute},
		{"one 400 invalid_grant", 400, "invalid_grant", 1, keeper.Refused, 5 * time.Minute},
		{"two of them", 403, "unauthorized_client", 2, keeper.Refused, 65 * time.Minute},
		{"three of them", 403, "unauthorized_client", 3, keeper.Refused, 7*time.Hour + 10*time.Minute},
		{"one 400 invalid_request", 400, "invalid_request", 1, keeper.Failed, 10 * time.Minute},
		{"three 400 invalid_request", 400, "invalid_request", 3, keeper.Failed, 35 * time.Minute},
		{"a day of 400 invalid_request", 400, "invalid_request", 12, keeper.Failed, 4 * 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := due(t)
			w.answer(c.status, c.code, c.times)
			w.want(c.first)
			for waited := time.Duration(0); w.outcome().Action != keeper.Rotated; waited += 5 * time.Minute {
				require.Less(t, waited, c.within)
				w.clock.Advance(5 * time.Minute)
			}
			w.requireKept()
		})
	}
	t.Run("a family that is lost is not hammered", func(t *testing.T) {
		w := due(t)
		require.NoError(t, w.em.RevokeGrant(w.fix.Account.ID, w.fix.App.ClientID))
		posts := w.posts()
		w.ticks(24*12, keeper.Refused)
		require.LessOrEqual(t, w.posts()-posts, 7, "a few times a day")
		w.consent()
		w.ticks(1, keeper.Rotated)
		w.requireKept()
	})
}

// One mistaken refusal of the token with which a ledger begins does not bring an
// older consent back.
func TestAMistakenRefusalOfAnAdoptedToken(t *testing.T) {
	w := newWorld(t)
	w.consent()
	w.consent()
	w.answer(403, "unauthorized_client", 1)
	w.want(keeper.Refused)
	w.ticks(1, keeper.Rotated)
	w.requireKept()
	w.ticks(12, keeper.Idle, keeper.Rotated)
	w.requireKept()
}

// Refusals under other codes, and answers that do not come from the token endpoint:
// they do not count as lost answers, and are not repeated without end.
func TestRefusalsUnderOtherCodes(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		want   keeper.Action
	}{
		{400, "unauthorized_client", keeper.Misconfigured},
		{400, "invalid_scope", keeper.Misconfigured},
		{400, "unsupported_grant_type", keeper.Misconfigured},
		{400, "invalid_client", keeper.Misconfigured},
		{401, "", keeper.Misconfigured},
		{401, "invalid_client", keeper.Misconfigured},
		{403, "access_denied", keeper.Misconfigured},
		{403, "invalid_request", keeper.Failed},
		{403, "", keeper.Failed},
		{403, "something_new", keeper.Failed},
		{404, "", keeper.Failed},
		{404, "not_found", keeper.Failed},
		{405, "", keeper.Failed},
		{410, "", keeper.Failed},
		{415, "invalid_request", keeper.Failed},
		{418, "", keeper.Failed},
		{422, "", keeper.Failed},
		{431, "", keeper.Failed},
		{451, "", keeper.Failed},
	} {
		t.Run(fmt.Sprintf("%d %s", c.status, c.code), func(t *testing.T) {
			w := due(t)
			s := w.answer(c.status, c.code, 1000)
			w.want(c.want)
			require.Equal(t, 1, s.asked, "once a tick")
			require.Nil(t, w.ledger().Intent, "nothing is in doubt")
			w.ticks(12)
			require.LessOrEqual(t, s.asked, 6, "with a growing wait")
			require.GreaterOrEqual(t, s.asked, 3)
			w.ticks(24 * 12)
			require.LessOrEqual(t, s.asked, 36, "once an hour at most")
			s.times = 0
			for range 7 * 12 { // a refused one is probed every six hours
				w.ticks(1)
			}
			w.requireKept()
		})
	}
}

// What Atlassian asks us to wait never outlives the access token.
func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		header string
		within time.Duration
	}{
		{"0", 5 * time.Minute}, {"", 5 * time.Minute}, {"60", 5 * time.Minute}, {"600", 15 * time.Minute}, {"soon", 5 * time.Minute},
		{"-1", 5 * time.Minute}, {"86400", 20 * time.Minute}, {"3600000", 20 * time.Minute}, {"1795500000000", 20 * time.Minute},
		{"99999999999999999999", 20 * time.Minute}, {"Thu, 31 Dec 2099 23:59:59 GMT", 20 * time.Minute}, {"Thu, 01 Jan 1970 00:00:00 GMT", 5 * time.Minute},
	} {
		for _, status := range []int{429, 503} {
			t.Run(fmt.Sprintf("%d, %s", status, c.header), func(t *testing.T) {
				w := due(t) // 20 minutes are left
				s := w.answer(status, "", 1)
				s.header = http.Header{"Retry-After": {c.header}}
				w.tick()
				for waited := time.Duration(0); w.spends() < 2; waited += time.Minute {
					require.LessOrEqual(t, waited, c.within)
					w.clock.Advance(time.Minute)
					w.tick()
				}
				w.requireKept()
				require.Positive(t, *w.outcome().AccessTokenSecondsRemaining)
			})
		}
	}
}

// An answer in hand is not thrown away because it is compressed.
func TestAnAnswerThatIsCompressedUnasked(t *testing.T) {
	w := due(t)
	compress := &compressing{}
	w.client.HTTPClient = &http.Client{Transport: compress}
	w.want(keeper.Rotated)
	require.Equal(t, 1, compress.compressed)
	require.Equal(t, 1, w.spends())
	w.requireKept()
}

// compressing compresses every answer of the emulator.
type compressing struct{ compressed int }

func (c *compressing) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	c.compressed++
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	if _, err := io.Copy(zip, resp.Body); err != nil {
		return nil, err
	}
	if err := errors.Join(zip.Close(), resp.Body.Close()); err != nil {
		return nil, err
	}
	resp.Header.Set("Content-Encoding", "gzip")
	resp.Header.Del("Content-Length")
	resp.Body, resp.ContentLength = io.NopCloser(&zipped), -1
	return resp, nil
}

// The stated life of an access token is believed only within sensible limits.
func TestExpiresInOfNothing(t *testing.T) {
	for _, odd := range []string{"0", "-5", "-1e9"} {
		t.Run("expires_in "+odd, func(t *testing.T) {
			w := due(t)
			require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After,
				Kind: atlassiantest.KindExpiresIn, ExpiresIn: []byte(odd), Times: 1}))
			require.Zero(t, *w.want(keeper.Rotated).AccessTokenSecondsRemaining, "no hour is assumed")
			w.ticks(1, keeper.Rotated)
			require.Equal(t, 3600.0, *w.outcome().AccessTokenSecondsRemaining)
			w.requireKept()
		})
	}
}

// A refused token is probed, the answer is lost, and then the token is refused
// again. The probe may have spent it, so it is replayed inside that leeway.
func TestAProbeWhoseAnswerIsLost(t *testing.T) {
	w := due(t)
	w.answer(403, "unauthorized_client", 1)
	w.want(keeper.Refused)
	w.clock.Advance(time.Hour + time.Minute)
	w.after = func(_ int, op string) error {
		if op != "post" {
			return nil
		}
		w.after = nil
		w.answer(403, "unauthorized_client", 2)
		return errFault
	}
	w.want(keeper.InDoubt)
	w.ticks(1, keeper.Replayed)
	w.requireKept()
}

// Atlassian refuses a candidate, and then the token in doubt. The same tick presents that
// again, unless the candidate may be its successor: then the two take turns.
func TestATokenInDoubtIsRefusedBesideACandidate(t *testing.T) {
	const token = "a-t0ken-that-n0body-has-ever-issued-to-anybody"
	for candidate, c := range map[string]struct {
		world func(*testing.T) *world
		posts int
	}{
		"none": {func(t *testing.T) *world { return due(t) }, 3},
		"a stranger's": {func(t *testing.T) *world {
			w := settledWorld(t)
			w.put(names.RefreshToken, token)
			w.want(keeper.Restored)
			w.ticks(2)
			w.clock.Advance(40 * time.Minute)
			return w
		}, 3},
		"perhaps psoxy's": {func(t *testing.T) *world {
			w := shared(t)
			w.psoxy.saves(atlassiantest.Tokens{Access: atlassian.NewSecret("its-access-token"), Refresh: atlassian.NewSecret(token)}, 2)
			w.tick() // it is refused
			w.clock.Advance(3 * time.Minute)
			return w
		}, 2},
	} {
		w := c.world(t)
		posted := 0
		w.after = func(_ int, op string) error {
			if op != "post" {
				return nil
			}
			if posted++; posted == 1 {
				w.answer(403, "unauthorized_client", 2)
				return errFault
			}
			return nil
		}
		w.want(keeper.InDoubt)
		require.Equal(t, c.posts, posted, candidate)
	}
}

// A token in doubt that Atlassian calls malformed for hours is damaged: it is taken for
// refused, so that an older one in the history gets its turn.
func TestATokenInDoubtThatIsAlwaysMalformed(t *testing.T) {
	w := due(t)
	w.inject(atlassiantest.After, 502, 3)
	w.want(keeper.InDoubt)
	w.answer(400, "invalid_request", 100)
	w.ticks(36)
	require.True(t, w.ledger().Record.Refused())
	require.False(t, w.ledger().InDoubt())
}
