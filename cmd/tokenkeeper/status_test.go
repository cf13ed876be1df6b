package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

var statusNow = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// report is a healthy connection's.
func report(name string, days float64) health.Report {
	ends := statusNow.Add(time.Duration(days * 24 * float64(time.Hour)))
	return health.Report{
		Connection: name, State: health.OK, Verdict: "OK until " + ends.Format(time.DateOnly) + "; nobody needs to act", Do: "nothing", Action: keeper.Idle,
		At: statusNow, AppStored: true, Until: ends, Seen: statusNow.Add(-30 * time.Minute), NextTick: "the access token has 30m0s left",
		Family: &health.Family{AuthorizedAt: ends.Add(-365 * 24 * time.Hour), AuthorizedAtSource: family.FromConsent, AgeDays: 365 - days, DaysRemaining: days,
			ExpiresAt: ends, InactivityDaysRemaining: 89.98, Generation: 7, RotatedAt: statusNow.Add(-30 * time.Minute), AccessExpiresAt: statusNow.Add(30 * time.Minute)},
	}
}

func lostReport(name string) health.Report {
	r := report(name, 100)
	r.State, r.Level, r.Verdict, r.Do = health.Lost, health.Broken, "LOST since 05:20Z: consent now: tokenkeeper authorize --connection "+name, "tokenkeeper authorize --connection "+name
	r.Family.Refused = true
	r.Family.LastFailure = &family.Failure{Class: "permanent", Code: "unauthorized_client", At: statusNow, Count: 3}
	return r
}

// screenOf is what a person sees of reports.
func screenOf(one bool, s style, reports ...health.Report) string {
	f := statusFlags{one: one}
	return string(f.screen(reports, place{Store: "file:./tokens"}, s))
}

func TestStatusOfOneConnection(t *testing.T) {
	out := screenOf(true, style{}, report("A_", 265))
	require.True(t, strings.HasPrefix(out, "OK until 2027-02-21; nobody needs to act\n\n"), out)
	for _, line := range []string{
		`connection     A_, in the directory ./tokens`, `age            100.0 days`, `expires        2027-02-21, in 265.0 days: consent again before then`,
		`inactivity     ends it in 90.0 days`, `rotations      7, the last at 2026-06-01 11:30 UTC`, `access token   good for 30m0s`,
		`last tick      wrote at 2026-06-01 11:30 UTC`, `next tick      the access token has 30m0s left`, `last failure   none since the last rotation`,
	} {
		require.Contains(t, out, line)
	}
	for _, absent := range []string{"consent   ", "spend  ", "lock  ", "besides", "not read"} {
		require.NotContains(t, out, absent)
	}
}

// A lost family has no end to wait for.
func TestStatusOfALostFamily(t *testing.T) {
	out := screenOf(true, style{}, lostReport("A_"))
	require.True(t, strings.HasPrefix(out, "LOST since 05:20Z: consent now: tokenkeeper authorize --connection A_\n"), out)
	require.Contains(t, out, "expires        it is lost; by its age it would end on 2026-09-09")
	require.Contains(t, out, "last failure   permanent (unauthorized_client) at 2026-06-01 12:00 UTC, 3 in a row: the family is lost")
	require.NotContains(t, out, "before then")
	require.NotContains(t, out, "inactivity")
	old := report("A_", -6)
	require.Contains(t, screenOf(true, style{}, old), "expires        on 2026-05-26 it was too old, 6.0 days ago")
}

func TestStatusShowsWhatIsUnusual(t *testing.T) {
	r := report("A_", 265)
	r.Also = []string{"NEEDS ATTENTION: something else"}
	r.Denied = []string{"A_TOKEN_LEDGER", "A_CLIENT_ID"}
	r.Lock = &health.Lock{HeldSince: statusNow.Add(-time.Hour), Stale: true}
	r.Tick = &health.Tick{At: statusNow, Action: keeper.Failed, Reason: "no \x1b[31mwrites"}
	r.Spend = &health.Spend{FirstAt: statusNow.Add(-5 * time.Minute), Owner: "p/1"}
	r.Consent = &health.Consent{Until: statusNow.Add(5 * time.Minute)}
	out := screenOf(true, style{}, r)
	for _, line := range []string{
		"besides        NEEDS ATTENTION: something else", "not read       A_TOKEN_LEDGER, A_CLIENT_ID: access is denied", "lock           psoxy's, held for 1h0m0s; stale",
		"last tick      2026-06-01 12:00 UTC: failed: no [31mwrites", "spend          the refresh token was presented 5m0s ago by process p/1, whose answer is awaited",
		"consent        under way until 2026-06-01 12:05 UTC",
	} {
		require.Contains(t, out, line)
	}
	r.Spend, r.Consent = &health.Spend{FirstAt: statusNow, Candidate: true}, &health.Consent{Until: statusNow, Needs: "AccountChanged"}
	out = screenOf(true, style{}, r)
	require.Contains(t, out, "what somebody wrote to REFRESH_TOKEN was presented 0s ago by a process that has got no answer")
	require.Contains(t, out, "wait for a decision (AccountChanged)")

	unseen := screenOf(true, style{}, health.Unseen("A_", errors.New("no answer"), health.CommandsFor("A_", "", "tk"), statusNow))
	require.Equal(t, "NEEDS ATTENTION: the state is not known: no answer: see why: tokenkeeper doctor --stack tk\n\nconnection  A_, in the directory ./tokens\nreason      no answer\n", unseen)
}

func TestStatusOfSeveralConnections(t *testing.T) {
	none := health.Report{Connection: "D_", State: health.AwaitingConsent, Level: health.Attention, Verdict: "NEEDS ATTENTION: nobody has consented yet: x", Do: "x", At: statusNow}
	require.Equal(t, `LOST since 05:20Z: C_ (2 of 4 connections need somebody): consent now: tokenkeeper authorize --connection C_

STATE             CONNECTION  FAMILY ENDS                      ACCESS TOKEN  LAST TICK       NEXT STEP
ok                A_          [##########] 2027-06-01 (365 d)  30 minutes    30 minutes ago  nothing
ok                B_          [##--------] 2026-08-10 (70 d)   30 minutes    30 minutes ago  nothing
lost              C_          [###-------] 2026-09-09 (100 d)  30 minutes    30 minutes ago  tokenkeeper authorize --connection C_
awaiting_consent  D_          -                                -             -               x
`, screenOf(false, style{}, report("A_", 365), report("B_", 70), lostReport("C_"), none))
	require.True(t, strings.HasPrefix(screenOf(false, style{}, report("A_", 365), report("B_", 70)),
		"OK until 2026-08-10: all 2 connections are well; nobody needs to act\n"))
	alone := screenOf(false, style{blocks: true}, report("A_", 70))
	require.Contains(t, alone, "██░░░░░░░░ 2026-08-10 (70 d)")
	require.Contains(t, alone, "rotations ", "of one connection all is told")
}

func TestColours(t *testing.T) {
	out := screenOf(false, style{colour: true}, report("A_", 365), lostReport("C_"))
	require.True(t, strings.HasPrefix(out, "\x1b[31mLOST since"), out)
	require.Contains(t, out, "\n\x1b[32mok\x1b[0m     A_")
	require.Contains(t, out, "\n\x1b[31mlost\x1b[0m   C_")
}

// Only a terminal gets colours, unless NO_COLOR is set.
func TestStyle(t *testing.T) {
	t.Setenv("LC_ALL", "C.UTF-8")
	require.Equal(t, style{blocks: true}, styleOf(new(bytes.Buffer)))
	t.Setenv("LC_ALL", "C")
	require.Equal(t, style{}, styleOf(new(bytes.Buffer)))
}
