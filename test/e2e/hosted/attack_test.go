package hosted

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// visit loads a page as any browser does that has no cookie.
func (s *stage) visit(path string) (status int, page string) {
	s.t.Helper()
	resp, err := s.front.Client().Get(s.front.URL + path)
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, string(body)
}

// elsewhere begins a consent that is tied to no browser, lets a person accept it,
// and returns the address that the browser ended up at.
func (s *stage) elsewhere() *url.URL {
	s.t.Helper()
	var b begun
	require.Nil(s.t, s.invoke(`{"action":"begin","connection":"`+s.conn+`","redirect_uri":"http://localhost"}`, &b))
	back, err := url.Parse(s.accept(b.AuthorizeURL))
	require.NoError(s.t, err)
	return back
}

// complete answers a consent by an invocation.
func (s *stage) complete(r consent.CompleteRequest) string {
	s.t.Helper()
	if failure := s.invoke(r.Event().Reveal(), nil); failure != nil {
		return failure.Type
	}
	return ""
}

// Tokens of a consent that was begun by invocation wait, for a choice of the site
// or because Atlassian was unavailable. The public pages neither list the sites nor
// complete it for anybody who knows its state.
func TestWaitingTokensAreNoPages(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(*stage)
		waits   string
		site    func(*stage) string // what a person answers
	}{
		"for a site": {func(s *stage) {
			for _, site := range s.sites {
				_, err := s.em.Authorize(atlassiantest.ConsentRequest{CloudID: site})
				require.NoError(s.t, err)
			}
		}, "SiteNeeded", func(s *stage) string { return s.sites[1] }},
		"after Atlassian was unavailable": {func(s *stage) {
			require.NoError(s.t, s.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointResources, When: atlassiantest.Before, Kind: atlassiantest.KindStatus, Status: 503}))
		}, "AtlassianUnavailable", func(*stage) string { return "" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, true)
			tt.prepare(s)
			back := s.elsewhere()
			request := consent.CompleteRequest{RedirectURL: atlassian.NewSecret(back.String())}
			require.Equal(t, tt.waits, s.complete(request))
			s.em.ClearFaults()
			before := s.inUse()
			for path, status := range map[string]int{"/callback?state=" + back.Query().Get("state"): http.StatusGone, "/callback?" + back.RawQuery: http.StatusGone,
				"/callback": http.StatusBadRequest, "/": http.StatusOK} {
				got, page := s.visit(path)
				require.Equal(t, status, got)
				require.NotContains(t, page, "contoso")
				require.NotContains(t, page, "northwind.atlassian.net")
			}
			require.Equal(t, before, s.inUse())
			request.Site = tt.site(s)
			require.Empty(t, s.complete(request))
			s.requireStored()
		})
	}
}

// A code that cannot be one, and a misspelt connection, are refused before the
// consent is claimed: the right request still finds it.
func TestAMistakeClaimsNoConsent(t *testing.T) {
	t.Parallel()
	s := newStage(t, false)
	back := s.elsewhere()
	state, code := atlassian.NewSecret(back.Query().Get("state")), back.Query().Get("code")
	for name, tt := range map[string]struct {
		request consent.CompleteRequest
		refused string
	}{
		"a line end inside":     {consent.CompleteRequest{State: state, Code: atlassian.NewSecret(code[:40] + "\n" + code[40:])}, "InvalidRequest"},
		"a line end in a URL":   {consent.CompleteRequest{RedirectURL: atlassian.NewSecret("http://localhost/?state=" + state.Reveal() + "&code=" + code[:40] + "%0A" + code[40:])}, "InvalidRequest"},
		"a misspelt connection": {consent.CompleteRequest{Connection: "PSOXY_JRIA_", State: state, Code: atlassian.NewSecret(code)}, "UnknownConnection"},
		"another connection":    {consent.CompleteRequest{Connection: "OTHER_" + s.conn, State: state, Code: atlassian.NewSecret(code)}, "ConsentExpired"},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.inUse()
			require.Equal(t, tt.refused, s.complete(tt.request))
			require.Equal(t, before, s.inUse())
		})
	}
	require.Empty(t, s.complete(consent.CompleteRequest{State: state, Code: atlassian.NewSecret(code)}))
	s.requireStored()
}
