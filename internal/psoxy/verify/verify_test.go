package verify_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy/verify"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is an emulated Atlassian with one account, one site and one app.
type world struct {
	*atlassiantest.Emulator
	fix    atlassiantest.Fixture
	client *atlassian.Client
}

func newWorld(t *testing.T) world {
	em := atlassiantest.New(atlassiantest.Config{CheapTokens: true})
	fix, err := em.AddFixture()
	require.NoError(t, err)
	server := atlassiantest.NewServer(em)
	t.Cleanup(server.Close)
	return world{em, fix, &atlassian.Client{AuthURL: server.URL, APIURL: server.URL}}
}

// token consents with the given scopes; none means all that the app has.
func (w world) token(t *testing.T, scopes ...string) atlassian.Secret {
	t.Helper()
	tokens, err := w.Authorize(atlassiantest.ConsentRequest{Scopes: scopes})
	require.NoError(t, err)
	return tokens.Access
}

func (w world) run(r verify.Request) verify.Report {
	return verify.Run(context.Background(), w.client, r, now, 5*time.Second)
}

// of returns the check of the path that ends so.
func of(t *testing.T, r verify.Report, end string) verify.Check {
	t.Helper()
	for _, c := range r.Checks {
		if strings.HasSuffix(c.Path, end) {
			return c
		}
	}
	t.Fatalf("no check of a path that ends in %q in %+v", end, r)
	return verify.Check{}
}

func TestAGoodTokenPassesEveryPath(t *testing.T) {
	w := newWorld(t)
	r := w.run(verify.Request{Access: w.token(t)})
	require.Zero(t, r.Failures())
	require.Equal(t, w.fix.Site.CloudID, r.CloudID, "the token's only site is found")
	require.Equal(t, w.fix.Site.URL, r.SiteURL)
	require.Equal(t, "TK-1", r.Issue, "an issue is found")
	require.Equal(t, "TK-1", r.ExampleIssue())
	require.Len(t, r.Checks, 8)
	for _, c := range r.Checks {
		require.Equal(t, verify.Passed, c.Result, c.Path)
		require.Equal(t, 200, c.Status)
		require.Empty(t, c.Meaning)
		require.True(t, strings.HasPrefix(c.Reference, "https://developer.atlassian.com/"))
	}
	require.Equal(t, 200, of(t, r, "/rest/api/3/issue/TK-1/worklog").Status)

	named := w.run(verify.Request{Access: w.token(t), Issue: "TK-3", CloudID: w.fix.Site.CloudID})
	require.Zero(t, named.Failures())
	require.Equal(t, "TK-3", named.Issue)
}

// Each path fails for the lack of its own scope, which is named.
func TestAMissingScopeIsNamed(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		granted []string
		missing map[string]string // path to scope
	}{
		{[]string{"read:jira-work"}, map[string]string{"/users": "read:jira-user", "/group/bulk": "read:group:jira"}},
		{[]string{"read:jira-user", "read:jira-work"}, map[string]string{"/group/bulk": "read:group:jira"}},
		{[]string{"read:group:jira", "read:avatar:jira", "read:jira-work"}, map[string]string{"/users": "read:jira-user"}},
		{[]string{"read:jira-user", "read:group:jira"}, map[string]string{"/project/search": "read:jira-work", "/search/jql": "read:jira-work"}},
	} {
		r := w.run(verify.Request{Access: w.token(t, tt.granted...)})
		for _, c := range r.Checks {
			want, fails := "", false
			for end, scope := range tt.missing {
				if strings.HasSuffix(c.Path, "/3"+end) {
					want, fails = scope, true
				}
			}
			if !fails {
				require.NotEqual(t, verify.Failed, c.Result, "%v: %+v", tt.granted, c)
				continue
			}
			require.Equal(t, verify.Failed, c.Result)
			require.Equal(t, 401, c.Status)
			require.Equal(t, []string{want}, c.Missing)
			require.Contains(t, c.Meaning, want)
		}
		require.Equal(t, len(tt.missing), r.Failures())
	}
	// Without read:jira-work no issue can be found, and that is said.
	r := w.run(verify.Request{Access: w.token(t, "read:jira-user", "read:group:jira")})
	c := of(t, r, "/issue/{issue}/comment")
	require.Equal(t, verify.NotRun, c.Result)
	require.Contains(t, c.Meaning, "the search for one failed: name one with --issue")
}

func TestADeadTokenStopsTheRest(t *testing.T) {
	w := newWorld(t)
	token := w.token(t)
	require.NoError(t, w.RevokeGrant(w.fix.Account.ID, w.fix.App.ClientID))
	r := w.run(verify.Request{Access: token, CloudID: w.fix.Site.CloudID})
	require.Equal(t, 1, r.Failures())
	require.Equal(t, 401, r.Checks[0].Status)
	require.Contains(t, r.Checks[0].Meaning, "expired or revoked")
	for _, c := range r.Checks[1:] {
		require.Equal(t, verify.NotRun, c.Result)
	}
}

func TestTheSiteMustBeOneOfTheTokens(t *testing.T) {
	w := newWorld(t)
	r := w.run(verify.Request{Access: w.token(t), CloudID: "11111111-2222-3333-4444-555555555555"})
	require.Contains(t, r.Checks[0].Meaning, "does not reach the site 11111111-2222-3333-4444-555555555555, but "+w.fix.Site.URL)

	other, err := w.AddSite(atlassiantest.Site{}, w.fix.Account.ID)
	require.NoError(t, err)
	tokens, err := w.Authorize(atlassiantest.ConsentRequest{CloudID: other.CloudID})
	require.NoError(t, err)
	r = w.run(verify.Request{Access: tokens.Access})
	require.Contains(t, r.Checks[0].Meaning, "reaches 2 sites")
	require.Contains(t, r.Checks[0].Meaning, other.CloudID)
	require.Zero(t, w.run(verify.Request{Access: tokens.Access, CloudID: other.CloudID}).Failures())

	guest, err := w.AddAccount(atlassiantest.Account{})
	require.NoError(t, err)
	app, err := w.AddApp(atlassiantest.App{RedirectURIs: []string{"http://localhost"}, Scopes: atlassiantest.ConnectorScopes(), Distributed: true})
	require.NoError(t, err)
	tokens, err = w.Authorize(atlassiantest.ConsentRequest{ClientID: app.ClientID, AccountID: guest.ID})
	require.NoError(t, err)
	require.Contains(t, w.run(verify.Request{Access: tokens.Access}).Checks[0].Meaning, "guest")

	require.NoError(t, w.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointResources, When: atlassiantest.Before,
		Kind: atlassiantest.KindEmpty, Times: 1}))
	require.Contains(t, w.run(verify.Request{Access: w.token(t)}).Checks[0].Meaning, "try again in a minute")
}

func TestAnIssueThatDoesNotExist(t *testing.T) {
	w := newWorld(t)
	r := w.run(verify.Request{Access: w.token(t), Issue: "NO-1"})
	require.Equal(t, 3, r.Failures())
	c := of(t, r, "/issue/NO-1/changelog")
	require.Equal(t, 404, c.Status)
	require.Contains(t, c.Meaning, "no issue NO-1")
	require.Empty(t, r.ExampleIssue(), "it is no example for anybody")
}

// Whatever Atlassian does, every failure is explained and nothing is a scope's
// fault that is not.
func TestOtherFailures(t *testing.T) {
	for _, tt := range []struct {
		fault   atlassiantest.Fault
		meaning string
		status  int
	}{
		{atlassiantest.Fault{Kind: atlassiantest.KindStatus, Status: 403}, "Browse users and groups", 403},
		{atlassiantest.Fault{Kind: atlassiantest.KindStatus, Status: 404}, "compare CLOUD_ID", 404},
		{atlassiantest.Fault{Kind: atlassiantest.KindStatus, Status: 431}, "consent with fewer", 431},
		{atlassiantest.Fault{Kind: atlassiantest.KindStatus, Status: 418}, "refuses the request", 418},
		{atlassiantest.Fault{Kind: atlassiantest.KindStatus, Status: 429}, "in some minutes", 429},
		{atlassiantest.Fault{Kind: atlassiantest.KindStatus, Status: 429, RetryAfter: "30"}, "try again in 30s", 429},
		{atlassiantest.Fault{Kind: atlassiantest.KindStatus, Status: 503}, "status.atlassian.com", 503},
		{atlassiantest.Fault{Kind: atlassiantest.KindDrop}, "no answer came", 0},
	} {
		w := newWorld(t)
		tt.fault.Endpoint, tt.fault.When, tt.fault.Times = atlassiantest.EndpointAPI, atlassiantest.Before, 1
		require.NoError(t, w.Inject(tt.fault))
		r := w.run(verify.Request{Access: w.token(t)})
		require.Equal(t, 1, r.Failures(), tt.meaning)
		c := of(t, r, "/users")
		require.Equal(t, tt.status, c.Status)
		require.Contains(t, c.Meaning, tt.meaning)
		require.Empty(t, c.Missing)
	}
	w := newWorld(t)
	require.NoError(t, w.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointResources, When: atlassiantest.Before, Kind: atlassiantest.KindHTML}))
	r := w.run(verify.Request{Access: w.token(t)})
	require.Contains(t, r.Checks[0].Meaning, "not what Atlassian documents")
}

func TestTimeIsBounded(t *testing.T) {
	w := newWorld(t)
	w.client.HTTPClient = &http.Client{Transport: hang{}}
	r := verify.Run(t.Context(), w.client, verify.Request{Access: w.token(t)}, now, 20*time.Millisecond)
	require.Contains(t, r.Checks[0].Meaning, "no answer came in time")
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	require.NoError(t, err)
	defer l.Close()
	r = verify.Run(t.Context(), &atlassian.Client{APIURL: "https://" + l.Addr().String()}, verify.Request{Access: w.token(t)}, now, 20*time.Millisecond)
	require.Contains(t, r.Checks[0].Meaning, "no connection came about in time")
	r = verify.Run(t.Context(), &atlassian.Client{APIURL: "https://nowhere.invalid"}, verify.Request{Access: w.token(t)}, now, 5*time.Second)
	require.Contains(t, r.Checks[0].Meaning, "HTTPS_PROXY")
	stopped, stop := context.WithCancel(t.Context())
	stop()
	r = verify.Run(stopped, w.client, verify.Request{Access: w.token(t)}, now, time.Second)
	require.Contains(t, r.Checks[0].Meaning, "interrupted")
}

// hang is a transport whose server never answers.
type hang struct{}

func (hang) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestRequestCheck(t *testing.T) {
	good := verify.Request{Access: atlassian.NewSecret("t"), CloudID: "1324a887-45db-1bf4-1e99-ef0ff456d421", Issue: "ABC-12"}
	require.NoError(t, good.Check())
	for want, change := range map[string]func(*verify.Request){
		"no access token":      func(r *verify.Request) { r.Access = atlassian.Secret{} },
		`"../x" is not one`:    func(r *verify.Request) { r.CloudID = "../x" },
		`"a/b" is not a key`:   func(r *verify.Request) { r.Issue = "a/b" },
		`"a?b=c" is not a key`: func(r *verify.Request) { r.Issue = "a?b=c" },
	} {
		bad := good
		change(&bad)
		require.ErrorContains(t, bad.Check(), want)
	}
}

// FuzzForms compares the checks by hand with the regular expressions that they
// replaced.
func FuzzForms(f *testing.F) {
	cloudID, issue := regexp.MustCompile(`^[A-Za-z0-9-]{0,64}$`), regexp.MustCompile(`^[A-Za-z0-9_-]{0,64}$`)
	for _, s := range []string{"", "ABC-12", "a_b", "../x", "a\n", "é", strings.Repeat("a", 64), strings.Repeat("a", 65)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		require.Equal(t, cloudID.MatchString(s), verify.CheckCloudID(s) == nil, "%q", s)
		require.Equal(t, issue.MatchString(s), verify.CheckIssue(s) == nil, "%q", s)
	})
}

func TestTheReportHoldsNoSecret(t *testing.T) {
	w := newWorld(t)
	token := w.token(t, "read:jira-work")
	text, err := json.Marshal(w.run(verify.Request{Access: token}))
	require.NoError(t, err)
	require.NotContains(t, string(text), token.Reveal())
}
