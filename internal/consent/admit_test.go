package consent

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func TestAdmit(t *testing.T) {
	one, two := Site{"1", "https://one.atlassian.net", "one"}, Site{"2", "https://two.atlassian.net", "two"}
	const anna, bert family.Fingerprint = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
	for _, c := range []struct {
		name string
		f    facts
		site Site
		err  ErrorType
		says string
	}{
		{"the only site", facts{sites: []Site{one}}, one, "", ""},
		{"none", facts{}, Site{}, NoSite, "guest"},
		{"none, confirmed", facts{confirmed: true}, Site{}, NoSite, "guest"},
		{"several", facts{sites: []Site{one, two}}, Site{}, SiteNeeded, "two.atlassian.net"},
		{"several, confirmed: confirming picks nothing", facts{sites: []Site{one, two}, confirmed: true}, Site{}, SiteNeeded, ""},
		{"several, one in use: the browser may have chosen the other", facts{sites: []Site{one, two}, previousSite: "2"}, Site{}, SiteNeeded, "two.atlassian.net"},
		{"as people name it", facts{sites: []Site{{"1", "https://one.atlassian.net", "One Inc."}, two}, site: "one"}, Site{"1", "https://one.atlassian.net", "One Inc."}, "", ""},
		{"by an address on it", facts{sites: []Site{one, two}, site: "https://two.atlassian.net/jira/your-work?x=1"}, two, "", ""},
		{"by a part that names nothing", facts{sites: []Site{one, two}, site: "atlassian.net"}, Site{}, SiteUnknown, ""},
		{"by id", facts{sites: []Site{one, two}, site: "2"}, two, "", ""},
		{"by URL", facts{sites: []Site{one, two}, site: " https://TWO.atlassian.net/ "}, two, "", ""},
		{"by host", facts{sites: []Site{one, two}, site: "two.atlassian.net"}, two, "", ""},
		{"by name", facts{sites: []Site{one, two}, site: "Two"}, two, "", ""},
		{"by an ambiguous name", facts{sites: []Site{one, {"3", "https://x", "one"}}, site: "one"}, Site{}, SiteUnknown, ""},
		{"named, and not reached", facts{sites: []Site{one}, site: "two"}, Site{}, SiteUnknown, "one.atlassian.net"},
		{"another site", facts{sites: []Site{one}, previousSite: "2"}, Site{}, SiteChanged, "what CLOUD_ID holds, which is no cloud id, is in use"},
		{"another site, whose address is not known", facts{sites: []Site{one}, previousSite: "11111111-2222-3333-4444-5555555555AF"}, Site{}, SiteChanged, `"11111111-2222-3333-4444-5555555555AF" is in use`},
		{"another site, named but not confirmed", facts{sites: []Site{one, two}, site: "1", previousSite: "2"}, Site{}, SiteChanged, "two.atlassian.net"},
		{"another site, confirmed", facts{sites: []Site{one}, previousSite: "2", confirmed: true}, one, "", ""},
		{"the same account", facts{sites: []Site{one}, account: anna, previousAccount: anna}, one, "", ""},
		{"another account", facts{sites: []Site{one}, account: anna, previousAccount: bert}, Site{}, AccountChanged, "account"},
		{"an account that is not known", facts{sites: []Site{one}, previousAccount: bert}, one, "", ""},
		{"no account before", facts{sites: []Site{one}, account: anna}, one, "", ""},
		{"fewer scopes", facts{sites: []Site{one}, asked: []string{"a", "b"}, granted: []string{"b"}}, Site{}, ScopesMissing, "scopes a,"},
		{"more scopes in another order", facts{sites: []Site{one}, asked: []string{"a", "b"}, granted: []string{"c", "b", "a"}}, one, "", ""},
		{"scopes in use that are not asked for", facts{sites: []Site{one}, asked: []string{"a"}, granted: []string{"a"}, inUse: []string{"b", "a"}}, Site{}, ScopesMissing, "the scopes b are in use so far and were not asked for"},
		{"scopes in use that are granted unasked", facts{sites: []Site{one}, asked: []string{"a"}, granted: []string{"a", "b"}, inUse: []string{"b", "a"}}, one, "", ""},
		{"scopes in use that are asked for and not granted", facts{sites: []Site{one}, asked: []string{"a", "b"}, granted: []string{"a"}, inUse: []string{"b", "a"}}, Site{}, ScopesMissing, "not granted were the scopes b, which the app in the developer console may lack:"},
		{"scopes in use, where Atlassian does not tell", facts{sites: []Site{one}, asked: []string{"a"}, inUse: []string{"a", "b"}}, Site{}, ScopesMissing, "scopes b "},
		{"scopes in use, confirmed", facts{sites: []Site{one}, asked: []string{"a"}, inUse: []string{"a", "b"}, confirmed: true}, one, "", ""},
		{"scopes that Atlassian does not tell", facts{sites: []Site{one}, asked: []string{"a"}}, one, "", ""},
		{"everything at once is said at once", facts{sites: []Site{one}, asked: []string{"a"}, granted: []string{}, account: anna, previousAccount: bert, previousSite: "2"},
			Site{}, AccountChanged, "; and the consent is for the site \"https://one.atlassian.net\", and what CLOUD_ID holds, which is no cloud id, is in use so far; and not granted"},
	} {
		site, err := c.f.admit()
		require.Equal(t, c.site, site, c.name)
		if c.err == "" {
			require.Nil(t, err, c.name)
			continue
		}
		require.NotNil(t, err, c.name)
		require.Equal(t, c.err, err.Type, c.name)
		require.Contains(t, err.Message, c.says, c.name)
	}
}

// What Atlassian sends as a name can be anything, and a message is one line.
func TestSiteNamesAreQuoted(t *testing.T) {
	var sites []Site
	for range 40 {
		sites = append(sites, Site{ID: "x", URL: "https://a\r\n\x1b[31m<script>" + strings.Repeat("a", 1000)})
	}
	_, err := facts{sites: sites}.admit()
	require.Equal(t, SiteNeeded, err.Type)
	require.NotContains(t, err.Message, "\n")
	require.NotContains(t, err.Message, "\x1b")
	require.Less(t, len(err.Message), 2000)
}

func TestDuplicatesOfOneIDAreOneSite(t *testing.T) {
	require.Equal(t, []Site{{"1", "https://one", "one"}}, sitesOf([]atlassian.Resource{
		{ID: "1", URL: "https://one", Name: "one", Scopes: []string{"read:jira-work"}}, {ID: "1", URL: "https://one", Name: "one"}, {}}))
}
