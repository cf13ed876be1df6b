package consent_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

func TestSeveralSites(t *testing.T) {
	w := newWorld(t)
	second, err := w.em.AddSite(atlassiantest.Site{Name: "<b>zweite</b>"}, w.fix.Account.ID)
	require.NoError(t, err)
	// Each consent adds its site to the grant.
	_, err = w.em.Authorize(atlassiantest.ConsentRequest{CloudID: second.CloudID})
	require.NoError(t, err)

	request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)}
	before := w.contents(connA)
	_, err = w.complete(request)
	w.refused(consent.SiteNeeded, err, connA, before)
	require.ErrorContains(t, err, w.fix.Site.URL)
	status, err := w.service.Status(context.Background(), consent.StatusRequest{Connection: connA})
	require.NoError(t, err)
	require.Equal(t, consent.SiteNeeded, status.Connections[0].Waiting.Needs)
	require.Len(t, status.Connections[0].Waiting.Sites, 2)

	request.Site = "https://nowhere.atlassian.net"
	_, err = w.complete(request)
	w.refused(consent.SiteUnknown, err, connA, before)
	request.Site = strings.ToUpper(second.URL) + "/"
	done, err := w.complete(request)
	require.NoError(t, err)
	require.Equal(t, second.CloudID, done.CloudID)
	require.Equal(t, second.CloudID, w.get(namesA.CloudID))

	// A year later the site must be named even if it is the one in use, because the
	// person may have chosen another in the browser.
	before = w.contents(connA)
	request = consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)}
	_, err = w.complete(request)
	w.refused(consent.SiteNeeded, err, connA, before)
	request.Site = second.CloudID
	_, err = w.complete(request)
	require.NoError(t, err)
	before = w.contents(connA)
	w.clock.Advance(time.Minute)
	request = consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL), Site: w.fix.Site.CloudID}
	_, err = w.complete(request)
	w.refused(consent.SiteChanged, err, connA, before)
	request.Confirm = true
	done, err = w.complete(request)
	require.NoError(t, err)
	require.Equal(t, w.fix.Site.CloudID, done.CloudID)
}

// For a moment after a consent Atlassian may list no site.
func TestAnEmptyListOfSitesIsAskedForAgain(t *testing.T) {
	w := newWorld(t)
	w.config.Atlassian = &emptyLists{Client: &w.api, left: 2}
	w.restart()
	require.Equal(t, w.fix.Site.CloudID, w.consented(connA).CloudID)
	w.config.Atlassian = &emptyLists{Client: &w.api, left: 3}
	w.restart()
	before := w.contents(connA)
	_, err := w.complete(consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)})
	w.refused(consent.NoSite, err, connA, before)
}

// emptyLists answers the first requests for the sites with none.
type emptyLists struct {
	*atlassian.Client
	left int
}

func (e *emptyLists) AccessibleResources(ctx context.Context, access atlassian.Secret) ([]atlassian.Resource, error) {
	if e.left--; e.left >= 0 {
		return nil, nil
	}
	return e.Client.AccessibleResources(ctx, access)
}
