package deploy

import (
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics/exporter"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/scenario"
)

// began is the minute from which the scenarios count.
var began = time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)

// recorder keeps what Prometheus would scrape each minute: a list for each series,
// empty where there is no value.
type recorder struct {
	exporter *exporter.Exporter
	series   map[string][]string
	now      map[string]string
	minutes  int
}

// observe shows a tick's outcomes to the exporter, from the minute on in which it ended.
func (r *recorder) observe(from, to time.Time, outcomes []keeper.Outcome) {
	r.until(int(to.Sub(began) / time.Minute))
	r.exporter.Observe(from, to, outcomes)
	w := httptest.NewRecorder()
	r.exporter.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	r.now = map[string]string{}
	for line := range strings.Lines(w.Body.String()) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		value, err := strconv.ParseFloat(text, 64)
		if err != nil || !strings.HasPrefix(name, "tokenkeeper_") {
			continue
		}
		if strings.Contains(name, "_timestamp_seconds") {
			value -= float64(began.Unix()) // promtool's time begins at 0
		}
		r.now[name] = strconv.FormatFloat(value, 'f', -1, 64)
	}
}

// until records the minutes before the given one as they are now.
func (r *recorder) until(minute int) {
	for ; r.minutes < minute; r.minutes++ {
		for name, value := range r.now {
			if missing := r.minutes - len(r.series[name]); missing > 0 {
				r.series[name] = append(r.series[name], slices.Repeat([]string{"_"}, missing)...)
			}
			r.series[name] = append(r.series[name], value)
		}
	}
}

// input is the series as promtool wants them.
func (r *recorder) input() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r.series)) {
		fmt.Fprintf(&b, "      - {series: '%s', values: '%s'}\n", name, strings.Join(r.series[name], " "))
	}
	return b.String()
}

// minuteOf is a moment's minute, rounded up.
func minuteOf(at time.Time) int { return int((at.Sub(began) + time.Minute - 1) / time.Minute) }

// alertOf is the alert that means an alarm. Dead letters are of Lambda alone.
func alertOf(t *testing.T, name string) string {
	t.Helper()
	var b strings.Builder
	_, _ = b.WriteString("Tokenkeeper")
	for part := range strings.SplitSeq(strings.TrimPrefix(name, "tokenkeeper-"), "-") {
		_, _ = b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	_, alerts := rules(t)
	require.Contains(t, alerts, b.String(), name)
	return b.String()
}

// TestScenarios lets the scenarios of docs/alarms.md happen, with the real tick, and
// shows promtool what Prometheus would have scraped. The alerts sound for what the
// alarms sound for, no later, and for nothing else.
func TestScenarios(t *testing.T) {
	template := []byte(read(t, "template.yaml"))
	// Where ticks fail, the access token runs down between them too, and that alert may
	// come where CloudWatch's alarm waits for a tick to tell.
	const mayBeAdded = "TokenkeeperAccessTokenExpiring"
	for _, name := range []string{"password-changed", "user-deactivated", "atlassian-down-3h", "ssm-down", "parameter-deleted", "schedule-deleted",
		"crash-at-start", "token-overwritten", "site-lost", "clock-skew"} {
		t.Run(name, func(t *testing.T) {
			sc, err := scenario.Find(name)
			require.NoError(t, err)
			r := &recorder{exporter: exporter.New("v1", began), series: map[string][]string{}}
			result, err := scenario.Run(template, sc, scenario.Options{Days: min(sc.Days, 2), Observe: r.observe})
			require.NoError(t, err)
			end := result.Days * 24 * 60
			r.until(end)

			sounded := map[string]int{} // the alerts, and the minute at which the alarm did
			for _, p := range result.Pages {
				deadLetters := p.Alarm == "attention" && name != "token-overwritten" && name != "site-lost"
				if at := minuteOf(p.At); p.State == alarm.InAlarm && !deadLetters {
					if _, ok := sounded[alertOf(t, p.Alarm)]; !ok {
						sounded[alertOf(t, p.Alarm)] = at
					}
				}
			}
			require.Equal(t, sc.Cause != "", len(sounded) > 0, "%v", result.Pages)
			var tests strings.Builder
			_, alerts := rules(t)
			for alert := range alerts {
				at, ok := sounded[alert]
				switch {
				case ok:
					// Not a minute after the alarm, and never before the cause.
					expect(&tests, alert, at+1, at+1, 1)
					expect(&tests, alert, minuteOf(*result.CauseAt)-1, minuteOf(*result.CauseAt), 0)
				case alert != mayBeAdded:
					expect(&tests, alert, end-1, end, 0)
				}
			}
			requireAlerts(t, r.input(), tests.String())
		})
	}
}

// expect writes a test: whether an alert has sounded within a number of minutes
// before a minute.
func expect(tests *strings.Builder, alert string, minute, within, sounded int) {
	samples := "[]"
	if sounded > 0 {
		samples = "[{labels: '{}', value: 1}]"
	}
	fmt.Fprintf(tests, "      - {expr: 'max(count_over_time(ALERTS{alertname=\"%s\", alertstate=\"firing\"}[%dm]) > bool 0)', eval_time: %dm, exp_samples: %s}\n", alert, within, minute, samples)
}

// requireAlerts runs tests over series. The rule that looks at a day is left out: it
// costs the most, and has tests of its own.
func requireAlerts(t *testing.T, input, tests string) {
	t.Helper()
	dir := t.TempDir()
	before, _, found := strings.Cut(read(t, "deploy/prometheus/rules.yaml"), "      - alert: TokenkeeperAwaitingConsent\n")
	require.True(t, found)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yaml"), []byte(before), 0o600))
	text := "rule_files: [rules.yaml]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n" + input + "    promql_expr_test:\n" + tests
	require.NoError(t, os.WriteFile(filepath.Join(dir, "scenario.yaml"), []byte(text), 0o600))
	out, err := promtool(t, dir, "test", "rules", "scenario.yaml")
	require.NoError(t, err, "%s", out)
}
