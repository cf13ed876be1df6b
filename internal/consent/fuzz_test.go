package consent

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// fuzzCanary takes the place of every § in a fuzzed value that can hold a secret.
const fuzzCanary = "canary-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789"

func planted(value string) string { return strings.ReplaceAll(value, "§", fuzzCanary) }

// FuzzRedirectURL: a person may paste anything as the address at which the browser
// ended. No error shows any of it. What is accepted has a state, and came back to
// the address that the consent named.
func FuzzRedirectURL(f *testing.F) {
	const sentTo = "http://localhost:9000/callback"
	for _, address := range []string{sentTo + "?state=§&code=§", " " + sentTo + "?code=§&state=§#x \n", "?state=§&code=§", "state=§", "https://evil.example/callback?state=§&code=§",
		sentTo + "?error=access_denied&state=§", sentTo + "?error=§&state=§", sentTo + "?state=a&state=§", sentTo + "?state=%zz&code=§", "http://[::§", "HTTP://LOCALHOST:9000/callback?state=a&code=b", ""} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		c, err := CompleteRequest{RedirectURL: atlassian.NewSecret(planted(address))}.callback()
		if err != nil {
			require.NotContains(t, err.Error(), fuzzCanary)
			return
		}
		require.False(t, c.state.IsZero())
		require.LessOrEqual(t, c.state.Len(), maxState)
		require.LessOrEqual(t, c.code.Len(), maxCode)
		if err := (&underWay{RedirectURI: sentTo}).checkCallback(c, atlassian.Secret{}); err != nil {
			require.NotContains(t, err.Error(), fuzzCanary)
			return
		}
		require.False(t, c.code.IsZero())
		u, err := url.Parse(strings.TrimSpace(planted(address)))
		require.NoError(t, err)
		if u.Host != "" {
			require.Equal(t, "localhost", place(u))
		}
	})
}

// FuzzStoredConsents: whatever stands in CONSENT_STATE and CONSENT_TOKENS is a
// consent or none; what is one can be written, and reads back the same.
func FuzzStoredConsents(f *testing.F) {
	const conn = "PSOXY_JIRA_CLOUD_"
	under := underWay{Schema: schema, Connection: conn, State: "abc", RedirectURI: "http://localhost", Scopes: []string{"x"}}
	f.Add(under.encode().Reveal(), conn)
	f.Add((&waiting{underWay: under, refresh: atlassian.NewSecret("r"), access: atlassian.NewSecret("a")}).encode().Reveal(), conn)
	for _, value := range []string{"", "null", "{", `{"schema":1}`, `{"schema":1,"connection":"PSOXY_JIRA_CLOUD_","expires_at":"9999-12-31T23:59:59-23:59"}`,
		`{"schema":1,"connection":"PSOXY_JIRA_CLOUD_","at":"0000-01-01T00:00:00+23:59","refresh_token":"r","access_token":"a"}`} {
		f.Add(value, conn)
	}
	f.Fuzz(func(t *testing.T, value, connection string) {
		e := store.Entry{Value: atlassian.NewSecret(value), Version: 1}
		if u := parseUnderWay(e, connection); u != nil {
			require.Equal(t, connection, u.Connection)
			again := parseUnderWay(store.Entry{Value: u.encode(), Version: 1}, connection)
			require.NotNil(t, again)
			require.Equal(t, u.encode(), again.encode())
		}
		if w := parseWaiting(e, connection); w != nil {
			require.False(t, w.refresh.IsZero())
			encoded := w.encode()
			if again := parseWaiting(store.Entry{Value: encoded, Version: 1}, connection); again != nil {
				require.Equal(t, encoded, again.encode())
			}
			w.until()
			w.token()
		}
	})
}

// FuzzIsErrorCode compares the check by hand with the regular expression that it
// replaced.
func FuzzIsErrorCode(f *testing.F) {
	form := regexp.MustCompile(`^[a-z_]{1,40}$`)
	for _, s := range []string{"", "access_denied", "Access", "a b", "a\n", "é", strings.Repeat("a", 40), strings.Repeat("a", 41)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { require.Equal(t, form.MatchString(s), isErrorCode(s), "%q", s) })
}
