package keeper_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// asked counts the questions about sites, and fails them while err is set.
type asked struct {
	*world
	times int
	err   error
}

func (a *asked) AccessibleResources(ctx context.Context, access atlassian.Secret) ([]atlassian.Resource, error) {
	a.times++
	if a.err != nil {
		return nil, a.err
	}
	return a.client.AccessibleResources(ctx, access)
}

// siteWorld is a settled connection whose keeper asks for sites.
func siteWorld(t *testing.T) (*world, *asked) {
	w := settledWorld(t)
	w.put(names.CloudID, w.fix.Site.CloudID)
	a := &asked{world: w}
	w.keeper.Sites = a
	return w, a
}

// hours lets time pass, with a tick every five minutes, until Atlassian was asked
// so often or the hours are over.
func (a *asked) hours(n int, until int) (last keeper.Outcome) {
	for range n * 12 {
		if a.times >= until {
			break
		}
		a.clock.Advance(5 * time.Minute)
		last, _ = a.tick()
		require.True(a.t, last.Action.Healthy(), last.Reason)
	}
	return last
}

func TestASiteIsLookedForOnceADay(t *testing.T) {
	w, a := siteWorld(t)
	for range 3 {
		require.Empty(t, a.hours(24, 1e9).SiteLost)
		w.restart() // the answer outlives the process
		w.keeper.Sites = a
	}
	require.Equal(t, 3, a.times)
	require.WithinDuration(t, w.clock.Now(), w.record().SiteAskedAt, 25*time.Hour)
	w.requireKept()
}

func TestASiteIsLost(t *testing.T) {
	w, a := siteWorld(t)
	a.hours(1, 1)
	w.blocked()
	require.Empty(t, a.hours(48, 2).SiteLost, "the list is empty for a moment at times")
	require.Contains(t, a.hours(1, 3).SiteLost, "rotations succeed")
	require.Equal(t, 3, a.times)

	// The next ticks, and another process, report it without asking.
	w.restart()
	out, _ := w.tick()
	require.NotEmpty(t, out.SiteLost)
	w.keeper.Sites = a
	w.em.ClearFaults()
	require.Empty(t, a.hours(2, 4).SiteLost, "it is asked for every hour while it is gone")
	w.requireKept()
}

// An answer that is lost says nothing of the site.
func TestASiteThatCannotBeAskedFor(t *testing.T) {
	w, a := siteWorld(t)
	a.err = errors.New("no answer")
	require.Empty(t, a.hours(5, 1e9).SiteLost)
	require.Equal(t, 5, a.times, "an hour lies between two questions")
	a.err = nil
	a.hours(2, 6)
	require.Zero(t, w.record().SiteMissing)
}

// Without CLOUD_ID any site will do; another one than CLOUD_ID's will not.
func TestWhichSiteIsLookedFor(t *testing.T) {
	t.Run("any", func(t *testing.T) {
		w, a := siteWorld(t)
		w.remove(names.CloudID)
		a.hours(1, 1)
		require.Equal(t, 0, w.ledger().Record.SiteMissing)
	})
	t.Run("another", func(t *testing.T) {
		w, a := siteWorld(t)
		w.put(names.CloudID, "1324a887-45db-1bf4-1e99-ef0ff456d421")
		a.hours(1, 1)
		require.Equal(t, 1, w.ledger().Record.SiteMissing)
	})
}

// No question comes before a rotation, delays a sick connection, or is asked with a
// token that is not the newest.
func TestWhenNoSiteIsLookedFor(t *testing.T) {
	for name, prepare := range map[string]func(*world){
		"a rotation is due":      func(w *world) { w.clock.Advance(40 * time.Minute) },
		"the token is not known": func(w *world) { w.put(names.AccessToken, "another") },
		"no time is left":        func(w *world) { w.limit = 15 * time.Second },
		"the secret is missing":  func(w *world) { w.remove(names.ClientSecret) },
	} {
		t.Run(name, func(t *testing.T) {
			w, a := siteWorld(t)
			w.restart()
			w.keeper.Sites = a
			prepare(w)
			_, ok := w.tick()
			require.True(t, ok)
			require.Zero(t, a.times)
		})
	}
}

// A consent's site is lost, and a person corrects CLOUD_ID, as the runbook says. Atlassian's
// list confirms that. While no site is lost, another value is put back.
func TestCloudIDIsCorrected(t *testing.T) {
	w, a := siteWorld(t)
	_, err := w.consentBy(w.keeper, w.obtain)
	require.NoError(t, err)
	a.hours(48, 2)
	require.Equal(t, "site", w.get(names.CloudID).Value.Reveal())
	w.clock.Advance(5 * time.Minute)
	out, _ := w.tick()
	require.NotEmpty(t, out.SiteLost)
	w.put(names.CloudID, w.fix.Site.CloudID)
	w.keeper.Sites = nil
	w.tick()
	require.Equal(t, w.fix.Site.CloudID, w.get(names.CloudID).Value.Reveal(), "until Atlassian is asked")
	w.keeper.Sites = a
	w.clock.Advance(5 * time.Minute)
	out, _ = w.tick()
	require.Empty(t, out.SiteLost)
	require.Equal(t, 3, a.times, "at once")
	require.Equal(t, w.fix.Site.CloudID, w.ledger().Record.CloudID)
	w.put(names.CloudID, "1324a887-45db-1bf4-1e99-ef0ff456d421")
	w.ticks(2)
	require.Equal(t, w.fix.Site.CloudID, w.get(names.CloudID).Value.Reveal())
}

// The site is lost for some hours, because an administrator has blocked the app. Meanwhile a
// program puts an old CLOUD_ID back. Then the app is allowed again, and reaches the family's site.
func TestCloudIDIsOverwrittenWhileTheSiteIsLost(t *testing.T) {
	w, a := siteWorld(t)
	_, err := w.consentBy(w.keeper, func(ctx context.Context, s family.Snapshot) (keeper.Grant, error) {
		g, err := w.obtain(ctx, s)
		g.CloudID = w.fix.Site.CloudID
		return g, err
	})
	require.NoError(t, err)
	a.hours(1, 1)
	w.blocked()
	a.hours(48, 3)
	require.True(t, w.ledger().Record.SiteGone())
	w.put(names.CloudID, "1324a887-45db-1bf4-1e99-ef0ff456d421")
	w.ticks(6)
	w.em.ClearFaults()
	w.ticks(36)
	require.Equal(t, w.fix.Site.CloudID, w.get(names.CloudID).Value.Reveal())
	require.Zero(t, w.ledger().Record.SiteMissing)
}

// A year after a consent by tokenkeeper a person consents by hand, and stores the new refresh
// token and the cloud id of another site. That stays.
func TestCloudIDOfAConsentByHand(t *testing.T) {
	const site = "1324a887-45db-1bf4-1e99-ef0ff456d421"
	w := settledWorld(t)
	_, err := w.consentBy(w.keeper, w.obtain)
	require.NoError(t, err)
	w.clock.Advance(2 * time.Minute)
	w.want(keeper.Idle)
	tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	w.put(names.RefreshToken, tokens.Refresh.Reveal())
	w.put(names.CloudID, site)
	w.want(keeper.Rotated)
	w.ticks(2, keeper.Idle)
	require.Equal(t, site, w.get(names.CloudID).Value.Reveal())
}
