package paging

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/scenario"
)

// onGoogle is the module of Terraform whose alerts are tried.
const onGoogle = "../../../deploy/gcp"

func runOnGoogle(t *testing.T, name string, o scenario.Options) (scenario.Scenario, scenario.Result) {
	t.Helper()
	sc, err := scenario.Find(name)
	require.NoError(t, err)
	r, err := scenario.RunOnGoogle(onGoogle, sc, o)
	require.NoError(t, err)
	return sc, r
}

// TestAHealthyYearOnGoogle: as on AWS.
func TestAHealthyYearOnGoogle(t *testing.T) {
	_, r := runOnGoogle(t, "healthy-year", scenario.Options{})
	require.Equal(t, 400*720, r.Ticks)
	require.Equal(t, warnings, sounded(r))
	require.Zero(t, r.FalsePages)
	require.Empty(t, r.Sounding)
	for _, p := range r.Pages {
		if p.State == alarm.InAlarm {
			require.InDelta(t, map[string]float64{"first-warning": 60, "second-warning": 30, "third-warning": 14,
				"fourth-warning": 7, "consent-now": 1}[p.Alarm], *p.FamilyDaysLeft, 0.01, "minutes after the threshold")
		}
	}
}

// TestEveryFailureOnGoogle: the right page in time, no other, and silence when all is
// mended. Cloud Scheduler repeats no request, so a failure may be known two minutes later
// than on AWS.
func TestEveryFailureOnGoogle(t *testing.T) {
	for _, sc := range scenario.All() {
		if sc.Days > 55 {
			continue
		}
		t.Run(sc.Name, func(t *testing.T) {
			_, r := runOnGoogle(t, sc.Name, scenario.Options{})
			require.Zero(t, r.FalsePages, "%+v", r.Pages)
			require.Empty(t, r.Sounding)
			if sc.Urgency == "page" {
				requireTold(t, sc, r, promptly+2*time.Minute)
			}
			if sc.Urgency == "ticket" {
				require.NotNil(t, r.First, "nobody was told")
			}
		})
	}
}

// TestSecondOnesOnGoogle: each connection has an incident of its own.
func TestSecondOnesOnGoogle(t *testing.T) {
	count := func(r scenario.Result, name string) (told []float64) {
		for _, p := range r.Pages {
			if p.Alarm == name && p.State == alarm.InAlarm {
				told = append(told, float64(int(p.Day)))
			}
		}
		return told
	}
	_, lost := runOnGoogle(t, "second-lost", scenario.Options{})
	require.Equal(t, []float64{0, 0}, count(lost, "consent-now"))
	_, warned := runOnGoogle(t, "second-warned", scenario.Options{})
	require.Equal(t, []float64{10, 15}, count(warned, "first-warning"))
	require.Equal(t, []float64{40, 45}, count(warned, "second-warning"))
	require.Empty(t, count(warned, "third-warning"))
	_, psoxy := runOnGoogle(t, "psoxy-racing", scenario.Options{})
	require.Empty(t, psoxy.Pages)
	_, awaiting := runOnGoogle(t, "awaiting-consent", scenario.Options{})
	require.Equal(t, []float64{1}, count(awaiting, "awaiting-consent"))
}

// TestBrokenAlertsOnGoogle: what is wrong with the module is noticed here.
func TestBrokenAlertsOnGoogle(t *testing.T) {
	for _, tt := range []struct{ name, file, old, new, scenario string }{
		{"no absence", "alerts.tf", `resource "google_monitoring_alert_policy" "heartbeat_missing" {`, `resource "none" "heartbeat_missing" {`, "schedule-deleted"},
		{"an absence of an hour", "alerts.tf", `duration = "780s"`, `duration = "3600s"`, "schedule-deleted"},
		{"the absence of what nobody writes", "alerts.tf", `}Heartbeat${`, `}Heartbeats${`, "schedule-deleted"},
		{"a lost family is a ticket", "alerts.tf", "consent-now = {\n      tell  = local.page", "consent-now = {\n      tell  = local.ticket", "password-changed"},
		{"a lost family is none", "alerts.tf", `"connection/ConsentNeeded", value = 0`, `"connection/ConsentNeeded", value = 1`, "password-changed"},
		{"incidents that close at once", "alerts.tf", "alert_strategy {\n    auto_close = \"1800s\"\n  }\n  documentation {\n    content = \"${each", "alert_strategy {\n    auto_close = \"60s\"\n  }\n  documentation {\n    content = \"${each", "healthy-year"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folder := t.TempDir()
			require.NoError(t, os.CopyFS(folder, os.DirFS(onGoogle)))
			path := filepath.Join(folder, tt.file)
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, 1, strings.Count(string(text), tt.old), tt.old)
			require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), tt.old, tt.new, 1)), 0o600))
			sc, err := scenario.Find(tt.scenario)
			require.NoError(t, err)
			r, err := scenario.RunOnGoogle(folder, sc, scenario.Options{})
			told := r.First != nil && r.First.Urgency == "page" && *r.KnownToPage <= (promptly+2*time.Minute).Seconds()
			require.False(t, err == nil && told == (sc.Urgency == "page") && r.FalsePages == 0 && len(r.Sounding) == 0, "nobody would notice")
		})
	}
}
