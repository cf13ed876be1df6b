package main

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

var statusNow = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// conn is the connection of these tests.
var conn = family.Connection{Name: "A_"}

// statusText is what "tokenkeeper status" shows of the given parameters.
func statusText(t *testing.T, values map[string]atlassian.Secret, change func(*status)) string {
	t.Helper()
	clock := statusNow.Add(-time.Hour)
	st := memstore.New(func() time.Time { return clock })
	for name, value := range values {
		_, err := st.Write(t.Context(), "A_"+name, value, store.Encrypted)
		require.NoError(t, err)
	}
	clock = statusNow
	p, err := readParameters(t.Context(), st, conn)
	require.NoError(t, err)
	s := statusOf(p, family.DefaultPolicy())
	if change != nil {
		change(&s)
	}
	var out bytes.Buffer
	require.NoError(t, s.print(&out, p.Now))
	return out.String()
}

// record is a healthy connection's.
func record() family.Record {
	return family.Record{Schema: 1, Connection: "A_", AuthorizedAt: statusNow.Add(-100 * 24 * time.Hour), AuthorizedAtSource: family.FromConsent,
		LifetimeDays: 365, Generation: 7, Refresh: family.FingerprintOf(refresh), RotatedAt: statusNow.Add(-30 * time.Minute)}
}

var refresh = atlassian.NewSecret("refresh-canary-of-a-test")

// kept is a healthy connection's parameters, without a ledger.
func kept() map[string]atlassian.Secret {
	return map[string]atlassian.Secret{
		"CLIENT_ID": atlassian.NewSecret("id"), "CLIENT_SECRET": atlassian.NewSecret("secret-canary"),
		"REFRESH_TOKEN": refresh, "ACCESS_TOKEN": atlassian.NewSecret("access-canary"), "TOKEN_FAMILY": record().Encode(),
	}
}

// entry is a ledger's first entry.
func entry(t *testing.T, state family.State) atlassian.Secret {
	t.Helper()
	at := statusNow.Add(-time.Hour)
	st := memstore.New(func() time.Time { return at })
	l := ledger.Ledger{Log: ledger.Parameter{Store: st, Name: "ledger"}, Of: "A_"}
	_, err := l.Put(t.Context(), ledger.NewDraft("A_", ledger.Entry{}, state.Encode(), at, "p/1"))
	require.NoError(t, err)
	entries, err := st.Read(t.Context(), "ledger")
	require.NoError(t, err)
	return entries["ledger"].Value
}

func TestStatusShowsTheCountdown(t *testing.T) {
	out := statusText(t, kept(), nil)
	for _, line := range []string{
		`age            100.0 days`, `expires        2027-02-21, in 265.0 days`, `inactivity     ends it in 90.0 days`,
		`rotations      7, the last at 2026-06-01 11:30 UTC`, `access token   not known how long it lives`,
	} {
		require.Contains(t, out, line)
	}
	require.NotContains(t, out, "canary")
	for _, absent := range []string{"consent   ", "spend  ", "lock  "} {
		require.NotContains(t, out, absent)
	}
}

// The ledger is the truth; TOKEN_FAMILY may be behind it, or be lost.
func TestStatusReadsTheLedger(t *testing.T) {
	values := kept()
	newer := record()
	newer.Generation = 9
	values["TOKEN_LEDGER"] = entry(t, family.State{Refresh: refresh, Record: newer})
	require.Contains(t, statusText(t, values, nil), "rotations      9,")
	delete(values, "TOKEN_FAMILY")
	require.Contains(t, statusText(t, values, nil), "rotations      9,")
	delete(values, "TOKEN_LEDGER")
	require.Contains(t, statusText(t, values, nil), "known from when REFRESH_TOKEN was stored")
	delete(values, "REFRESH_TOKEN")
	require.Contains(t, statusText(t, values, nil), "there is no refresh token yet")
}

func TestStatusOfADamagedLedger(t *testing.T) {
	st := memstore.New(time.Now)
	_, err := st.Write(t.Context(), "A_TOKEN_LEDGER", atlassian.NewSecret(`{"of":"A_","base":0,"mark":"p/1","at":"2026-06-01T12:00:00Z","state":{"refresh":"a-canary"}}`), store.Encrypted)
	require.NoError(t, err)
	_, err = readParameters(t.Context(), st, conn)
	require.ErrorContains(t, err, "A_TOKEN_LEDGER: its newest entry")
	require.NotContains(t, err.Error(), "canary")
}

// denying is a store that lets nobody read the ledger.
type denying struct{ store.Store }

func (d denying) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	if slices.Contains(names, conn.Names().Ledger) {
		return nil, store.ErrDenied
	}
	return d.Store.Read(ctx, names...)
}

func TestStatusWithoutTheLedger(t *testing.T) {
	st := memstore.New(time.Now)
	for name, value := range kept() {
		_, err := st.Write(t.Context(), "A_"+name, value, store.Encrypted)
		require.NoError(t, err)
	}
	p, err := readParameters(t.Context(), denying{st}, conn)
	require.NoError(t, err)
	require.Equal(t, 7, p.record().Generation, "as TOKEN_FAMILY tells")
}

func TestStatusShowsASpend(t *testing.T) {
	for want, in := range map[string]family.Intent{
		"the refresh token was presented 1h0m0s ago by process p/1, whose answer is awaited\n":                    {Owner: "p/1", Token: record().Refresh},
		"the refresh token was presented 5m0s ago by a process that has got no answer\n":                          {Token: record().Refresh, First: statusNow.Add(-5 * time.Minute), Last: statusNow},
		"what somebody wrote to REFRESH_TOKEN was presented 1h0m0s ago by process p/2, whose answer is awaited\n": {Owner: "p/2", Token: "0123456789ab", Candidate: 3},
	} {
		values := kept()
		values["TOKEN_LEDGER"] = entry(t, family.State{Refresh: refresh, Record: record(), Intent: &in})
		require.Contains(t, statusText(t, values, nil), want)
	}
}

func TestStatusShowsPsoxysLock(t *testing.T) {
	values := kept()
	values["OAUTH_REFRESH_TOKEN_lock"] = atlassian.NewSecret("locked_1780311600000")
	require.Contains(t, statusText(t, values, nil), "psoxy's, held for 1h0m0s; stale\n")
}

func TestStatusShowsAConsentUnderWay(t *testing.T) {
	until := statusNow.Add(5 * time.Minute)
	require.Contains(t, statusText(t, kept(), func(s *status) { s.Consent = &consentStatus{Until: until} }), "under way until 2026-06-01 12:05 UTC")
	require.Contains(t, statusText(t, kept(), func(s *status) { s.Consent = &consentStatus{until, consent.AccountChanged} }), "wait for a decision (AccountChanged)")
}
