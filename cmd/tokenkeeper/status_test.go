package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

var statusNow = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// statusText is what "tokenkeeper status" shows of the given parameters.
func statusText(t *testing.T, values map[string]atlassian.Secret, change func(*status)) string {
	t.Helper()
	entries := map[string]store.Entry{}
	for name, value := range values {
		entries["A_"+name] = store.Entry{Value: value, Version: 3, Modified: statusNow.Add(-time.Hour)}
	}
	p := parameters{Snapshot: family.NewSnapshot("A_", entries)}
	s := statusOf(p, statusNow, family.DefaultPolicy())
	if change != nil {
		change(&s)
	}
	var out bytes.Buffer
	require.NoError(t, s.print(&out, statusNow))
	return out.String()
}

// kept is a healthy connection's parameters.
func kept() map[string]atlassian.Secret {
	refresh := atlassian.NewSecret("refresh-canary")
	record := family.Record{Schema: 1, Connection: "A_", AuthorizedAt: statusNow.Add(-100 * 24 * time.Hour), AuthorizedAtSource: family.FromConsent,
		LifetimeDays: 365, Generation: 7, Refresh: family.FingerprintOf(refresh), RotatedAt: statusNow.Add(-30 * time.Minute)}
	return map[string]atlassian.Secret{
		"CLIENT_ID": atlassian.NewSecret("id"), "CLIENT_SECRET": atlassian.NewSecret("secret-canary"),
		"REFRESH_TOKEN": refresh, "ACCESS_TOKEN": atlassian.NewSecret("access-canary"), "TOKEN_FAMILY": record.Encode(),
	}
}

func TestStatusShowsTheCountdown(t *testing.T) {
	out := statusText(t, kept(), nil)
	for _, line := range []string{
		`age            100.0 days`, `expires        2027-02-21, in 265.0 days`, `inactivity     ends it in 90.0 days`,
		`rotations      7, the last at 2026-06-01 11:30 UTC`, `lock           free`, `access token   not known how long it lives`,
	} {
		require.Contains(t, out, line)
	}
	require.NotContains(t, out, "canary")
	require.NotContains(t, out, "consent   ")
}

func TestStatusShowsWhoHoldsTheLock(t *testing.T) {
	for want, lock := range map[string]atlassian.Secret{
		"held for 30s by tokenkeeper process p/1, to present a refresh token\n": family.EncodeLock(statusNow.Add(-30*time.Second), family.Intent{Owner: "p/1", Spending: "abc"}),
		"held for 30s by tokenkeeper process p/2\n":                             family.EncodeLock(statusNow.Add(-30*time.Second), family.Intent{Owner: "p/2"}),
		"held for 5m0s by something else, such as psoxy; stale\n":               atlassian.NewSecret("locked_" + "1780314900000"),
	} {
		values := kept()
		values["OAUTH_REFRESH_TOKEN_lock"] = lock
		require.Contains(t, statusText(t, values, nil), want)
	}
}

func TestStatusShowsAConsentUnderWay(t *testing.T) {
	until := statusNow.Add(5 * time.Minute)
	require.Contains(t, statusText(t, kept(), func(s *status) { s.Consent = &consentStatus{Until: until} }), "under way until 2026-06-01 12:05 UTC")
	require.Contains(t, statusText(t, kept(), func(s *status) { s.Consent = &consentStatus{until, consent.AccountChanged} }), "wait for a decision (AccountChanged)")
}
