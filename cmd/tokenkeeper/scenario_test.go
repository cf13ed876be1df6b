package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/scenario"
)

func simulate(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := newSimulateCommand()
	var out bytes.Buffer
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	err := cmd.Execute()
	return out.String(), err
}

func TestSimulateScenario(t *testing.T) {
	out, err := simulate(t, "--scenarios")
	require.NoError(t, err)
	require.Equal(t, len(scenario.All()), strings.Count(out, "\n"))
	require.Regexp(t, `(?m)^healthy-year +400 days  A year`, out)

	out, err = simulate(t, "--scenario", "schedule-deleted")
	require.NoError(t, err)
	require.Regexp(t, `PAGE +heartbeat-missing`, out)

	out, err = simulate(t, "--scenario", "schedule-deleted", "--table")
	require.NoError(t, err)
	require.Regexp(t, "(?m)^\\| `schedule-deleted` \\| schedule deleted \\| .* \\| heartbeat-missing \\| page \\|", out)

	dir := filepath.Join(t.TempDir(), "out")
	out, err = simulate(t, "--scenario", "schedule-deleted", "--json", "--days", "3", "--out", dir)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(out, "\n"))
	var r struct {
		Scenario, Cause string
		Days            int
		Pages           []struct{ Urgency string }
	}
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	require.Equal(t, "schedule-deleted", r.Scenario)
	require.Equal(t, 3, r.Days)
	require.NotEmpty(t, r.Pages)
	for _, name := range []string{"countdown.svg", "countdown.png"} {
		_, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
	}
}

func TestSimulateRefuses(t *testing.T) {
	for _, tt := range []struct{ args, problem string }{
		{"--days 5", "name one by --scenario, or list them by --scenarios"},
		{"--scenario sunny-day", `there is no scenario "sunny-day": expected one of healthy-year,`},
		{"--scenario clock-skew --days 500", "--days is 500: expected 1 to 400"},
		{"--scenario clock-skew --json --table", "--json and --table exclude each other"},
		{"--scenario clock-skew --runs 5", "--runs and --scenario exclude each other"},
		{"--scenarios --trace", "--trace and --scenarios exclude each other"},
		{"--replay rotation --seed 2", "--replay and --seed exclude each other"},
		{"--exhaustive 1 --faults light", "--exhaustive and --faults exclude each other"},
		{"--trace", "name it by --replay"},
		{"--scenario all --days 5", "--out and --days are for one scenario"},
		{"--scenario awaiting-consent --out " + t.TempDir() + " --days 2", "has no family to count down"},
	} {
		_, err := simulate(t, strings.Fields(tt.args)...)
		require.ErrorContains(t, err, tt.problem)
	}
}
