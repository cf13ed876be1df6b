package exporter_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics/exporter"
)

var start = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

// scrape returns our metrics as Prometheus reads them.
func scrape(t *testing.T, e *exporter.Exporter) (lines []string, all string) {
	t.Helper()
	w := httptest.NewRecorder()
	e.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(t, 200, w.Code, w.Body.String())
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "tokenkeeper_") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines, w.Body.String()
}

func days(d float64) *float64 { return &d }

// TestBeforeTheFirstTick: nothing is said of connections, but rotations are counted
// from 0, so that the first is an increase.
func TestBeforeTheFirstTick(t *testing.T) {
	lines, _ := scrape(t, exporter.New("v1", start, "A_", "B_"))
	require.Equal(t, []string{
		`tokenkeeper_rotations_total{connection="A_"} 0`,
		`tokenkeeper_rotations_total{connection="B_"} 0`,
		`tokenkeeper_start_timestamp_seconds{version="v1"} 1.7961156e+09`,
		`tokenkeeper_ticks_total{complete="false"} 0`,
		`tokenkeeper_ticks_total{complete="true"} 0`,
	}, lines)
}

func TestATick(t *testing.T) {
	e := exporter.New("v1", start, "A_")
	at := start.Add(10 * time.Second)
	e.Observe(at.Add(-1500*time.Millisecond), at, []keeper.Outcome{{Connection: "A_", Action: keeper.Rotated, Foreign: "an older token", SiteLost: "it is gone",
		FamilyDaysRemaining: days(2), InactivityDaysRemaining: days(1), AccessTokenSecondsRemaining: days(3600)}})
	lines, _ := scrape(t, e)
	for _, want := range []string{
		`tokenkeeper_family_expiry_timestamp_seconds{connection="A_"} 1.79628841e+09`,
		`tokenkeeper_family_inactive_timestamp_seconds{connection="A_"} 1.79620201e+09`,
		`tokenkeeper_access_token_expiry_timestamp_seconds{connection="A_"} 1.79611921e+09`,
		`tokenkeeper_connection_state{connection="A_",state="rotated"} 1`,
		`tokenkeeper_connection_state{connection="A_",state="refused"} 0`,
		`tokenkeeper_foreign_write{connection="A_"} 1`,
		`tokenkeeper_site_lost{connection="A_"} 1`,
		`tokenkeeper_rotations_total{connection="A_"} 1`,
		`tokenkeeper_ticks_total{complete="true"} 1`,
		`tokenkeeper_last_complete_tick_timestamp_seconds 1.79611561e+09`,
		`tokenkeeper_last_tick_duration_seconds 1.5`,
	} {
		require.Contains(t, lines, want)
	}
}

// What passes at a probe of a lost family does not make it a living one.
func TestALostFamilyIsRefused(t *testing.T) {
	e := exporter.New("v1", start, "A_")
	e.Observe(start, start, []keeper.Outcome{{Connection: "A_", Action: keeper.Failed, Lost: true}})
	lines, _ := scrape(t, e)
	require.Contains(t, lines, `tokenkeeper_connection_state{connection="A_",state="refused"} 1`)
	require.Contains(t, lines, `tokenkeeper_connection_state{connection="A_",state="failed"} 0`)
}

// TestWhatATickCouldNotRead: it stays as it was known, until there is no family.
func TestWhatATickCouldNotRead(t *testing.T) {
	e := exporter.New("v1", start, "A_")
	expiry := `tokenkeeper_access_token_expiry_timestamp_seconds{connection="A_"}`
	known := expiry + " 1.7961192e+09"
	e.Observe(start, start, []keeper.Outcome{{Connection: "A_", Action: keeper.Replayed, AccessTokenSecondsRemaining: days(3600)}})
	for _, tt := range []struct {
		action keeper.Action
		known  bool
	}{{keeper.Failed, true}, {keeper.Postponed, true}, {keeper.Contended, true}, {keeper.AwaitingConsent, false}} {
		e.Observe(start, start.Add(time.Hour), []keeper.Outcome{{Connection: "A_", Action: tt.action}})
		lines, _ := scrape(t, e)
		require.Equal(t, tt.known, strings.Contains(strings.Join(lines, "\n"), known), tt.action)
		require.Contains(t, lines, `tokenkeeper_connection_state{connection="A_",state="`+string(tt.action)+`"} 1`)
	}
	lines, _ := scrape(t, e)
	require.NotContains(t, strings.Join(lines, "\n"), expiry)
	require.Contains(t, lines, `tokenkeeper_ticks_total{complete="false"} 1`)
	require.Contains(t, lines, `tokenkeeper_ticks_total{complete="true"} 4`)
}

// TestPostponed: a tick that did not serve all is no heartbeat.
func TestPostponed(t *testing.T) {
	e := exporter.New("v1", start, "A_", "B_")
	e.Observe(start, start, []keeper.Outcome{{Connection: "A_", Action: keeper.Idle}, {Connection: "B_", Action: keeper.Postponed}})
	lines, _ := scrape(t, e)
	require.NotContains(t, strings.Join(lines, "\n"), "last_complete_tick")
}

// TestForm: Prometheus's own tool finds nothing to complain of.
func TestForm(t *testing.T) {
	e := exporter.New("v1", start, "A_")
	e.Observe(start, start, []keeper.Outcome{{Connection: "A_", Action: keeper.Rotated, FamilyDaysRemaining: days(2), InactivityDaysRemaining: days(1), AccessTokenSecondsRemaining: days(3600)}})
	_, all := scrape(t, e)
	var ours strings.Builder
	for line := range strings.Lines(all) { // Go's own metrics are none of ours
		if strings.Contains(line, "tokenkeeper_") {
			ours.WriteString(line)
		}
	}
	require.FileExists(t, "../../../build/promtool", "run `make checkers` first")
	check := exec.Command("../../../build/promtool", "check", "metrics")
	check.Stdin, check.Stderr = strings.NewReader(ours.String()), os.Stderr
	require.NoError(t, check.Run())
}
