package paging

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/scenario"
)

func TestEveryFailure(t *testing.T) {
	all, err := results()
	require.NoError(t, err)
	failures := 0
	for _, o := range all {
		if o.Urgency == "page" {
			failures++
			requireTold(t, o.Scenario, o.Result, promptly)
		}
	}
	require.Equal(t, 14, failures)
}

// requireTold: the right page at the right time, no other, none twice, and
// silence when all is mended.
func requireTold(t *testing.T, sc scenario.Scenario, r scenario.Result, within time.Duration) {
	t.Helper()
	name := sc.Name
	if r.CauseAt != nil {
		name += ", cause at " + r.CauseAt.Format("15:04:05")
	}
	require.NotNil(t, r.First, "%s: nobody was paged", name)
	require.Equal(t, "page", r.First.Urgency)
	require.GreaterOrEqual(t, *r.KnownToPage, 0.0, "%s: paged before it could be known", name)
	require.LessOrEqual(t, *r.KnownToPage, within.Seconds(), "%s: %s after it could be known", name, scenario.Span(*r.KnownToPage))
	if sc.Live {
		require.Positive(t, *r.First.FamilyDaysLeft, "%s: the family was to live", name)
		require.Positive(t, *r.First.AccessTokenSecondsLeft, "%s: the page came after the access token's end", name)
	}
	require.Zero(t, r.FalsePages, name)
	require.Empty(t, r.Sounding, name)
	seen := map[string]bool{}
	for _, p := range r.Pages {
		if p.State == alarm.InAlarm && !p.At.Before(*r.CauseAt) {
			require.False(t, seen[p.Alarm], "%s: %s sounds a second time, at %s", name, p.Alarm, p.At)
			seen[p.Alarm] = true
		}
	}
}

// TestEveryFailureAtEveryPhase moves the cause through a whole cycle of seven
// ticks, so that no figure is a matter of luck. One of 200 connections is one of
// the others with more work.
func TestEveryFailureAtEveryPhase(t *testing.T) {
	for _, sc := range scenario.All() {
		if sc.Urgency != "page" || sc.Name == "one-of-200" {
			continue
		}
		for shift := time.Duration(0); shift < 36*time.Minute; shift += 2*time.Minute + 13*time.Second {
			r, err := scenario.Run(tokenkeeper.Template, sc, scenario.Options{Shift: shift})
			require.NoError(t, err)
			requireTold(t, sc, r, promptly)
		}
	}
}

// TestOtherSettings: the alarms hold at the ends of what the template's
// parameters allow. With a tick every minute a failure pages a minute later, for
// a period of five minutes with a success in it is not failing.
func TestOtherSettings(t *testing.T) {
	for _, parameters := range []map[string]string{{"ScheduleExpression": "rate(1 minute)"}, {"ScheduleExpression": "rate(5 minutes)"}, {"RefreshBefore": "10m"}, {"RefreshBefore": "55m"}} {
		for _, sc := range scenario.All() {
			if sc.Days > 7 || sc.Name == "one-of-200" {
				continue
			}
			r, err := scenario.Run(tokenkeeper.Template, sc, scenario.Options{Parameters: parameters})
			require.NoError(t, err)
			if sc.Urgency == "page" {
				requireTold(t, sc, r, promptly+time.Minute)
			}
			require.Zero(t, r.FalsePages, "%s with %v", sc.Name, parameters)
		}
	}
}

// TestNothingIsToldOfWhatDoesNoHarm: psoxy at work on the same family, and clocks
// that disagree within reason.
func TestNothingIsToldOfWhatDoesNoHarm(t *testing.T) {
	for _, name := range []string{"psoxy-racing", "clock-skew"} {
		r := resultOf(t, name)
		require.Empty(t, r.Pages, name)
		require.Equal(t, r.Ticks, r.Invocations, "%s: a tick failed", name)
	}
}

// TestWhatCanWaitUntilTheMorning: a cause that stops no rotation makes a ticket
// each time, and never a page. A lost site makes one within a day, and within
// minutes after Atlassian was asked.
func TestWhatCanWaitUntilTheMorning(t *testing.T) {
	for name, times := range map[string]int{"token-overwritten": 15, "copies-deleted": 1, "site-lost": 1} {
		r := resultOf(t, name)
		told := 0
		for _, p := range r.Pages {
			require.Equal(t, "attention", p.Alarm, name)
			require.Equal(t, "ticket", p.Urgency, name)
			if p.State == alarm.InAlarm {
				told++
			}
		}
		require.Equal(t, times, told, name)
		require.NotNil(t, r.First, name)
		require.GreaterOrEqual(t, *r.KnownToPage, 0.0, name)
		require.LessOrEqual(t, *r.KnownToPage, (10 * time.Minute).Seconds(), name)
		require.Zero(t, r.FalsePages, name)
		require.Empty(t, r.Sounding, name)
		require.Equal(t, r.Ticks, r.Invocations, "%s: a tick failed", name)
	}
}

// TestALongerLookBack: how far CloudWatch looks back for missing data is not
// documented. With three data points more than by default every page still
// comes in time.
func TestALongerLookBack(t *testing.T) {
	for _, sc := range scenario.All() {
		if sc.Urgency != "page" || sc.Name == "one-of-200" {
			continue
		}
		r, err := scenario.Run(tokenkeeper.Template, sc, scenario.Options{LookBack: func(n int) int { return n + 5 }})
		require.NoError(t, err)
		requireTold(t, sc, r, promptly)
	}
}

// TestWhatOnlyAPersonMendsIsRepeatedByNobody: a lost family or a wrong parameter
// makes no failed invocation, and so no dead letter, however long it stands. It
// pages all the same: TestEveryFailure.
func TestWhatOnlyAPersonMendsIsRepeatedByNobody(t *testing.T) {
	for _, name := range []string{"password-changed", "grant-revoked", "user-deactivated", "secret-rotated", "parameter-deleted"} {
		r := resultOf(t, name)
		require.Equal(t, r.Ticks, r.Invocations, "%s: a tick was repeated", name)
		for _, p := range r.Pages {
			require.NotEqual(t, "attention", p.Alarm, name)
		}
	}
}

// TestASecondFamilyIsToldOf though the first one's alarm still stands: lost, or
// past a warning, whichever way the stack is set to warn.
func TestASecondFamilyIsToldOf(t *testing.T) {
	count := func(r scenario.Result, name string) (told []float64) {
		for _, p := range r.Pages {
			if p.Alarm == name && p.State == alarm.InAlarm {
				told = append(told, float64(int(p.Day)))
			}
		}
		return told
	}
	require.Equal(t, []float64{0, 0}, count(resultOf(t, "second-lost"), "consent-now"))
	sc, err := scenario.Find("second-warned")
	require.NoError(t, err)
	for _, scope := range []string{"stack", "connection"} {
		t.Run(scope, func(t *testing.T) {
			r, err := scenario.Run(tokenkeeper.Template, sc, scenario.Options{Parameters: map[string]string{"WarningScope": scope}})
			require.NoError(t, err)
			require.Equal(t, []float64{10, 15}, count(r, "first-warning"))
			require.Equal(t, []float64{40, 45}, count(r, "second-warning"))
			require.Empty(t, count(r, "third-warning"))
			require.Zero(t, r.FalsePages)
			require.Empty(t, r.Sounding)
			require.LessOrEqual(t, *r.KnownToPage, map[string]float64{"stack": 80 * 60, "connection": 5 * 60}[scope])
		})
	}
}

// TestWithoutADataPointBefore: should CloudWatch look at the newest data point
// alone, a first loss still pages; only the second one would go unheard.
func TestWithoutADataPointBefore(t *testing.T) {
	sc, err := scenario.Find("password-changed")
	require.NoError(t, err)
	r, err := scenario.Run(tokenkeeper.Template, sc, scenario.Options{LookBack: func(n int) int { return n }})
	require.NoError(t, err)
	requireTold(t, sc, r, promptly)
	require.Equal(t, "consent-now", r.First.Alarm)
}
