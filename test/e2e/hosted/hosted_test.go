package hosted

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

func TestClickThrough(t *testing.T) {
	t.Parallel()
	s := newStage(t, false)
	b := s.browser()
	require.Equal(t, "Consents are given here", b.open(s.front.URL+"/"))
	b.look("home")

	start := s.begin().StartURL
	require.Equal(t, "Give consent at Atlassian", b.open(start))
	require.Equal(t, s.front.URL+"/start", b.location(), "the link's secret is out of the address")
	b.look("start")
	require.Contains(t, b.text("main"), "Northwind Traders asks you")
	require.Contains(t, b.text("ul.scopes"), "read the projects, issues, comments and work logs that your account may see")
	require.Equal(t, "mailto:jira@northwind.example", evaluate[string](b, `document.querySelector("main a[href^=mailto]").href`))
	require.Contains(t, b.click("#go"), "is requesting access")
	require.Equal(t, "Consent stored", b.click("#accept"))
	b.look("done")
	s.requireStored()
	require.Contains(t, b.text("#site"), s.fix.Site.URL)
	require.Equal(t, s.fix.Site.CloudID, b.text("#cloud-id"))
	require.Equal(t, time.Now().AddDate(0, 0, 365).UTC().Format("2 January 2006"), b.text("#expires"))
	require.Equal(t, s.fix.Site.CloudID, s.get(s.names.CloudID))

	// The callback again: in its tab, where it is answered, and in a colleague's browser.
	before, callback := s.inUse(), b.location()
	require.Equal(t, "Consent stored", b.open(callback))
	require.Equal(t, s.fix.Site.CloudID, b.text("#cloud-id"))
	require.Equal(t, "This link is no longer valid", s.browser().open(callback))
	require.Equal(t, "This link is no longer valid", b.open(start))
	b.look("expired")
	require.Equal(t, before, s.inUse())
	require.Len(t, s.em.Families(), 1)

	// A year later: one click more, and the start page says what is in use.
	require.Equal(t, "Give consent at Atlassian", b.open(s.begin().StartURL))
	require.Contains(t, b.text("dl"), "365 days from now")
	b.look("again")
	b.click("#go")
	require.Equal(t, "Consent stored", b.click("#accept"))
	s.requireStored()
	require.Len(t, s.em.Families(), 2)
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := newStage(t, false)
	before := s.inUse()
	b := s.browser()
	b.open(s.begin().StartURL)
	b.click("#go")
	require.Equal(t, "You did not accept", b.click("#cancel"))
	b.look("refused")
	require.Equal(t, before, s.inUse())
	// It was a slip.
	require.Equal(t, "Give consent at Atlassian", b.click("#again"))
	require.Contains(t, b.click("#go"), "is requesting access")
	require.Equal(t, "Consent stored", b.click("#accept"))
	s.requireStored()
}

func TestSeveralSites(t *testing.T) {
	t.Parallel()
	s := newStage(t, true)
	// Each consent adds its site to the grant.
	for _, site := range s.sites {
		_, err := s.em.Authorize(atlassiantest.ConsentRequest{CloudID: site})
		require.NoError(t, err)
	}
	before := s.inUse()
	b := s.browser()
	b.open(s.begin().StartURL)
	b.click("#go")
	require.Equal(t, "Which site is it for?", b.click("#accept"))
	b.look("site")
	require.Equal(t, 0, evaluate[int](b, `document.querySelectorAll("script, b").length`), "a site's name is text")
	require.Contains(t, b.text("fieldset"), "<script>alert(1)</script><b>contoso")
	require.Equal(t, before, s.inUse())

	// Loading it again, and a stranger with its address.
	address := b.location()
	require.Equal(t, "Which site is it for?", b.open(address))
	require.Equal(t, "This link is no longer valid", s.browser().open(address))
	require.Equal(t, before, s.inUse())

	b.do(chromedp.Click(chromedp.CSS(`input[value="` + s.sites[1] + `"]`)))
	require.Equal(t, "Consent stored", b.click("#choose"))
	require.Contains(t, b.text("#site"), "contoso.atlassian.net")
	require.Equal(t, 0, evaluate[int](b, `document.querySelectorAll("script, dd b").length`))
	b.look("done-several")
	s.requireStored()

	// The next consent asks again, and proposes the site in use.
	b.open(s.begin().StartURL)
	b.click("#go")
	require.Equal(t, "Which site is it for?", b.click("#accept"))
	b.look("site-again")
	require.Equal(t, s.sites[1], evaluate[string](b, `document.querySelector("input:checked").value`))
	require.Equal(t, "Consent stored", b.click("#choose"))
	require.Contains(t, b.text("#site"), "contoso.atlassian.net")
}

func TestWrongAccount(t *testing.T) {
	t.Parallel()
	s := newStage(t, false)
	b := s.browser()
	consent := func() string {
		b.open(s.begin().StartURL)
		b.click("#go")
		return b.click("#accept")
	}
	require.Equal(t, "Consent stored", consent())
	other, err := s.em.AddAccount(atlassiantest.Account{Name: "Bert"})
	require.NoError(t, err)
	_, err = s.em.AddSite(atlassiantest.Site{Name: "elsewhere"}, other.ID)
	require.NoError(t, err)
	require.NoError(t, s.em.SignIn(other.ID))
	before := s.inUse()
	require.Equal(t, "This is another account", consent())
	b.look("account")
	require.Contains(t, b.text("#message"), "elsewhere.atlassian.net", "the other site is said with it")
	require.Contains(t, b.text("#message"), "northwind.atlassian.net")
	require.Equal(t, before, s.inUse(), "the family in use goes on")
	require.Equal(t, "Consent stored", b.click("#confirm"))
	require.Contains(t, b.text("#site"), "elsewhere.atlassian.net")
	s.requireStored()

	guest, err := s.em.AddAccount(atlassiantest.Account{Name: "Guest"})
	require.NoError(t, err)
	require.NoError(t, s.em.SignIn(guest.ID))
	before = s.inUse()
	require.Equal(t, "The consent was not completed", consent())
	b.look("problem")
	require.Contains(t, b.text("#message"), "no site")
	require.Equal(t, before, s.inUse())
}

func TestTwoTabsAndAnotherBrowser(t *testing.T) {
	t.Parallel()
	s := newStage(t, false)
	start := s.begin().StartURL
	first := s.browser()
	first.open(start)
	second := first.tab()
	second.open(start)
	require.Contains(t, first.click("#go"), "is requesting access")

	// A colleague has the link too, and clicks.
	colleague := s.browser()
	require.Equal(t, "Give consent at Atlassian", colleague.open(start))
	before := s.inUse()
	require.Equal(t, "This began in another browser", colleague.click("#go"))
	colleague.look("browser")
	require.Equal(t, before, s.inUse())

	// The same browser's other tab goes on too; who is first wins.
	require.Contains(t, second.click("#go"), "is requesting access")
	require.Equal(t, "Consent stored", second.click("#accept"))
	s.requireStored()
	before = s.inUse()
	require.Equal(t, "Consent stored", first.click("#accept"), "what came of it; the second code is not used")
	require.Equal(t, before, s.inUse())
	require.Len(t, s.em.Families(), 1)
}

func TestAtlassianIsDown(t *testing.T) {
	t.Parallel()
	s := newStage(t, false)
	before := s.inUse()
	b := s.browser()
	b.open(s.begin().StartURL)
	b.click("#go")
	require.NoError(t, s.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointResources, When: atlassiantest.Before, Kind: atlassiantest.KindStatus, Status: 503, Times: 1}))
	require.Equal(t, "Not yet: try again in a minute", b.click("#accept"))
	b.look("retry")
	require.Equal(t, before, s.inUse())
	s.function.Kill() // another process goes on
	require.Equal(t, "Consent stored", b.click("#again"))
	s.requireStored()
}
