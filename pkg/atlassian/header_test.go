package atlassian

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, c := range []struct {
		value, date string
		want        time.Duration
	}{
		{"", "", 0},
		{"0", "", 0},
		{"120", "", 2 * time.Minute},
		{" 120 ", "", 2 * time.Minute},
		{"3600", "", time.Hour},
		{"3601", "", time.Hour},
		{"86400", "", time.Hour},
		{"30000", "", time.Hour},      // milliseconds, against RFC 9110
		{"1767225600", "", time.Hour}, // a point in time
		{"9223372036854775807", "", time.Hour},
		{strings.Repeat("9", 500), "", time.Hour},
		{"-5", "", 0},
		{"+5", "", 0},
		{"1.5", "", 0},
		{"1e3", "", 0},
		{"soon", "", 0},
		{"٣", "", 0},
		{in(time.Minute), "", time.Minute},
		{in(-time.Minute), "", 0},
		{in(0), "", 0},
		{in(365 * 24 * time.Hour), "", time.Hour},
		{in(time.Hour + time.Minute), in(time.Hour), time.Minute}, // the server's clock is ahead
		{in(time.Minute), in(time.Hour), 0},
		{in(time.Minute), "garbage", time.Minute},
		{now.Add(time.Minute).Format(time.ANSIC), "", time.Minute},
		{now.Add(time.Minute).Format("Monday, 02-Jan-06 15:04:05 GMT"), "", time.Minute},
		{"Sun, 01 Mar 2026 25:00:00 GMT", "", 0},
	} {
		t.Run(c.value+" with Date "+c.date, func(t *testing.T) {
			h := http.Header{}
			h.Set("Retry-After", c.value)
			h.Set("Date", c.date)
			require.Equal(t, c.want, retryAfter(h, now))
		})
	}
	require.Equal(t, time.Hour, MaxRetryAfter)
	// The client's clock is used if an answer has no date.
	client := &Client{Now: func() time.Time { return now }}
	require.Equal(t, time.Minute, reply{header: http.Header{"Retry-After": {in(time.Minute)}}}.retryAfter(client))
	require.Zero(t, reply{}.retryAfter(client))
}

func TestClaims(t *testing.T) {
	token := func(payload string) Secret {
		return NewSecret("e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln")
	}
	for _, c := range []struct {
		name  string
		token Secret
		want  ClaimSet
	}{
		{"all", token(`{"iat":1700000000,"exp":1700003600.5,"https://id.atlassian.com/refresh_chain_id":"chain","aud":["x"]}`),
			ClaimSet{IssuedAt: time.Unix(1700000000, 0).UTC(), ExpiresAt: time.Unix(1700003600, 5e8).UTC(), RefreshChainID: "chain"}},
		{"none", token(`{}`), ClaimSet{}},
		{"wrong types", token(`{"iat":"x","exp":[],"https://id.atlassian.com/refresh_chain_id":5}`), ClaimSet{}},
		{"null and a boolean", token(`{"iat":null,"exp":true}`), ClaimSet{}},
		{"too early", token(`{"iat":-1,"exp":0}`), ClaimSet{}},
		{"too late", token(`{"iat":1e300,"exp":253402300800}`), ClaimSet{}},
		{"the latest time", token(`{"exp":253402300799}`), ClaimSet{ExpiresAt: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}},
		{"padded", NewSecret("e30." + base64.URLEncoding.EncodeToString([]byte(`{"iat":1}`)) + ".x"), ClaimSet{IssuedAt: time.Unix(1, 0).UTC()}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := Claims(c.token)
			require.True(t, ok)
			require.Equal(t, c.want, got)
		})
	}
	for name, not := range map[string]Secret{
		"empty": {}, "a dot": NewSecret("."), "two dots": NewSecret(".."), "two parts": NewSecret("a.b"),
		"four parts": NewSecret("a.b.c.d"), "opaque": NewSecret("opaque"), "not base64": NewSecret("a.!!.c"),
		"too long":      NewSecret("a." + strings.Repeat("A", maxPeek) + ".c"),
		"empty payload": token(``), "null payload": token(`null`), "array": token(`[]`), "number": token(`5`),
		"truncated": token(`{"iat":1`), "deeply nested": token(strings.Repeat("[", 40000)),
	} {
		t.Run("not a JWT: "+name, func(t *testing.T) {
			_, ok := Claims(not)
			require.False(t, ok)
		})
	}
}

func TestErrorText(t *testing.T) {
	for want, e := range map[string]*Error{
		"refresh: permanent (HTTP 403 invalid_grant)":                     {Op: "refresh", Class: Permanent, Status: 403, Code: "invalid_grant", Sent: true},
		"refresh: transient (HTTP 429, retry after 1m30s)":                {Op: "refresh", Class: Transient, Status: 429, RetryAfter: 90 * time.Second, Sent: true},
		"exchange: restart_consent (HTTP 400 invalid_request)":            {Op: "exchange", Class: RestartConsent, Status: 400, Code: "invalid_request"},
		"refresh: ambiguous (sent, no answer): context deadline exceeded": {Op: "refresh", Sent: true, Err: context.DeadlineExceeded},
		"get: configuration (not sent): why":                              {Op: "get", Class: Configuration, Err: errors.New("why")},
		"ambiguous (not sent)":                                            {},
	} {
		t.Run(want, func(t *testing.T) {
			require.Equal(t, want, e.Error())
			require.Equal(t, want, fmt.Sprint(e))
		})
	}
	require.ErrorIs(t, &Error{Err: context.Canceled}, context.Canceled)
	require.NoError(t, (&Error{}).Unwrap())
}

func TestPresentableEndsOnEndlessChains(t *testing.T) {
	require.NoError(t, presentable(t.Context(), nil))
	require.Equal(t, "the HTTP exchange failed (*atlassian.endless)", presentable(t.Context(), &endless{}).Error())
}

// endless wraps itself.
type endless struct{ _ [math.MaxUint8]byte }

func (e *endless) Error() string { return "a text that may hold anything" }
func (e *endless) Unwrap() error { return e }
