package hosted

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/lambdaruntime"
)

// accept is the seed's way: a person consents, and copies the address that the
// browser ended up at.
func (s *stage) accept(authorizeURL string) string {
	s.t.Helper()
	u, err := url.Parse(authorizeURL)
	require.NoError(s.t, err)
	q := u.Query()
	code, err := s.em.Consent(atlassiantest.ConsentRequest{ClientID: q.Get("client_id"), RedirectURI: q.Get("redirect_uri"), Scopes: strings.Fields(q.Get("scope"))})
	require.NoError(s.t, err)
	s.secret(code.Reveal(), q.Get("state"))
	return q.Get("redirect_uri") + "/?" + url.Values{"state": {q.Get("state")}, "code": {code.Reveal()}}.Encode()
}

// The whole procedure of the seed, by three invocations.
func TestInvoked(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, "HOSTED_CONSENT=false")
	var b begun
	require.Nil(t, s.invoke(`{"action":"begin","connection":"`+s.conn+`","redirect_uri":"http://localhost"}`, &b))
	require.Empty(t, b.StartURL)
	require.WithinDuration(t, time.Now().Add(10*time.Minute), b.ExpiresAt, time.Minute)
	address := s.accept(b.AuthorizeURL)
	var status consent.Status
	require.Nil(t, s.invoke(`{"action":"status"}`, &status))
	require.Len(t, status.Connections, 2)
	require.Equal(t, b.ExpiresAt, status.Connections[0].UnderWay)
	require.False(t, status.Connections[0].HasTokens)

	var done consent.Completed
	complete := consent.CompleteRequest{RedirectURL: atlassian.NewSecret(address)}.Event().Reveal()
	require.Nil(t, s.invoke(complete, &done))
	require.Equal(t, s.conn, done.Connection)
	require.Equal(t, s.fix.Site.CloudID, done.CloudID)
	require.Len(t, done.Sites, 1)
	require.ElementsMatch(t, atlassiantest.ConnectorScopes(), done.Scopes)
	require.WithinDuration(t, time.Now().AddDate(0, 0, 365), done.FamilyExpiresAt, time.Hour)
	s.requireStored()

	// The same request gets the same result again.
	before := s.inUse()
	var again consent.Completed
	require.Nil(t, s.invoke(complete, &again))
	require.Equal(t, done.AuthorizedAt, again.AuthorizedAt)
	require.Equal(t, done.CloudID, again.CloudID)
	// A refused request is an error with a stable type, and changes nothing.
	for event, want := range map[string]string{
		`{"action":"tick"}`:                        "InvalidRequest",
		`{"action":"begin","connection":"OTHER_"}`: "UnknownConnection",
		`{"action":"complete","connection":"OTHER_","state":"` + strings.Repeat("a", 43) + `","code":"x"}`: "UnknownConnection",
		`{"action":"begin","connection":"` + s.conn + `","scopes":["read:me"]}`:                            "InvalidRequest",
		`{"action":"complete","redirect_url":"http://localhost/?error=x&state=abc"}`:                       "ConsentExpired",
	} {
		failure := s.invoke(event, nil)
		require.NotNil(t, failure, event)
		require.Equal(t, want, failure.Type, failure.Message)
		require.NotEmpty(t, failure.Message)
	}
	require.Equal(t, before, s.inUse())
}

// First use, and a renewal, while the refresher ticks: the old family works
// until the new one is stored, and the next tick keeps the new one.
func TestConsentBesideTheRefresher(t *testing.T) {
	t.Parallel()
	s := newStage(t, false)
	path, err := lambdaruntime.Build(t.Context(), t.TempDir(), "github.com/tokenkeeper/tokenkeeper/functions/refresher")
	require.NoError(t, err)
	env := map[string]string{"CONNECTIONS": s.conn, "REFRESH_BEFORE": "55m"}
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED", "ATLASSIAN_AUTH_URL", "ATLASSIAN_API_URL"} {
		env[name] = s.env[name]
	}
	refresher, err := lambdaruntime.New(lambdaruntime.Config{Binary: path, Env: env, Name: "tokenkeeper-refresher"})
	require.NoError(t, err)
	t.Cleanup(refresher.Close)
	tick := func(action string) {
		t.Helper()
		result, err := refresher.Invoke(t.Context(), []byte(`{}`), 2*time.Minute)
		require.NoError(t, err)
		require.Nil(t, result.Error)
		require.Contains(t, string(result.Payload), `"action":"`+action+`"`)
	}
	consented := func() {
		t.Helper()
		var b begun
		require.Nil(t, s.invoke(`{"action":"begin","connection":"`+s.conn+`","redirect_uri":"http://localhost"}`, &b))
		require.Nil(t, s.invoke(consent.CompleteRequest{RedirectURL: atlassian.NewSecret(s.accept(b.AuthorizeURL))}.Event().Reveal(), nil))
	}
	tick("awaiting_consent")
	consented()
	s.requireStored()
	tick("idle")
	consented()
	s.requireStored()
	tick("idle")
	require.Len(t, s.em.Families(), 2)
}

// What a stranger can do who knows the function's URL: look at pages.
func TestStranger(t *testing.T) {
	t.Parallel()
	s := newStage(t, false)
	before := s.inUse()
	client := s.front.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/", "", 200},
		{"POST", "/", `{"action":"begin","connection":"` + s.conn + `"}`, 404},
		{"POST", "/", `{"action":"status"}`, 404},
		{"GET", "/start", "", 410},
		{"GET", "/go?connection=" + s.conn, "", 410},
		{"GET", "/callback?state=" + strings.Repeat("a", 43) + "&code=eyJ.a.b", "", 410},
		{"POST", "/callback", "connection=" + s.conn + "&confirm=yes&site=" + s.fix.Site.CloudID, 400},
	} {
		r, err := http.NewRequest(c.method, s.front.URL+c.path, strings.NewReader(c.body))
		require.NoError(t, err)
		if c.body != "" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		resp, err := client.Do(r)
		require.NoError(t, err)
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		_ = resp.Body.Close()
		require.Equal(t, c.status, resp.StatusCode, c.path)
		require.Contains(t, string(text), "<h1>")
		require.NotEmpty(t, resp.Header.Get("Content-Security-Policy"))
	}
	require.Equal(t, before, s.inUse())
	require.Empty(t, s.em.Events())
}

// Addresses that cannot be read, and answers to a public address for a consent that
// was begun elsewhere, are not used, shown or logged.
func TestUnreadableAddressesAndForeignConsents(t *testing.T) {
	t.Parallel()
	s := newStage(t, false)
	back := s.elsewhere()
	before := s.inUse()
	for path, status := range map[string]int{"/callback": http.StatusGone, "/callback%zz": http.StatusNotFound, "/call back": http.StatusNotFound, "/\\u0001": http.StatusNotFound} {
		event := `{"version":"2.0","rawPath":"` + path + `","rawQueryString":"` + back.RawQuery + `","cookies":["__Host-tokenkeeper=` + strings.Repeat("a", 43) + `"],
			"requestContext":{"domainName":"x.lambda-url.example","http":{"method":"GET","path":"/"}}}`
		result, err := s.function.Invoke(t.Context(), []byte(event), time.Minute)
		require.NoError(t, err)
		require.Nil(t, result.Error, path)
		require.Contains(t, string(result.Payload), fmt.Sprintf(`"statusCode":%d`, status), path)
		require.NotContains(t, string(result.Payload), back.Query().Get("code"))
	}
	require.Equal(t, "InvalidRequest", s.invoke(`{"action":"begin","connection":"`+s.conn+`","redirect_uri":"`+s.front.URL+`/callback?x=1"}`, nil).Type)
	require.Equal(t, before, s.inUse())
	require.Nil(t, s.invoke(consent.CompleteRequest{RedirectURL: atlassian.NewSecret(back.String())}.Event().Reveal(), nil))
	s.requireStored()
}

// Without hosted consent an event of the function's URL is refused as any other
// foreign event.
func TestPagesAreOffByDefault(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, "HOSTED_CONSENT=")
	failure := s.invoke(`{"version":"2.0","rawPath":"/","requestContext":{"domainName":"x","http":{"method":"GET","path":"/"}}}`, nil)
	require.NotNil(t, failure)
	require.Equal(t, "InvalidRequest", failure.Type)
}

func TestInvalidConfiguration(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, "HOSTED_CONSENT=perhaps", "PARAMETER_KEY_ID=a,b")
	failure := s.invoke(`{"action":"status"}`, nil)
	require.NotNil(t, failure)
	require.Equal(t, "InvalidConfiguration", failure.Type)
	require.Contains(t, failure.Message, "HOSTED_CONSENT")
	require.Contains(t, failure.Message, "PARAMETER_KEY_ID")
}
