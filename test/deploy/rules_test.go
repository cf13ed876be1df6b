package deploy

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics/exporter"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/cloudformation"
)

const root = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return string(text)
}

// promtool runs Prometheus's checker in a folder.
func promtool(t *testing.T, dir string, args ...string) ([]byte, error) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, "build/promtool"))
	require.NoError(t, err)
	require.FileExists(t, path, "run `make checkers` first")
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	return cmd.CombinedOutput()
}

type rule struct {
	Record, Alert, Expr, For string
	Labels                   map[string]string
	Annotations              map[string]string
}

// rules are those of the file, alerts by name.
func rules(t *testing.T) (all []rule, alerts map[string]rule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "deploy/prometheus/rules.yaml")), &file))
	require.Len(t, file.Groups, 1)
	alerts = map[string]rule{}
	for _, r := range file.Groups[0].Rules {
		if r.Alert != "" {
			alerts[r.Alert] = r
		}
	}
	return file.Groups[0].Rules, alerts
}

func TestRules(t *testing.T) {
	dir := filepath.Join(root, "deploy/prometheus")
	out, err := promtool(t, dir, "check", "rules", "rules.yaml")
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "13 rules found")
	out, err = promtool(t, dir, "test", "rules", "rules_test.yaml", "day_test.yaml")
	require.NoError(t, err, "%s", out)
}

// TestRulesAreGuarded: a test of promtool notices every change of an expression.
func TestRulesAreGuarded(t *testing.T) {
	text := read(t, "deploy/prometheus/rules.yaml")
	for _, change := range [][2]string{
		{"< 60 * 86400", "< 59 * 86400"}, {"< 30 * 86400", "<= 30 * 86400"}, {"< 14 * 86400", "< 15 * 86400"}, {"< 7 * 86400", "< 8 * 86400"},
		{"time() < 1 * 86400", "time() < 2 * 86400"}, {`state="refused"`, `state="failed"`}, {`state=~"failed|in_doubt`, `state=~"failed`},
		{`|in_doubt|misconfigured"`, `|in_doubt"`}, {`"failed|in_doubt`, `"contended|failed|in_doubt`}, {"for: 10m", "for: 9m"}, {"for: 10m", "for: 11m"},
		{"_seconds < 600", "_seconds < 660"}, {"> 13 * 60", "> 12 * 60"}, {"[13m]", "[11m]"}, {"for: 1m #", "for: 0m #"}, {"for: 1m #", "for: 3m #"}, {"max(tokenkeeper_last", "min(tokenkeeper_last"}, {"[1h])) > 2", "[1h])) > 1"},
		{"[1h])) > 2", "[2h])) > 2"}, {"[25h:10m]) >= 145", "[25h:10m]) >= 130"}, {"[25h:10m]) >= 145", "[25h:10m]) >= 150"},
		{"max by (connection) (tokenkeeper_access", "min by (connection) (tokenkeeper_access"}, {"max by (connection) (tokenkeeper_family_expiry_timestamp_seconds) - time()\n", "min by (connection) (tokenkeeper_family_expiry_timestamp_seconds) - time()\n"},
		{"foreign_write[1h]", "foreign_write[50m]"}, {"site_lost[1h]", "site_lost[40m]"}, {"site_lost[1h])) > 0", "site_lost[1h])) > 1"}, {"max by (connection) (max_over_time(tokenkeeper_site", "min by (connection) (max_over_time(tokenkeeper_site"},
		{"severity: page", "severity: ticket"}, {"- alert: TokenkeeperFourthWarning", "- alert: TokenkeeperFifthWarning"},
	} {
		t.Run(change[0]+" to "+change[1], func(t *testing.T) {
			require.Contains(t, text, change[0])
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yaml"), []byte(strings.Replace(text, change[0], change[1], 1)), 0o600))
			for _, tests := range []string{"rules_test.yaml", "day_test.yaml"} {
				require.NoError(t, os.WriteFile(filepath.Join(dir, tests), []byte(read(t, "deploy/prometheus/"+tests)), 0o600))
			}
			out, err := promtool(t, dir, "test", "rules", "rules_test.yaml", "day_test.yaml")
			require.Error(t, err, "no test notices it")
			require.Contains(t, string(out), "FAILED", "it is no rule any more")
		})
	}
}

// TestRulesMeanTheAlarms: each alarm of the template has an alert of its urgency, with
// the template's own thresholds, that leads to the same entry of the runbook.
func TestRulesMeanTheAlarms(t *testing.T) {
	template, err := cloudformation.Parse([]byte(read(t, "template.yaml")))
	require.NoError(t, err)
	topics := map[string]string{"RunbookUrl": "docs/runbook.md", "PageTopicArn": "arn:aws:sns:eu-west-1:111122223333:page", "TicketTopicArn": "arn:aws:sns:eu-west-1:111122223333:ticket"}
	stack, err := cloudformation.Deploy(template, "tokenkeeper", topics)
	require.NoError(t, err)
	alarms, err := stack.IDs("AWS::CloudWatch::Alarm")
	require.NoError(t, err)
	_, alerts := rules(t)
	require.Len(t, alerts, len(alarms)+1)
	require.Contains(t, alerts, "TokenkeeperRestarting", "nothing is queued here: ticks are lost by crashes")
	require.Contains(t, read(t, "docs/run.md"), "\n## It restarts\n")
	thresholds := map[string]string{"FirstWarning": "< %v * 86400", "SecondWarning": "< %v * 86400", "ThirdWarning": "< %v * 86400", "FourthWarning": "< %v * 86400", "ConsentNow": "< %v * 86400",
		"AccessTokenExpiring": "< %v", "HeartbeatMissing": "> %v * 60"}
	entry := regexp.MustCompile(`#([a-z-]+)$`)
	for _, id := range alarms {
		t.Run(id, func(t *testing.T) {
			p, err := stack.Properties(id)
			require.NoError(t, err)
			name := strings.TrimSuffix(id, "Alarm")
			alert, ok := alerts["Tokenkeeper"+name]
			require.True(t, ok, "there is no alert for it")
			require.Equal(t, []any{topics[map[string]string{"page": "PageTopicArn", "ticket": "TicketTopicArn"}[alert.Labels["severity"]]]}, p["AlarmActions"])
			require.Equal(t, entry.FindString(fmt.Sprint(p["AlarmDescription"])), entry.FindString(alert.Annotations["runbook_url"]))
			require.Contains(t, alert.Annotations["description"], "Means: ")
			require.Contains(t, alert.Annotations["description"], "Do: ")
			if form, ok := thresholds[name]; ok {
				value := p["Threshold"]
				switch {
				case strings.HasSuffix(name, "Warning"):
					value = stack.Parameter(name + "Days")
				case name == "ConsentNow":
					value = stack.Parameter("LastWarningDays")
				case name == "HeartbeatMissing":
					value = p["EvaluationPeriods"]
				}
				require.Contains(t, alert.Expr, fmt.Sprintf(form, value))
			}
		})
	}
}

// TestRulesKnowTheirMetrics: every metric of a rule is one that the program shows,
// with its labels, and every state is one that a tick can end in.
func TestRulesKnowTheirMetrics(t *testing.T) {
	days := 1.0
	e := exporter.New("v1", time.Now(), "A_")
	e.Observe(time.Now(), time.Now(), []keeper.Outcome{{Connection: "A_", FamilyDaysRemaining: &days, InactivityDaysRemaining: &days, AccessTokenSecondsRemaining: &days}})
	w := httptest.NewRecorder()
	e.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	shown := w.Body.String()
	all, _ := rules(t)
	metric, states := regexp.MustCompile(`\btokenkeeper_[a-z_]+`), regexp.MustCompile(`state=~?"([a-z_|]+)"`)
	used := 0
	for _, r := range all {
		for _, name := range metric.FindAllString(r.Expr, -1) {
			require.Contains(t, shown, "\n# TYPE "+name+" ", r.Alert)
			used++
		}
		for _, found := range states.FindAllStringSubmatch(r.Expr, -1) {
			for state := range strings.SplitSeq(found[1], "|") {
				require.Contains(t, shown, `tokenkeeper_connection_state{connection="A_",state="`+state+`"}`, r.Alert)
			}
		}
	}
	require.Greater(t, used, 8)
}
