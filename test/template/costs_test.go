package template

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
)

// costsPage is docs/costs.md; its prices and assumptions are read from it, and
// its figures are compared with what they come to for the transformed template.
func costsPage(t *testing.T) string {
	text, err := os.ReadFile(filepath.Join(root, "docs/costs.md"))
	require.NoError(t, err)
	return string(text)
}

// price of one unit of something, and how many are free in a month.
type price struct{ usd, free float64 }

// table reads the rows of the Markdown table under a heading, keyed by their
// first cell.
func table(t *testing.T, page, heading string) map[string][]string {
	_, section, found := strings.Cut(page, "\n## "+heading+"\n")
	require.True(t, found, "docs/costs.md has no section %s", heading)
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[string][]string{}
	for line := range strings.SplitSeq(section, "\n") {
		if cells := strings.Split(strings.Trim(line, "| "), " | "); strings.HasPrefix(line, "| ") {
			rows[cells[0]] = cells[1:]
		}
	}
	return rows
}

func figure(t *testing.T, text string) float64 {
	n, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
	require.NoError(t, err, "expected a number, found %q", text)
	return n
}

// line is one item of a month's bill.
type line struct {
	item     string
	quantity float64
}

// month is what a deployment uses in a month of 730 hours.
func month(t *testing.T, s *stack, assumed map[string]float64) []line {
	connections := float64(len(s.connections))
	every, ok := every(fmt.Sprint(s.values["ScheduleExpression"]))
	require.True(t, ok)
	ticks := float64(730 * time.Hour / every)
	// A rotation comes with the first tick at which less than RefreshBefore is left of
	// an hour, or the seconds that a token's expiry is rounded by.
	before, err := time.ParseDuration(fmt.Sprint(s.values["RefreshBefore"]))
	require.NoError(t, err)
	listed := s.values["ConnectionsPath"] != ""
	if listed {
		before += 5 * time.Minute // on average; see refresher.Spread
	}
	interval := (time.Hour - before + every - 1) / every * every
	rotations := connections * float64(730*time.Hour/interval)

	var outcomes []keeper.Outcome
	left := 300.0
	for _, name := range s.connections {
		outcomes = append(outcomes, keeper.Outcome{Connection: name, Action: keeper.Idle, FamilyDaysRemaining: &left, InactivityDaysRemaining: &left, AccessTokenSecondsRemaining: &left})
	}
	alarmMetrics, queried := 0.0, 0.0
	for _, id := range s.ids("AWS::CloudWatch::Alarm") {
		metrics, ok := s.properties(id)["Metrics"].([]any)
		if !ok {
			alarmMetrics++
		}
		for _, m := range metrics {
			if at(m, "MetricStat") != nil {
				alarmMetrics++
			} else if strings.HasPrefix(fmt.Sprint(at(m, "Expression")), "SELECT") {
				queried += connections
			}
		}
	}
	function := s.properties("RefresherFunction")
	gigabytes := float64(number(function["MemorySize"])) / 1024
	advanced := 0.0
	if s.values["NoChangeNotificationHours"] != "0" {
		advanced = connections
	}
	var sent counting
	limit := metrics.Limited{Sink: &sent, Connections: number(s.values["ConnectionMetricsLimit"])}
	require.NoError(t, limit.Publish(t.Context(), time.Now(), metrics.Of(outcomes, 1)))
	busy := ticks * assumed["idle tick, seconds"]
	requests := 0.0 // of a higher throughput
	if listed {
		busy += ticks * connections * assumed["look at a listed connection, seconds"]
	}
	if s.values["ParameterStoreThroughput"] == "higher" {
		requests = ticks*(1+connections*6/5) + rotations*assumed["requests of a rotation beyond the look"]
	}
	processes := assumed["new processes a day"] * 730 / 24
	kms := ticks*assumed["KMS requests of a tick"] + rotations*assumed["KMS requests of a rotation and the read after it"] +
		processes*connections*assumed["secrets of a connection"]
	if connections == 1 { // these reads are the tick's proof of the key, too
		kms -= (rotations + processes) * assumed["KMS requests of a tick"]
	}
	return []line{
		{"custom metric", float64(sent)},
		{"alarm metric", alarmMetrics},
		{"metric queried by an alarm", queried},
		{"dashboard", float64(len(s.ids("AWS::CloudWatch::Dashboard")))},
		{"CloudWatch request", ticks},
		{"log data, GB", ticks * math.Ceil(connections/5) * assumed["log data of a tick for each five connections, bytes"] / 1e9},
		{"KMS key", float64(len(s.ids("AWS::KMS::Key")))},
		{"KMS request", kms},
		{"Lambda request", ticks},
		{"Lambda GB-second", gigabytes * (busy + rotations*assumed["rotation, seconds"])},
		{"Scheduler invocation", ticks},
		{"SQS request", 0},
		{"SNS e-mail", assumed["e-mails"]},
		{"advanced parameter", advanced},
		{"advanced parameter request", advanced*ticks + 2*advanced*rotations/connections},
		{"higher-throughput request", requests},
	}
}

// counting is a metrics.Sink that counts.
type counting int

func (m *counting) Publish(_ context.Context, _ time.Time, ms []metrics.Metric) error {
	*m = counting(len(ms))
	return nil
}

// pricesAndAssumptions are the page's.
func pricesAndAssumptions(t *testing.T) (prices map[string]price, assumed map[string]float64) {
	page := costsPage(t)
	prices, assumed = map[string]price{}, map[string]float64{}
	for item, cells := range table(t, page, "Prices") {
		if item != "one" && !strings.HasPrefix(item, "---") {
			require.GreaterOrEqual(t, len(cells), 2, item)
			prices[item] = price{figure(t, cells[0]), figure(t, cells[1])}
		}
	}
	for item, cells := range table(t, page, "Assumptions") {
		if item != "of a healthy month" && !strings.HasPrefix(item, "---") {
			assumed[item] = figure(t, cells[0])
		}
	}
	return prices, assumed
}

// TestCosts: the page's figures are what the template, the prices and the
// assumptions come to.
func TestCosts(t *testing.T) {
	page := costsPage(t)
	prices, assumed := pricesAndAssumptions(t)
	require.Regexp(t, regexp.MustCompile(`Prices of us-east-1, \d{4}-\d{2}`), page, "the prices have a date")

	five := "A_,B_,C_,D_,E_"
	deployments := []map[string]string{
		nil, {"StackKey": "none"}, {"Connections": five}, {"Connections": five, "StackKey": "none"},
		{"NoChangeNotificationHours": "6"}, {"Connections": five, "WarningScope": "connection"},
		listed(), listed("ScheduleExpression", "rate(2 minutes)", "ParameterStoreThroughput", "higher"),
	}
	many := map[int]int{6: 200, 7: 1000} // by deployment
	bills := make([][]float64, len(deployments))
	full := make([]float64, len(deployments))
	var items []string
	for i, parameters := range deployments {
		s, err := deploy(transformed(t), scenario{parameters: parameters})
		require.NoError(t, err)
		for n := range many[i] {
			s.connections = append(s.connections[:n], fmt.Sprintf("/tokenkeeper/%d_", n))
		}
		items = nil
		for _, l := range month(t, s, assumed) {
			p, ok := prices[l.item]
			require.True(t, ok, "docs/costs.md has no price of one %s", l.item)
			items = append(items, l.item)
			bills[i] = append(bills[i], max(0, l.quantity-p.free)*p.usd)
			full[i] += l.quantity * p.usd
		}
	}
	require.Len(t, prices, len(items), "every price is used")

	cents := func(usd float64) string { return fmt.Sprintf("%.2f", math.Round(usd*100)/100) }
	row := func(name string, value func(i int) float64) string {
		cells := []string{name}
		for i := range deployments {
			cells = append(cells, cents(value(i)))
		}
		return "| " + strings.Join(cells, " | ") + " |\n"
	}
	var want strings.Builder
	for k, item := range items {
		if slices.ContainsFunc(bills, func(b []float64) bool { return b[k] >= 0.005 }) {
			want.WriteString(row(item, func(i int) float64 { return bills[i][k] }))
		}
	}
	want.WriteString(row("**together**", func(i int) float64 {
		sum := 0.0
		for _, usd := range bills[i] {
			sum += usd
		}
		return sum
	}))
	want.WriteString(row("with nothing free", func(i int) float64 { return full[i] }))
	require.Contains(t, page, want.String(), "docs/costs.md is wrong; its table must hold:\n%s", want.String())
}

// TestOneConnectionIsFree: but for the key, some cents of its use, and the eleventh
// metric of ten alarms, everything is within what AWS gives for free.
func TestOneConnectionIsFree(t *testing.T) {
	s, err := deploy(transformed(t), scenario{})
	require.NoError(t, err)
	prices, assumed := pricesAndAssumptions(t)
	for _, l := range month(t, s, assumed) {
		switch l.item {
		case "KMS key":
		case "KMS request":
			require.Less(t, (l.quantity-prices[l.item].free)*prices[l.item].usd, 0.05)
		case "alarm metric":
			require.LessOrEqual(t, l.quantity, prices[l.item].free+1)
		default:
			require.LessOrEqual(t, l.quantity, prices[l.item].free, l.item)
		}
	}
}
