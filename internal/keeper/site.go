package keeper

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// SiteLister lists the sites that an access token reaches; *atlassian.Client is one.
type SiteLister interface {
	// AccessibleResources is the client's. Asking spends nothing.
	AccessibleResources(ctx context.Context, access atlassian.Secret) ([]atlassian.Resource, error)
}

const (
	// siteTimeout bounds one question about a site.
	siteTimeout = 10 * time.Second
	// siteRetry is the pause after a question about a connection's site that got
	// no answer.
	siteRetry = time.Hour
	// siteSpacing is the time between two questions of this process, so that many
	// connections do not delay each other.
	siteSpacing = time.Second
)

// askSite asks, once a day and when nothing else is to be done, whether the
// access token still reaches the site that consumers read. An administrator can
// block an app, and an account can lose a site, while every rotation succeeds.
//
// The answer is kept in the ledger. If another entry comes first, it is asked again.
func (t *tick) askSite(ctx context.Context, v view, out Outcome) Outcome {
	r := v.State.Record
	access := v.AccessToken.Value
	readable := isNewest(access, r) && v.Now.Before(r.AccessExpiresAt.Add(-time.Minute))
	if t.Sites == nil || !readable || !family.SiteDue(v.Snapshot) || !t.clock.left(siteTimeout+lastCall) || !t.mayAsk(t.memory, t.clock.now()) {
		return out
	}
	asking, cancel := context.WithTimeout(ctx, siteTimeout)
	defer cancel()
	list, err := t.Sites.AccessibleResources(asking, access)
	if err != nil {
		t.memory.siteAfter = t.clock.now().Add(siteRetry)
		t.log.Warn("Atlassian did not say which sites the access token reaches; it is asked again in an hour", "error", err)
		return out
	}
	at := indexOfSite(list, v.Site())
	if at < 0 && r.CloudID != "" { // CLOUD_ID was written over
		at = indexOfSite(list, r.CloudID)
	}
	state := v.State
	state.Record = r.SiteAnswered(at >= 0, t.clock.now())
	if at >= 0 && r.SiteMissing > 0 && r.CloudID != "" { // a person has corrected CLOUD_ID
		state.Record.CloudID, state.Record.SiteURL = list[at].ID, list[at].URL
	}
	if _, err := t.append(ctx, v.base, state); err != nil {
		t.log.Warn("what Atlassian said about the site is not saved, and it is asked again", "error", err)
		return out
	}
	out.SiteLost = siteLost(state.Record)
	return out
}

// indexOfSite is the place of a site in a list, or of any where none is meant; -1 without it.
func indexOfSite(list []atlassian.Resource, site string) int {
	return slices.IndexFunc(list, func(one atlassian.Resource) bool { return site == "" || one.ID == site })
}

// mayAsk reports whether a question may be asked now, and notes that it is.
func (k *Keeper) mayAsk(m *memory, now time.Time) bool {
	if now.Before(m.siteAfter) {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if since := now.Sub(k.asked); since >= 0 && since < siteSpacing {
		return false
	}
	k.asked = now
	return true
}

// siteLost says that the site is gone; empty where it is not.
func siteLost(r family.Record) string {
	if !r.SiteGone() {
		return ""
	}
	site := "the site of CLOUD_ID"
	if r.SiteURL != "" {
		site += " (" + r.SiteURL + ")"
	}
	return fmt.Sprintf("at %s the access token did not reach %s any more: consumers fail though rotations succeed", r.SiteAskedAt.Format(time.RFC3339), site)
}
