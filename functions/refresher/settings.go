package main

import (
	"fmt"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
)

// stackID names the variable with the ARN of the function's own stack. It is not
// in config, because a function whose configuration does not hold answers a
// deployment too.
const stackID = "STACK_ID"

// settings are everything the function reads from its environment, except what the
// AWS SDK reads by itself. Each field names its variable and default.
type settings struct {
	// Common are the variables of all functions.
	config.Common
	// METRIC_NAMESPACE, default TokenKeeper.
	namespace string
	// ticks are the variables of all programs that make ticks.
	ticks config.Ticks
	// NO_CHANGE_NOTIFICATION_HOURS, default 0, which means off: Parameter Store
	// reports a refresh token that was not written for this long.
	noChangeHours int
	// CONNECTION_METRICS_LIMIT, default 100: how many of each metric by
	// connection are sent.
	metricsLimit int
	// PARAMETER_STORE_THROUGHPUT, default standard: how fast Parameter Store may
	// be asked where many connections are listed; standard or higher.
	rates ssmstore.Rates
}

// connection is a listed connection, with its policy.
func (c settings) connection(name string) family.Connection {
	conn := c.Common.Connection(name)
	conn.Policy.RefreshBefore = c.ticks.RefreshBefore
	return conn
}

// throughputs leave room for consumers, which read too. Parameter Store allows 40
// reads and 3 writes a second for each account and region; with higher throughput,
// at least 100 and 10.
var throughputs = map[string]ssmstore.Rates{"standard": {Reads: 30, Writes: 2.5}, "higher": {Reads: 80, Writes: 8}}

// isNamespace reports whether CloudWatch takes s for a namespace of ours.
func isNamespace(s string) bool {
	const characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./_#:-"
	return s != "" && len(s) <= 255 && strings.Trim(s, characters) == "" && !strings.HasPrefix(s, "AWS/")
}

// settingsFrom validates the whole environment at once.
func settingsFrom(getenv func(string) string) (settings, error) {
	env := config.NewReader(getenv)
	c := settings{Common: env.Common(), namespace: env.Get("METRIC_NAMESPACE", "TokenKeeper")}
	c.ticks = env.Ticks(c.Connections)
	if !isNamespace(c.namespace) {
		env.Wrong("METRIC_NAMESPACE", "is %q: expected up to 255 letters, digits and ./_#:- , not beginning with AWS/", c.namespace)
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
