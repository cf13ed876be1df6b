package scenario_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/scenario"
)

// The years, the failures at every phase of the rotation and the 200
// connections are in internal/proof/paging, which runs without the race detector.

func run(t *testing.T, name string, o scenario.Options) scenario.Result {
	t.Helper()
	sc, err := scenario.Find(name)
	require.NoError(t, err)
	r, err := scenario.Run(tokenkeeper.Template, sc, o)
	require.NoError(t, err)
	return r
}

func TestEveryScenarioIsDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, sc := range scenario.All() {
		require.Regexp(t, `^[a-z0-9-]+$`, sc.Name)
		require.False(t, seen[sc.Name], "two scenarios are called %s", sc.Name)
		seen[sc.Name] = true
		require.Regexp(t, `^[A-Z0-9].*\.$`, sc.Summary)
		if sc.Cause != "" {
			require.Contains(t, []string{"page", "ticket"}, sc.Urgency, sc.Name)
			require.NotEmpty(t, sc.KnownBy, sc.Name)
			require.Less(t, sc.CauseAt+sc.Lasts, time.Duration(sc.Days)*24*time.Hour, "%s must come to its end", sc.Name)
		}
	}
}

func TestARunIsRepeatable(t *testing.T) {
	first, err := json.Marshal(run(t, "secret-rotated", scenario.Options{}))
	require.NoError(t, err)
	second, err := json.Marshal(run(t, "secret-rotated", scenario.Options{}))
	require.NoError(t, err)
	require.Equal(t, string(first), string(second))
}

func TestJSON(t *testing.T) {
	text, err := json.Marshal(run(t, "password-changed", scenario.Options{}))
	require.NoError(t, err)
	var r struct {
		Scenario string
		Pages    []struct {
			Day                   json.Number
			At                    time.Time
			Alarm, Urgency, State string
		}
		FalsePages  *int     `json:"false_pages"`
		CauseToPage *float64 `json:"cause_to_page_seconds"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	require.NoError(t, d.Decode(&r))
	require.Equal(t, "password-changed", r.Scenario)
	require.Equal(t, 0, *r.FalsePages)
	require.Positive(t, *r.CauseToPage)
	require.Equal(t, json.Number("0.4"), r.Pages[0].Day)
	require.Equal(t, "consent-now page ALARM", r.Pages[0].Alarm+" "+r.Pages[0].Urgency+" "+r.Pages[0].State)
	require.Equal(t, "OK", r.Pages[len(r.Pages)-1].State)
}

// TestAPageWithoutAReasonIsCounted: what is not explained is false, whatever it is.
func TestAPageWithoutAReasonIsCounted(t *testing.T) {
	template := bytes.Replace(tokenkeeper.Template, []byte("Threshold: 600\n"), []byte("Threshold: 3000\n"), 1)
	require.NotEqual(t, tokenkeeper.Template, template)
	sc, err := scenario.Find("clock-skew")
	require.NoError(t, err)
	r, err := scenario.Run(template, sc, scenario.Options{Days: 2})
	require.NoError(t, err)
	require.Greater(t, r.FalsePages, 10)
	require.False(t, r.Pages[0].Explained)
	require.Equal(t, alarm.InAlarm, r.Pages[0].State)

	var out bytes.Buffer
	scenario.Timeline(&out, sc, r)
	require.Regexp(t, `PAGE +access-token-expiring .*WITHOUT A REASON`, out.String())
}

// TestAnAlarmThatTellsNobodyIsNoPage: what has no topic reaches no one.
func TestAnAlarmThatTellsNobodyIsNoPage(t *testing.T) {
	template := bytes.ReplaceAll(tokenkeeper.Template, []byte("      AlarmActions: "), []byte("      ActionsEnabled: false\n      AlarmActions: "))
	require.NotEqual(t, tokenkeeper.Template, template)
	sc, err := scenario.Find("schedule-deleted")
	require.NoError(t, err)
	r, err := scenario.Run(template, sc, scenario.Options{})
	require.NoError(t, err)
	require.Empty(t, r.Pages)
	require.Nil(t, r.First)

	var out bytes.Buffer
	scenario.Timeline(&out, sc, r)
	require.Contains(t, out.String(), "Nobody was told of the cause.")
	out.Reset()
	scenario.Table(&out, []scenario.Result{r})
	require.Contains(t, out.String(), "**none**")
}

func TestBadOptions(t *testing.T) {
	_, err := scenario.Find("sunny-day")
	require.ErrorContains(t, err, `there is no scenario "sunny-day": expected one of healthy-year, `)
	sc, err := scenario.Find("healthy-year")
	require.NoError(t, err)
	for _, days := range []int{-1, 401} {
		_, err = scenario.Run(tokenkeeper.Template, sc, scenario.Options{Days: days})
		require.ErrorContains(t, err, "expected 1 to 400")
	}
	_, err = scenario.Run([]byte("Resources: {}"), sc, scenario.Options{})
	require.ErrorContains(t, err, "there is no resource RefresherFunction")
}

// TestAShortRun ends before the cause, and tells of none.
func TestAShortRun(t *testing.T) {
	r := run(t, "healthy-year", scenario.Options{Days: 3})
	require.Equal(t, 3*720, r.Ticks)
	require.Empty(t, r.Pages)
	require.Empty(t, r.Cause)
	require.Nil(t, r.CauseToPage)
}

func TestTimeline(t *testing.T) {
	sc, err := scenario.Find("schedule-deleted")
	require.NoError(t, err)
	var out bytes.Buffer
	scenario.Timeline(&out, sc, run(t, sc.Name, scenario.Options{}))
	require.Regexp(t, `(?s)schedule-deleted: .*cause    schedule deleted\n.*can be known from here on, by the first tick that does not come\n.*PAGE     heartbeat-missing .*ends     heartbeat-missing .*First page .*0 false pages`, out.String())
	require.Equal(t, "1:05 min", scenario.Span(65))
	require.Equal(t, "2 h 05 min", scenario.Span(7500))
}
