package atlassian_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func request() atlassian.AuthorizeRequest {
	return atlassian.AuthorizeRequest{
		ClientID: "abc", RedirectURI: "http://localhost", State: atlassian.NewSecret("S+t&a te"),
		Scopes: []string{"offline_access", "read:group:jira", "read:jira-work"},
	}
}

func TestAuthorizeURL(t *testing.T) {
	got, err := atlassian.AuthorizeURL("", request())
	require.NoError(t, err)
	require.Equal(t, "https://auth.atlassian.com/authorize?audience=api.atlassian.com&client_id=abc"+
		"&scope=offline_access%20read%3Agroup%3Ajira%20read%3Ajira-work&redirect_uri=http%3A%2F%2Flocalhost"+
		"&state=S%2Bt%26a%20te&response_type=code&prompt=consent", got)

	u, err := url.Parse(got)
	require.NoError(t, err)
	require.Equal(t, url.Values{
		"audience": {"api.atlassian.com"}, "client_id": {"abc"}, "scope": {"offline_access read:group:jira read:jira-work"},
		"redirect_uri": {"http://localhost"}, "state": {"S+t&a te"}, "response_type": {"code"}, "prompt": {"consent"},
	}, u.Query())

	got, err = atlassian.AuthorizeURL("http://127.0.0.1:8080/", request())
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(got, "http://127.0.0.1:8080/authorize?audience="))
}

func TestAuthorizeURLRefusesBadInput(t *testing.T) {
	for says, change := range map[string]func(*atlassian.AuthorizeRequest){
		"the client id is empty":              func(r *atlassian.AuthorizeRequest) { r.ClientID = "" },
		"the client id contains":              func(r *atlassian.AuthorizeRequest) { r.ClientID = "a\nb" },
		"the scopes lack offline_access":      func(r *atlassian.AuthorizeRequest) { r.Scopes = r.Scopes[1:] },
		"the scopes lack offline_access: add": func(r *atlassian.AuthorizeRequest) { r.Scopes = nil },
		"a scope is empty":                    func(r *atlassian.AuthorizeRequest) { r.Scopes = append(r.Scopes, "") },
		"contains a space":                    func(r *atlassian.AuthorizeRequest) { r.Scopes = []string{"offline_access read:me"} },
		"the state is empty":                  func(r *atlassian.AuthorizeRequest) { r.State = atlassian.Secret{} },
		"the state contains":                  func(r *atlassian.AuthorizeRequest) { r.State = atlassian.NewSecret(canary + "\n") },
		"the redirect URI is empty":           func(r *atlassian.AuthorizeRequest) { r.RedirectURI = "" },
	} {
		t.Run(says, func(t *testing.T) {
			r := request()
			change(&r)
			_, err := atlassian.AuthorizeURL("", r)
			require.ErrorContains(t, err, says)
			requireNoLeak(t, err.Error())
		})
	}
	_, err := atlassian.AuthorizeURL("auth.atlassian.com", request())
	require.ErrorContains(t, err, "the authURL must be an http or https address")
}

func TestRedirectURIs(t *testing.T) {
	for uri, ok := range map[string]bool{
		"http://localhost":                  true,
		"http://localhost/":                 true,
		"http://LOCALHOST:8080/cb?x=1":      true,
		"http://127.0.0.1:1/cb":             true,
		"http://[::1]:1/cb":                 true,
		"https://example.com/cb":            true,
		"http://example.com/cb":             false,
		"http://localhost.example.com":      false,
		"http://127.0.0.1.example.com":      false,
		"http://0.0.0.0":                    false,
		"http://user@localhost":             false,
		"https://u:p@example.com":           false,
		"https://example.com/#f":            false,
		"https://example.com/#":             false,
		"//example.com":                     false,
		"/cb":                               false,
		"localhost":                         false,
		"ftp://localhost":                   false,
		"javascript:alert(1)":               false,
		"https://":                          false,
		"https:// example.com":              false,
		"https://example.com\\@localhost/":  false,
		"https://example.com/\r\nX: y":      false,
		"http://localhost:80:80/":           false,
		"https://exämple.com":               false,
		"urn:ietf:wg:oauth:2.0:oob":         false,
		"http://[::ffff:127.0.0.1]/cb":      true,
		"http://169.254.169.254/latest":     false,
		"http://localhost@evil.example.com": false,
	} {
		t.Run(uri, func(t *testing.T) {
			r := request()
			r.RedirectURI = uri
			_, err := atlassian.AuthorizeURL("", r)
			if ok {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, "the redirect URI")
			}
		})
	}
}

func TestCheckURL(t *testing.T) {
	for _, good := range []string{"", "https://auth.atlassian.com", "https://proxy.example/atlassian", "http://127.0.0.1:8484", "http://localhost", "http://[::1]:1"} {
		t.Run("accepted "+good, func(t *testing.T) { require.NoError(t, atlassian.CheckURL(good)) })
	}
	for _, bad := range []string{"auth.atlassian.com", "http://auth.atlassian.com", "https://u:canary@a.example", "https://a.example?canary", "https://a.example#canary",
		"u:canary@a.example", "https://u:can@ary@a.example/%", "ftp://127.0.0.1", "::"} {
		t.Run("refused "+bad, func(t *testing.T) {
			err := atlassian.CheckURL(bad)
			require.ErrorContains(t, err, "expected")
			require.NotContains(t, err.Error(), "can")
		})
	}
}
