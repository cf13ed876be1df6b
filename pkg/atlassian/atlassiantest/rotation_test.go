package atlassiantest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

func TestReplayAtTheEdgesOfTheReuseInterval(t *testing.T) {
	for _, c := range []struct {
		after time.Duration
		kills bool
	}{
		{0, false},
		{reuse - 1, false},
		{reuse, true},
		{reuse + 1, true},
		{24 * time.Hour, true},
	} {
		t.Run(c.after.String(), func(t *testing.T) {
			w := cheapWorld(t, nil)
			first := w.authorize(t)
			w.clock.Advance(time.Minute)
			second := w.refresh(t, first)
			w.clock.Advance(c.after)
			if !c.kills {
				sibling := w.refresh(t, first)
				require.NotEqual(t, second.Refresh, sibling.Refresh)
				info, ok := w.e.Lookup(sibling.Refresh)
				require.True(t, ok)
				require.Equal(t, 1, info.Generation)
				require.Equal(t, 1, info.Sibling)
				w.refresh(t, second) // siblings live by default
				w.requireAlive(t, first)
				return
			}
			w.refused(t, first)
			require.Equal(t, atlassiantest.Death{
				Cause: atlassiantest.CauseReplayedAfterReuseInterval, At: w.clock.Now(), Presenter: "test",
			}, w.death(t, first))
			w.refused(t, second)
			_, err := w.e.ValidateAccess(second.Access)
			requireRefusal(t, err, 401, "", "Unauthorized")
		})
	}
}

// The interval counts from the first spend. A replay does not prolong it.
func TestReplayDoesNotProlongTheInterval(t *testing.T) {
	w := cheapWorld(t, nil)
	first := w.authorize(t)
	w.refresh(t, first)
	w.clock.Advance(9 * time.Minute)
	w.refresh(t, first)
	w.clock.Advance(time.Minute)
	w.refused(t, first)
}

// A spent token is recognised long after its record was dropped.
func TestReplayOfALongForgottenToken(t *testing.T) {
	for name, c := range tokenForms {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c)
			first := w.authorize(t)
			current := first
			for range 5 {
				w.clock.Advance(time.Hour)
				current = w.refresh(t, current)
			}
			info, ok := w.e.Lookup(first.Refresh)
			require.True(t, ok)
			require.Equal(t, atlassiantest.StatusSpent, info.Status)
			w.refused(t, first)
			require.Equal(t, atlassiantest.CauseReplayedAfterReuseInterval, w.death(t, first).Cause)
			w.refused(t, current)
		})
	}
}

func TestOldAccessTokenDiesWithTheReuseInterval(t *testing.T) {
	w := cheapWorld(t, nil)
	first := w.authorize(t)
	w.refresh(t, first)
	w.clock.Advance(reuse - 1)
	_, err := w.e.ValidateAccess(first.Access)
	require.NoError(t, err)
	w.clock.Advance(1)
	_, err = w.e.ValidateAccess(first.Access)
	requireRefusal(t, err, 401, "", "Unauthorized")
	info, ok := w.e.Lookup(first.Access)
	require.True(t, ok)
	require.Equal(t, atlassiantest.StatusSpent, info.Status)
}

func TestOlderGenerationReplayed(t *testing.T) {
	rotateTwice := func(t *testing.T, kills bool) (w *world, first, third atlassiantest.Tokens) {
		w = cheapWorld(t, func(p *atlassiantest.Policy) { p.OlderReplayKills = kills })
		first = w.authorize(t)
		return w, first, w.refresh(t, w.refresh(t, first))
	}
	t.Run("kills", func(t *testing.T) {
		w, first, third := rotateTwice(t, true)
		info, _ := w.e.Lookup(first.Refresh)
		require.Equal(t, atlassiantest.StatusSpent, info.Status)
		w.refused(t, first)
		require.Equal(t, atlassiantest.CauseOlderGenerationReplayed, w.death(t, first).Cause)
		w.refused(t, third)
	})
	t.Run("is accepted", func(t *testing.T) {
		w, first, third := rotateTwice(t, false)
		w.refresh(t, first)
		w.refresh(t, third)
	})
}

// A token becomes an older generation when any of its successors is spent,
// and not before.
func TestSpentSiblingMakesTheParentOlder(t *testing.T) {
	w := cheapWorld(t, nil)
	first := w.authorize(t)
	w.refresh(t, first)
	sibling := w.refresh(t, first)
	w.refresh(t, first)
	w.refresh(t, sibling)
	w.refused(t, first)
	require.Equal(t, atlassiantest.CauseOlderGenerationReplayed, w.death(t, first).Cause)
}

func TestSiblingsDie(t *testing.T) {
	w := cheapWorld(t, func(p *atlassiantest.Policy) { p.SiblingsDie = true })
	first := w.authorize(t)
	second := w.refresh(t, first)
	sibling := w.refresh(t, first)
	_, err := w.e.ValidateAccess(second.Access)
	requireRefusal(t, err, 401, "", "Unauthorized")
	info, _ := w.e.Lookup(second.Refresh)
	require.Equal(t, atlassiantest.StatusRevoked, info.Status)
	_, err = w.e.ValidateAccess(sibling.Access)
	require.NoError(t, err)
	w.refused(t, second)
	require.Equal(t, atlassiantest.CauseRevokedSiblingPresented, w.death(t, first).Cause)
}

// With both settings changed, a replay ends the whole branch of the first successor.
func TestSiblingsDieWithTheirDescendants(t *testing.T) {
	w := cheapWorld(t, func(p *atlassiantest.Policy) { p.SiblingsDie, p.OlderReplayKills = true, false })
	first := w.authorize(t)
	third := w.refresh(t, w.refresh(t, first))
	sibling := w.refresh(t, first)
	info, _ := w.e.Lookup(third.Refresh)
	require.Equal(t, atlassiantest.StatusRevoked, info.Status)
	w.refresh(t, sibling)
}

func TestZeroReuseIntervalMakesEveryReplayFatal(t *testing.T) {
	w := cheapWorld(t, func(p *atlassiantest.Policy) { p.ReuseInterval = 0 })
	first := w.authorize(t)
	second := w.refresh(t, first)
	w.refused(t, first)
	w.refused(t, second)
}

func TestOmitRefreshOnce(t *testing.T) {
	w := cheapWorld(t, func(p *atlassiantest.Policy) { p.OmitRefreshOnce = true })
	first := w.authorize(t)
	extra := w.refresh(t, first)
	require.True(t, extra.Refresh.IsZero())
	_, err := w.e.ValidateAccess(extra.Access)
	require.NoError(t, err)
	info, _ := w.e.Lookup(first.Refresh)
	require.Equal(t, atlassiantest.StatusLive, info.Status, "the old token stays usable")
	second := w.refresh(t, first)
	require.False(t, second.Refresh.IsZero())
	w.clock.Advance(reuse)
	_, err = w.e.ValidateAccess(extra.Access)
	requireRefusal(t, err, 401, "", "Unauthorized")
}

func TestInjectedWithoutHTTP(t *testing.T) {
	w := cheapWorld(t, nil)
	first := w.authorize(t)
	before := &atlassiantest.Fault{Kind: atlassiantest.KindDrop, When: atlassiantest.Before}
	after := &atlassiantest.Fault{Kind: atlassiantest.KindStatus, Status: 502, When: atlassiantest.After}
	omit := &atlassiantest.Fault{Kind: atlassiantest.KindOmitRefresh, When: atlassiantest.After}

	var injected *atlassiantest.InjectedError
	_, err := w.e.RefreshWith(w.request(first), before)
	require.ErrorAs(t, err, &injected)
	require.False(t, injected.Committed)
	require.Equal(t, "injected fault: drop before", err.Error())
	info, _ := w.e.Lookup(first.Refresh)
	require.Equal(t, atlassiantest.StatusLive, info.Status)

	_, err = w.e.RefreshWith(w.request(first), after)
	require.ErrorAs(t, err, &injected)
	require.True(t, injected.Committed)
	info, _ = w.e.Lookup(first.Refresh)
	require.Equal(t, atlassiantest.StatusReusable, info.Status)

	got, err := w.e.RefreshWith(w.request(first), omit)
	require.NoError(t, err)
	require.True(t, got.Refresh.IsZero())

	require.NoError(t, w.e.Inject(atlassiantest.Fault{
		Endpoint: atlassiantest.EndpointToken, Kind: atlassiantest.KindHTML, When: atlassiantest.Before, Times: 2,
		GrantType: "refresh_token",
	}))
	w.authorize(t)
	for range 2 {
		_, err = w.e.Refresh(w.request(first))
		require.ErrorAs(t, err, &injected)
	}
	w.refresh(t, first)

	var outcomes []atlassiantest.Outcome
	for _, ev := range w.e.Events() {
		outcomes = append(outcomes, ev.Outcome)
	}
	require.Equal(t, []atlassiantest.Outcome{
		atlassiantest.OutcomeExchanged, atlassiantest.OutcomeNotReached, atlassiantest.OutcomeRotated,
		atlassiantest.OutcomeReplayed, atlassiantest.OutcomeExchanged, atlassiantest.OutcomeNotReached,
		atlassiantest.OutcomeNotReached, atlassiantest.OutcomeReplayed,
	}, outcomes)
}

func TestClientIsCheckedBeforeTheGrant(t *testing.T) {
	w := cheapWorld(t, nil)
	first := w.authorize(t)
	w.refresh(t, first)
	w.clock.Advance(time.Hour)
	// With the wrong secret even a token that would kill its family is harmless.
	r := w.request(first)
	r.ClientSecret = atlassian.NewSecret("wrong")
	_, err := w.e.Refresh(r)
	requireRefusal(t, err, 401, "access_denied", "Unauthorized")
	r = w.request(first)
	r.ClientID = "nobody"
	_, err = w.e.Refresh(r)
	requireRefusal(t, err, 401, "access_denied", "Unauthorized")
	w.requireAlive(t, first)
}

func TestAnotherAppsTokenDoesNoHarm(t *testing.T) {
	w := cheapWorld(t, nil)
	first := w.authorize(t)
	other, err := w.e.AddApp(atlassiantest.App{RedirectURIs: []string{"https://other.example"}, Owner: w.fix.Account.ID})
	require.NoError(t, err)
	_, err = w.e.Refresh(atlassiantest.RefreshRequest{
		ClientID: other.ClientID, ClientSecret: other.ClientSecret, RefreshToken: first.Refresh,
	})
	requireRefusal(t, err, 403, "unauthorized_client", "refresh_token is invalid")
	w.refresh(t, first)
}

func TestLegacyRefusalBody(t *testing.T) {
	w := cheapWorld(t, func(p *atlassiantest.Policy) { p.LegacyRefusalBody, p.ReuseInterval = true, 0 })
	first := w.authorize(t)
	w.refresh(t, first)
	_, err := w.e.Refresh(w.request(first))
	requireRefusal(t, err, 403, "invalid_grant", "Unknown or invalid refresh token.")
}
