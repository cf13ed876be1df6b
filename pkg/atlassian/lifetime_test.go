package atlassian_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// jwt is a token with claims that Claims can read.
func jwt(claims string) string {
	return "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

func TestLifetimeAndCosmeticErrors(t *testing.T) {
	const hour, day = time.Hour, 24 * time.Hour
	twoHours := jwt(`{"iat":1700000000,"exp":1700007200}`)
	for _, c := range []struct {
		name, body string
		expires    time.Duration
		assumed    bool
	}{
		{"as documented", `{"access_token":"a","refresh_token":"r","expires_in":3600,"token_type":"Bearer","scope":"s"}`, hour, false},
		{"numeric string", `{"access_token":"a","refresh_token":"r","expires_in":" 1800 "}`, hour / 2, false},
		{"float", `{"access_token":"a","refresh_token":"r","expires_in":1800.5}`, 1800500 * time.Millisecond, false},
		{"exponent", `{"access_token":"a","refresh_token":"r","expires_in":3.6e3}`, hour, false},
		{"a day", `{"access_token":"a","refresh_token":"r","expires_in":86400}`, hour, true},
		{"absent", `{"access_token":"a","refresh_token":"r"}`, hour, true},
		{"null", `{"access_token":"a","refresh_token":"r","expires_in":null}`, hour, true},
		{"zero", `{"access_token":"a","refresh_token":"r","expires_in":0}`, 0, true},
		{"zero, a string", `{"access_token":"a","refresh_token":"r","expires_in":"0"}`, 0, true},
		{"under a second", `{"access_token":"a","refresh_token":"r","expires_in":0.999}`, 0, true},
		{"negative", `{"access_token":"a","refresh_token":"r","expires_in":-5}`, 0, true},
		{"negative and huge", `{"access_token":"a","refresh_token":"r","expires_in":-1e9999}`, 0, true},
		{"zero, claims", `{"access_token":"` + twoHours + `","refresh_token":"r","expires_in":0}`, 2 * hour, true},
		{"negative, claims", `{"access_token":"` + twoHours + `","refresh_token":"r","expires_in":-5}`, 2 * hour, true},
		{"zero, odd claims", `{"access_token":"` + jwt(`{"iat":1700007200,"exp":1700000000}`) + `","refresh_token":"r","expires_in":0}`, 0, true},
		{"huge", `{"access_token":"a","refresh_token":"r","expires_in":1e30}`, hour, true},
		{"huger", `{"access_token":"a","refresh_token":"r","expires_in":1e9999}`, hour, true},
		{"milliseconds", `{"access_token":"a","refresh_token":"r","expires_in":3600000}`, hour, true},
		{"over a day", `{"access_token":"a","refresh_token":"r","expires_in":86401}`, hour, true},
		{"word", `{"access_token":"a","refresh_token":"r","expires_in":"soon"}`, hour, true},
		{"NaN", `{"access_token":"a","refresh_token":"r","expires_in":"NaN"}`, hour, true},
		{"Inf", `{"access_token":"a","refresh_token":"r","expires_in":"Inf"}`, hour, true},
		{"hexadecimal", `{"access_token":"a","refresh_token":"r","expires_in":"0x10"}`, hour, true},
		{"object", `{"access_token":"a","refresh_token":"r","expires_in":{}}`, hour, true},
		{"absent, claims", `{"access_token":"` + twoHours + `","refresh_token":"r"}`, 2 * hour, true},
		{"huge, claims", `{"access_token":"` + twoHours + `","refresh_token":"r","expires_in":1e30}`, 2 * hour, true},
		{"given, claims", `{"access_token":"` + twoHours + `","refresh_token":"r","expires_in":60}`, time.Minute, false},
		{"more than the claims say", `{"access_token":"` + twoHours + `","refresh_token":"r","expires_in":10800}`, 2 * hour, true},
		{"a little more than the claims say", `{"access_token":"` + twoHours + `","refresh_token":"r","expires_in":7260}`, 7260 * time.Second, false},
		{"claims of years", `{"access_token":"` + jwt(`{"iat":1700000000,"exp":1900000000}`) + `","refresh_token":"r","expires_in":3600}`, hour, false},
		{"absent, odd claims", `{"access_token":"` + jwt(`{"iat":1700007200,"exp":1700000000}`) + `","refresh_token":"r"}`, hour, true},
		{"unknown members", `{"access_token":"a","x":[{}],"refresh_token":"r","expires_in":3600,"Refresh_Token":9}`, hour, false},
		{"members twice", `{"access_token":"old","access_token":"a","refresh_token":"r","expires_in":3600}`, hour, false},
		{"byte order mark", "\ufeff" + `{"access_token":"a","refresh_token":"r","expires_in":3600}`, hour, false},
		{"text after the object", `{"access_token":"a","refresh_token":"r","expires_in":3600}` + "\n<!-- " + canary, hour, false},
		{"odd scope and type", `{"access_token":"a","refresh_token":"r","expires_in":3600,"scope":5,"token_type":[]}`, hour, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, c.body) })
			token, err := client.Refresh(t.Context(), app, atlassian.NewSecret("old"))
			require.NoError(t, err)
			require.NotEmpty(t, token.Access.Reveal())
			if !strings.Contains(c.name, "claims") {
				require.Equal(t, "a", token.Access.Reveal())
			}
			require.Equal(t, "r", token.Refresh.Reveal())
			require.Equal(t, c.expires, token.ExpiresIn)
			require.Equal(t, c.assumed, token.ExpiresInAssumed)
		})
	}
}

// If a token was issued earlier, or has no iat, its lifetime counts from the answer's
// date.
func TestLifetimeByTheAnswersDate(t *testing.T) {
	const iat = 1700000000
	date := func(after time.Duration) string { return time.Unix(iat, 0).Add(after).UTC().Format(http.TimeFormat) }
	both, exp := jwt(`{"iat":1700000000,"exp":1700003600}`), jwt(`{"exp":1700003600}`)
	for _, c := range []struct {
		name, token, date string
		want              time.Duration
	}{
		{"issued just now", both, date(0), time.Hour},
		{"issued ten minutes ago", both, date(10 * time.Minute), 50 * time.Minute},
		{"a date before the issue", both, date(-time.Hour), time.Hour},
		{"a date after the end", both, date(2 * time.Hour), time.Hour},
		{"no date", both, "", time.Hour},
		{"no iat", exp, date(time.Minute), 59 * time.Minute},
		{"no iat, and the end has passed", exp, date(2 * time.Hour), 0},
		{"no iat and no date", exp, "soon", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := `{"access_token":"` + c.token + `","refresh_token":"r","expires_in":0}`
			token, err := answering(200, http.Header{"Date": {c.date}}, []byte(body)).Refresh(t.Context(), app, atlassian.NewSecret("old"))
			require.NoError(t, err)
			require.Equal(t, c.want, token.ExpiresIn)
			require.True(t, token.ExpiresInAssumed)
		})
	}
}

func TestExpiresAt(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for in, want := range map[time.Duration]time.Time{
		0:              at,
		time.Second:    at.Add(time.Second),
		time.Hour:      at.Add(time.Hour),
		24 * time.Hour: at.AddDate(0, 0, 1),
	} {
		t.Run(in.String(), func(t *testing.T) {
			require.Equal(t, want, atlassian.Token{ExpiresIn: in}.ExpiresAt(at))
		})
	}
}
