package keeper_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// Answers hold no usable access token for hours. The family lives on. As soon as consumers
// are without a token, the ticks that tried fail, and the report says that none is left.
func TestAnswersWithoutAnAccessToken(t *testing.T) {
	w := due(t)
	w.client.HTTPClient = &http.Client{Transport: &rewriter{change: func(_ int, pair map[string]any) { delete(pair, "access_token") }}}
	failed := 0
	for range 60 {
		out, _ := w.tick()
		info, _ := w.em.Lookup(w.get(names.AccessToken).Value)
		if info.Status == atlassiantest.StatusExpired || info.Status == atlassiantest.StatusRevoked {
			require.Zero(t, *out.AccessTokenSecondsRemaining, out.Reason)
			require.NotEqual(t, keeper.Rotated, out.Action)
		}
		if out.Action == keeper.Failed {
			require.Contains(t, out.Reason, "no usable access token")
			failed++
		}
		w.clock.Advance(2 * time.Minute)
	}
	require.Greater(t, failed, 20)
	w.client.HTTPClient = nil
	everyTwoMinutes(w, 6*time.Minute)
	w.requireKept()
}

// What an answer says of the access token is not believed where it cannot be true: that it
// lives longer than Atlassian documents, though no claim says so, or that it is the one before.
func TestAnAccessTokenThatEndsSooner(t *testing.T) {
	for name, change := range map[string]func(pair map[string]any, before string){
		"two hours":      func(pair map[string]any, _ string) { pair["expires_in"] = 7200 },
		"a day":          func(pair map[string]any, _ string) { pair["expires_in"] = "86400" },
		"the one before": func(pair map[string]any, before string) { pair["access_token"] = before },
	} {
		t.Run(name, func(t *testing.T) {
			w := due(t)
			before := w.get(names.AccessToken).Value.Reveal()
			w.client.HTTPClient = &http.Client{Transport: &rewriter{change: func(n int, pair map[string]any) {
				if n == 0 {
					change(pair, before)
				}
			}}}
			for range 60 {
				w.tick()
				info, _ := w.em.Lookup(w.get(names.AccessToken).Value)
				require.Contains(t, []atlassiantest.Status{atlassiantest.StatusLive, atlassiantest.StatusReusable}, info.Status)
				w.clock.Advance(2 * time.Minute)
			}
		})
	}
}

// A program puts an old access token back after every tick. Each tick mends that, and says so.
func TestTheAccessTokenIsWrittenOver(t *testing.T) {
	w := due(t)
	old := w.get(names.AccessToken).Value.Reveal()
	w.want(keeper.Rotated)
	newest := w.get(names.AccessToken).Value.Reveal()
	for range 5 {
		w.clock.Advance(2 * time.Minute)
		w.want(keeper.Idle)
		w.clock.Advance(2 * time.Minute)
		w.put(names.AccessToken, old)
		require.Contains(t, w.want(keeper.Restored).Foreign, names.AccessToken+" was written over")
		require.Equal(t, newest, w.get(names.AccessToken).Value.Reveal())
	}
	t.Run("the copy is only late", func(t *testing.T) {
		w := due(t)
		w.unwritable = map[string]error{names.AccessToken: errFault}
		w.want(keeper.Failed)
		w.unwritable = nil
		w.clock.Advance(2 * time.Minute)
		require.Empty(t, w.want(keeper.Idle).Foreign)
	})
	t.Run("a consent is in use, and its access token is known to another process only", func(t *testing.T) {
		w := due(t)
		grant, err := w.obtain(t.Context(), family.Snapshot{}) // it waits for a decision
		require.NoError(t, err)
		w.clock.Advance(5 * time.Minute)
		w.want(keeper.Rotated)
		ticking := w.keeper
		w.restart()
		w.unwritable = map[string]error{names.AccessToken: errFault}
		_, err = w.consentBy(w.keeper, func(context.Context, family.Snapshot) (keeper.Grant, error) { return grant, nil })
		require.NoError(t, err)
		w.keeper, w.unwritable = ticking, nil
		w.clock.Advance(2 * time.Minute)
		w.inject(atlassiantest.Before, 429, 3) // so that nothing newer comes
		out, _ := w.tick()
		require.Empty(t, out.Foreign)
	})
	t.Run("beside psoxy it may be psoxy's", func(t *testing.T) {
		w := shared(t)
		w.clock.Advance(40 * time.Minute)
		old := w.get(names.AccessToken).Value.Reveal()
		w.want(keeper.Rotated)
		w.clock.Advance(2 * time.Minute)
		w.put(names.AccessToken, old)
		out, _ := w.tick()
		require.Empty(t, out.Foreign)
	})
}
