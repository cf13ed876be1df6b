package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
)

// stackID names the variable with the ARN of the function's own stack. It is not
// in config, because a function whose configuration does not hold answers a
// deployment too.
const stackID = "STACK_ID"

// settings are everything the function reads from its environment, except what the
// AWS SDK reads by itself. Each field names its variable and default.
type settings struct {
	// Common are the variables of all functions. The connections' policies hold
	// REFRESH_BEFORE (25m) as well.
	config.Common
	// METRIC_NAMESPACE, default TokenKeeper.
	namespace string
	// LAST_WARNING_DAYS, default 1: a family with less left needs a consent now.
	lastWarning float64
	// WARNING_DAYS, default none: the days of the warnings before that, each below
	// the one before; separated by commas, four at most.
	warnings []float64
	// NO_CHANGE_NOTIFICATION_HOURS, default 0, which means off: Parameter Store
	// is to tell when a refresh token was not written for so long.
	noChangeHours int
	// CONNECTION_METRICS_LIMIT, default 100: how many of each metric by
	// connection are sent.
	metricsLimit int
	// PARAMETER_STORE_THROUGHPUT, default standard: how fast Parameter Store may
	// be asked where many connections are listed; standard or higher.
	rates ssmstore.Rates
	// refreshBefore is REFRESH_BEFORE.
	refreshBefore time.Duration
}

// connection is a listed connection, with its policy.
func (c settings) connection(name string) family.Connection {
	conn := c.Common.Connection(name)
	conn.Policy.RefreshBefore = c.refreshBefore
	return conn
}

// throughputs leave room for consumers, which read too. Parameter Store allows 40
// reads and 3 writes a second for each account and region; with higher throughput,
// at least 100 and 10.
var throughputs = map[string]ssmstore.Rates{"standard": {Reads: 30, Writes: 2.5}, "higher": {Reads: 80, Writes: 8}}

// Limits of REFRESH_BEFORE: consumers cache the access token for minutes, and
// it lives for an hour.
const (
	minRefreshBefore = 10 * time.Minute
	maxRefreshBefore = fleet.MaxRefreshBefore
)

// isNamespace reports whether CloudWatch takes s for a namespace of ours.
func isNamespace(s string) bool {
	const characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./_#:-"
	return s != "" && len(s) <= 255 && strings.Trim(s, characters) == "" && !strings.HasPrefix(s, "AWS/")
}

// settingsFrom validates the whole environment at once.
func settingsFrom(getenv func(string) string) (settings, error) {
	env := config.NewReader(getenv)
	c := settings{Common: env.Common(), namespace: env.Get("METRIC_NAMESPACE", "TokenKeeper")}
	before, err := time.ParseDuration(env.Get("REFRESH_BEFORE", family.DefaultPolicy().RefreshBefore.String()))
	if err != nil || before < minRefreshBefore || before > maxRefreshBefore {
		env.Wrong("REFRESH_BEFORE", "is %q: expected a duration from %s to %s, such as 25m", getenv("REFRESH_BEFORE"), minRefreshBefore, maxRefreshBefore)
	}
	c.refreshBefore = before
	for i := range c.Connections {
		c.Connections[i].Policy.RefreshBefore = before
	}
	if !isNamespace(c.namespace) {
		env.Wrong("METRIC_NAMESPACE", "is %q: expected up to 255 letters, digits and ./_#:- , not beginning with AWS/", c.namespace)
	}
	c.warnings = warningDays(env)
	c.lastWarning = env.Number("LAST_WARNING_DAYS", 1, 0, 3650, "a number of days from 0 to 3650, such as 1")
	if n := len(c.warnings); n > 0 && c.warnings[n-1] <= c.lastWarning {
		env.Wrong("LAST_WARNING_DAYS", "is %q: expected less than the last of WARNING_DAYS, %g", getenv("LAST_WARNING_DAYS"), c.warnings[n-1])
	}
	c.noChangeHours = noChangeHours(env)
	if c.noChangeHours > 0 && c.ConnectionsPath != "" {
		env.Wrong("NO_CHANGE_NOTIFICATION_HOURS", "is set beside CONNECTIONS_PATH: expected 0, because the event names single parameters")
	}
	c.metricsLimit = env.Whole("CONNECTION_METRICS_LIMIT", 100, 5, 10000, "a number from 5 to 10000, such as 100")
	var known bool
	if c.rates, known = throughputs[env.Get("PARAMETER_STORE_THROUGHPUT", "standard")]; !known {
		env.Wrong("PARAMETER_STORE_THROUGHPUT", "is %q: expected standard or higher", getenv("PARAMETER_STORE_THROUGHPUT"))
	}
	return c, env.Err()
}

// noChangeHours reads NO_CHANGE_NOTIFICATION_HOURS. A refresh token is written about
// once an hour, and a family dies after 90 days without a rotation.
func noChangeHours(env *config.Reader) int {
	const least, most = 2, 720
	expected := fmt.Sprintf("0 for none, or hours from %d to %d", least, most)
	hours := env.Whole("NO_CHANGE_NOTIFICATION_HOURS", 0, 0, most, expected)
	if hours != 0 && hours < least {
		env.Wrong("NO_CHANGE_NOTIFICATION_HOURS", "is \"%d\": expected %s", hours, expected)
	}
	return hours
}

// warningDays reads WARNING_DAYS.
func warningDays(env *config.Reader) (warnings []float64) {
	text := env.Get("WARNING_DAYS", "")
	if text == "" {
		return nil
	}
	before := 3651.0
	for item := range strings.SplitSeq(text, ",") {
		days, err := strconv.ParseFloat(strings.TrimSpace(item), 64)
		if err != nil || !(days > 0 && days < before) || len(warnings) == len(metrics.Passed) {
			env.Wrong("WARNING_DAYS", "is %q: expected up to %d numbers of days from 1 to 3650, each below the one before, such as 60,30,14,7", text, len(metrics.Passed))
			return nil
		}
		warnings, before = append(warnings, days), days
	}
	return warnings
}
