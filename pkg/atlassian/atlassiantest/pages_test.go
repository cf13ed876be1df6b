package atlassiantest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// query is what a correct client sends to /authorize.
func (s *served) query() url.Values {
	return url.Values{
		"audience": {"api.atlassian.com"}, "client_id": {s.fix.App.ClientID},
		"scope": {"offline_access read:jira-work"}, "redirect_uri": {"http://localhost"},
		"state": {"a state & more"}, "response_type": {"code"}, "prompt": {"consent"},
	}
}

func (s *served) page(t testing.TB, q url.Values) reply {
	t.Helper()
	return s.must(t, newRequest(t, "GET", s.url+"/authorize?"+q.Encode(), "", ""))
}

func (s *served) press(t testing.TB, q url.Values, action, cloudID string) reply {
	t.Helper()
	form := url.Values{"action": {action}, "site": {cloudID}}
	return s.must(t, newRequest(t, "POST", s.url+"/authorize?"+q.Encode(), "application/x-www-form-urlencoded", form.Encode()))
}

func TestConsentPage(t *testing.T) {
	s := serve(t, cheapWorld(t, nil))
	second, err := s.e.AddSite(atlassiantest.Site{Name: "second"}, s.fix.Account.ID)
	require.NoError(t, err)
	page := s.page(t, s.query())
	require.Equal(t, 200, page.status)
	for _, part := range []string{
		s.fix.Site.CloudID, second.URL, "read:jira-work", s.fix.Account.Email, `id="accept"`, `id="cancel"`, `id="site"`,
	} {
		require.Contains(t, page.body, part)
	}

	answer := s.press(t, s.query(), "accept", second.CloudID)
	require.Equal(t, http.StatusFound, answer.status)
	back, err := url.Parse(answer.header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, "localhost", back.Host)
	require.Equal(t, "a state & more", back.Query().Get("state"))
	tokens, err := s.e.Exchange(s.exchange(atlassian.NewSecret(back.Query().Get("code"))))
	require.NoError(t, err)
	f, _ := s.e.Family(tokens.FamilyID)
	require.Equal(t, second.CloudID, f.CloudID)
	require.Equal(t, []string{"read:jira-work", "offline_access"}, f.Scopes)
}

func TestConsentCancelled(t *testing.T) {
	s := serve(t, cheapWorld(t, nil))
	answer := s.press(t, s.query(), "cancel", "")
	require.Equal(t, http.StatusFound, answer.status)
	back, err := url.Parse(answer.header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, url.Values{
		"error": {"access_denied"}, "error_description": {"User did not authorize the request"}, "state": {"a state & more"},
	}, back.Query())
}

// A wrong request gets an error page, never a redirect.
func TestErrorPages(t *testing.T) {
	s := serve(t, cheapWorld(t, nil))
	guest, err := s.e.AddAccount(atlassiantest.Account{})
	require.NoError(t, err)
	for name, change := range map[string]func(url.Values){
		"audience":          func(q url.Values) { q.Set("audience", "other") },
		"response_type":     func(q url.Values) { q.Set("response_type", "token") },
		"prompt":            func(q url.Values) { q.Del("prompt") },
		"client_id":         func(q url.Values) { q.Del("client_id") },
		"scope":             func(q url.Values) { q.Del("scope") },
		"redirect_uri":      func(q url.Values) { q.Del("redirect_uri") },
		"state":             func(q url.Values) { q.Del("state") },
		"invalid_client":    func(q url.Values) { q.Set("client_id", "nobody") },
		"redirect_mismatch": func(q url.Values) { q.Set("redirect_uri", "http://localhost/") },
		"invalid_scope":     func(q url.Values) { q.Set("scope", "write:jira-work") },
		"undistributed_app": func(q url.Values) { q.Set("emulator_account", guest.ID) },
	} {
		t.Run(name, func(t *testing.T) {
			q := s.query()
			change(q)
			for _, answer := range []reply{s.page(t, q), s.press(t, q, "accept", ""), s.press(t, q, "cancel", "")} {
				require.GreaterOrEqual(t, answer.status, 400)
				require.Contains(t, answer.body, "Something went wrong")
				require.Contains(t, answer.body, name)
				require.Empty(t, answer.header.Get("Location"))
			}
		})
	}
	require.Contains(t, s.press(t, s.query(), "maybe", "").body, "accept or cancel")
	require.Contains(t, s.press(t, s.query(), "accept", "nowhere").body, "invalid_site")
}

// The browser's account is the parameter's, else the cookie's, else the one signed
// in, else the first.
func TestSignedInAccount(t *testing.T) {
	s := serve(t, cheapWorld(t, nil))
	app, err := s.e.AddApp(atlassiantest.App{RedirectURIs: []string{"http://localhost"}, Scopes: []string{"read:jira-work"}, Distributed: true})
	require.NoError(t, err)
	var people []atlassiantest.Account
	for range 3 {
		a, err := s.e.AddAccount(atlassiantest.Account{})
		require.NoError(t, err)
		people = append(people, a)
	}
	q := s.query()
	q.Set("client_id", app.ClientID)
	ask := func(cookie string) string {
		r := newRequest(t, "GET", s.url+"/authorize?"+q.Encode(), "", "")
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: "emulator_account", Value: url.QueryEscape(cookie)})
		}
		return s.must(t, r).body
	}
	require.Contains(t, ask(""), s.fix.Account.Email)
	require.NoError(t, s.e.SignIn(people[0].ID))
	require.Contains(t, ask(""), people[0].Email)
	require.Contains(t, ask(""), `id="no-site"`)
	require.Contains(t, ask(people[1].ID), people[1].Email)
	q.Set("emulator_account", people[2].ID)
	require.Contains(t, ask(people[1].ID), people[2].Email)
}

func TestAccessibleResources(t *testing.T) {
	w := cheapWorld(t, nil)
	s := serve(t, w)
	scopes := []string{"read:jira-work", "read:confluence-space.summary", "read:me"}
	app, err := s.e.AddApp(atlassiantest.App{RedirectURIs: []string{"http://localhost"}, Scopes: scopes, Distributed: true})
	require.NoError(t, err)
	tokens, err := s.e.Authorize(atlassiantest.ConsentRequest{ClientID: app.ClientID})
	require.NoError(t, err)

	var list []atlassiantest.Resource
	read := func(token atlassian.Secret) reply {
		answer := s.get(t, "/oauth/token/accessible-resources", token)
		list = nil
		if answer.status == 200 {
			require.NoError(t, json.Unmarshal([]byte(answer.body), &list))
		}
		return answer
	}
	require.Equal(t, 200, read(tokens.Access).status)
	require.Len(t, list, 2, "one per product")
	require.Equal(t, list[0].ID, list[1].ID)
	require.ElementsMatch(t, [][]string{{"read:jira-work"}, {"read:confluence-space.summary"}}, [][]string{list[0].Scopes, list[1].Scopes})
	require.Equal(t, s.fix.Site.URL, list[0].URL)

	guest, err := s.e.AddAccount(atlassiantest.Account{})
	require.NoError(t, err)
	guests, err := s.e.Authorize(atlassiantest.ConsentRequest{ClientID: app.ClientID, AccountID: guest.ID})
	require.NoError(t, err)
	require.Equal(t, "[]", read(guests.Access).body)

	answer := read(atlassian.NewSecret("nonsense"))
	require.Equal(t, 401, answer.status)
	require.JSONEq(t, `{"code":401,"message":"Unauthorized"}`, answer.body)
	require.JSONEq(t, `{"code":401,"message":"Unauthorized"}`, read(atlassian.Secret{}).body)

	tokens, err = s.e.Authorize(atlassiantest.ConsentRequest{ClientID: app.ClientID, Scopes: []string{"read:me"}})
	require.NoError(t, err)
	answer = read(tokens.Access)
	require.Equal(t, 401, answer.status)
	require.JSONEq(t, `{"code":401,"message":"Unauthorized; scope does not match"}`, answer.body)

	me := s.get(t, "/me", tokens.Access)
	require.Equal(t, 200, me.status)
	require.Contains(t, me.body, s.fix.Account.ID)
	require.Equal(t, 401, s.get(t, "/me", s.authorize(t).Access).status)
}

func TestConnectorPaths(t *testing.T) {
	s := serve(t, cheapWorld(t, nil))
	all := s.authorize(t).Access
	base := "/ex/jira/" + s.fix.Site.CloudID + "/rest/api/3/"
	for path, scope := range map[string]string{
		"users": "read:jira-user", "group/bulk": "read:group:jira", "project/search": "read:jira-work",
		"issue/TK-1/changelog": "read:jira-work", "issue/TK-2/comment": "read:jira-work", "issue/TK-3/worklog": "read:jira-work",
	} {
		t.Run(path, func(t *testing.T) {
			answer := s.get(t, base+path+"?maxResults=1", all)
			require.Equal(t, 200, answer.status)
			require.True(t, json.Valid([]byte(answer.body)))
			one, err := s.e.Authorize(atlassiantest.ConsentRequest{Scopes: []string{scope}})
			require.NoError(t, err)
			require.Equal(t, 200, s.get(t, base+path, one.Access).status)
			none, err := s.e.Authorize(atlassiantest.ConsentRequest{Scopes: []string{"read:avatar:jira"}})
			require.NoError(t, err)
			answer = s.get(t, base+path, none.Access)
			require.Equal(t, 401, answer.status)
			require.JSONEq(t, `{"code":401,"message":"Unauthorized; scope does not match"}`, answer.body)
			require.Equal(t, 401, s.get(t, base+path, atlassian.NewSecret("x")).status)
		})
	}
	found := s.get(t, base+"search/jql?jql=created%20%3E%3D%20-30d%20order%20by%20created&maxResults=1", all)
	require.Equal(t, 200, found.status)
	require.Contains(t, found.body, `"key":"TK-1"`)
	require.Equal(t, 400, s.get(t, base+"search/jql?jql=order%20by%20created", all).status, "an unbounded query")
	require.Equal(t, 404, s.get(t, base+"issue/NO-1/comment", all).status)
	require.Equal(t, 404, s.get(t, base+"dashboard", all).status)
	require.Equal(t, 404, s.get(t, "/ex/jira/elsewhere/rest/api/3/users", all).status)
}
