package verify_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy/verify"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// An expired token is the reason before scopes, permissions and sites are: the
// gateway answers it with 401, 403 or 404, depending on the path.
func TestExpiryComesBeforeScopes(t *testing.T) {
	for _, status := range []int{401, 403, 404} {
		for name, c := range map[string]struct {
			expires time.Time
			expired bool
		}{
			"lives":                {now.Add(time.Hour), false},
			"not known":            {time.Time{}, false},
			"a moment more":        {now.Add(time.Minute + time.Nanosecond), false},
			"about to expire":      {now.Add(time.Minute), true},
			"expired a day ago":    {now.Add(-24 * time.Hour), true},
			"expired a moment ago": {now.Add(-time.Nanosecond), true},
		} {
			t.Run(fmt.Sprint(status, " ", name), func(t *testing.T) {
				w := newWorld(t)
				require.NoError(t, w.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointAPI, When: atlassiantest.Before,
					Kind: atlassiantest.KindStatus, Status: status}))
				r := w.run(verify.Request{Access: w.token(t, "read:jira-work"), Expires: c.expires})
				check := of(t, r, "/users")
				require.Equal(t, verify.Failed, check.Result)
				require.Equal(t, c.expired, strings.Contains(check.Meaning, "the access token expired at"), check.Meaning)
				require.Equal(t, c.expired || status != 401, !strings.Contains(check.Meaning, "scope"))
				if c.expired {
					require.Empty(t, check.Missing)
				}

				require.NoError(t, w.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointResources, When: atlassiantest.Before,
					Kind: atlassiantest.KindStatus, Status: status}))
				r = w.run(verify.Request{Access: w.token(t), Expires: c.expires})
				require.Equal(t, c.expired, strings.Contains(r.Checks[0].Meaning, "the access token expired at"), r.Checks[0].Meaning)
			})
		}
	}
}

// The token says itself when it expires, and nothing need be stored beside it.
func TestTheTokensOwnExpiry(t *testing.T) {
	clock := atlassiantest.NewClock(now.Add(-2 * time.Hour))
	em := atlassiantest.New(atlassiantest.Config{Clock: clock})
	_, err := em.AddFixture()
	require.NoError(t, err)
	server := atlassiantest.NewServer(em)
	defer server.Close()
	tokens, err := em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	clock.Set(now)
	r := verify.Run(t.Context(), &atlassian.Client{APIURL: server.URL}, verify.Request{Access: tokens.Access, Expires: now.Add(time.Hour)}, now, 5*time.Second)
	require.Contains(t, r.Checks[0].Meaning, "the access token expired at 2026-03-01T11:00:00Z")
	require.Equal(t, 1, r.Failures())
}

// Jira answers 200 as to an anonymous visitor: that is no success.
func TestAnAnonymousAnswerFails(t *testing.T) {
	for reason, fails := range map[string]bool{"AUTHENTICATED_FAILED": true, "AUTHENTICATION_DENIED": true, "OK": false} {
		t.Run(reason, func(t *testing.T) {
			w := newWorld(t)
			require.NoError(t, w.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointAPI, When: atlassiantest.Before,
				Kind: atlassiantest.KindStatus, Status: 200, Body: `{"issues":[]}`, Header: map[string]string{"x-seraph-loginreason": reason}}))
			r := w.run(verify.Request{Access: w.token(t), Issue: "TK-1"})
			check := of(t, r, "/search/jql")
			require.Equal(t, 200, check.Status)
			require.Equal(t, fails, check.Result == verify.Failed)
			require.Equal(t, fails, strings.Contains(check.Meaning, "anonymous visitor (x-seraph-loginreason: "+reason))
			require.Equal(t, fails, r.Failures() == 7)
		})
	}
}
