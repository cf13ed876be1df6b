package paging

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/scenario"
)

// warnings are due 60, 30, 14, 7 days and 1 day ahead of the 365th.
var warnings = []notice{
	{"first-warning", "ticket", 305},
	{"second-warning", "ticket", 335},
	{"third-warning", "ticket", 351},
	{"fourth-warning", "page", 358},
	{"consent-now", "page", 364},
}

// TestAHealthyYear: the configured warnings on the exact days, not one other
// alarm in 400 days, and silence about an hour after the new consent.
func TestAHealthyYear(t *testing.T) {
	r := resultOf(t, "healthy-year")
	require.Equal(t, 400, r.Days)
	require.Equal(t, 400*720, r.Ticks)
	require.Equal(t, warnings, sounded(r))
	require.Zero(t, r.FalsePages)
	require.Empty(t, r.Sounding)
	require.Len(t, r.Consents, 2)
	consent := r.Pages[0].At.Add(-time.Duration(float64(r.Pages[0].Day) * float64(24*time.Hour))).Add(time.Duration(float64(r.Consents[1]) * float64(24*time.Hour)))
	ended := 0
	for _, p := range r.Pages {
		if p.State == alarm.OK {
			ended++
			require.WithinRange(t, p.At, consent, consent.Add(65*time.Minute), p.Alarm)
		} else {
			require.InDelta(t, map[string]float64{"first-warning": 60, "second-warning": 30, "third-warning": 14,
				"fourth-warning": 7, "consent-now": 1}[p.Alarm], *p.FamilyDaysLeft, 0.01, "minutes after the threshold")
		}
	}
	require.Equal(t, len(warnings), ended, "each warning ends once")
}

// TestAYearThatNobodyRenews: the warnings come all the same, and when the family
// has died of age nothing sounds that its death does not explain, and nothing
// any more after a late consent.
func TestAYearThatNobodyRenews(t *testing.T) {
	r := resultOf(t, "healthy-year-without-consent")
	all := sounded(r)
	require.Equal(t, warnings, all[:len(warnings)])
	for _, n := range all[len(warnings):] {
		require.Equal(t, 365.0, n.day, n.alarm)
	}
	require.Zero(t, r.FalsePages)
	require.Empty(t, r.Sounding)
	require.Len(t, all, len(warnings)+1, "the access token's end, and nothing twice")
}

// TestTheFirstConsent: a stack that waits for it pages nobody, and files one
// ticket after a day.
func TestTheFirstConsent(t *testing.T) {
	r := resultOf(t, "awaiting-consent")
	require.Equal(t, []notice{{"awaiting-consent", "ticket", 1}}, sounded(r))
	require.Zero(t, r.FalsePages)
	require.Empty(t, r.Sounding)
}

// TestALateConsentAtEveryPhase lets a family of eight days die of age, and be
// renewed at every phase between two ticks and their retries: what has ended
// does not sound again.
func TestALateConsentAtEveryPhase(t *testing.T) {
	sc, err := scenario.Find("healthy-year-without-consent")
	require.NoError(t, err)
	sc.CauseAt = 3 * 24 * time.Hour
	for second := time.Duration(0); second < 300; second += 31 {
		sc.Lasts = 5*24*time.Hour + 2*time.Hour + second*time.Second
		r, err := scenario.Run(tokenkeeper.Template, sc, scenario.Options{Days: 9, Parameters: map[string]string{"FamilyLifetimeDays": "8",
			"FirstWarningDays": "5", "SecondWarningDays": "4", "ThirdWarningDays": "3", "FourthWarningDays": "2"}})
		require.NoError(t, err)
		all := sounded(r)
		require.Len(t, all, len(warnings)+1, "%s later: %v", second*time.Second, all)
		for i, day := range []float64{3, 4, 5, 6, 7, 8} {
			require.Equal(t, day, all[i].day, all[i].alarm)
		}
		require.Zero(t, r.FalsePages)
		require.Empty(t, r.Sounding)
	}
}
