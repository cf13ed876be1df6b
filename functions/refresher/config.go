package main

import (
	"regexp"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/environment"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// config is everything the function reads from its environment, except what the
// AWS SDK reads by itself. Each field names its variable and default.
type config struct {
	// Common are the variables of all functions. The connections' policies hold
	// REFRESH_BEFORE (25m) as well.
	environment.Common
	// METRIC_NAMESPACE, default TokenKeeper.
	namespace string
}

// Limits of REFRESH_BEFORE: consumers cache the access token for minutes, and
// it lives for an hour.
const (
	minRefreshBefore = 10 * time.Minute
	maxRefreshBefore = 55 * time.Minute
)

var namespacePattern = regexp.MustCompile(`^[A-Za-z0-9./_#:-]{1,255}$`)

// configFrom validates the whole environment at once.
func configFrom(getenv func(string) string) (config, error) {
	env := environment.New(getenv)
	c := config{Common: env.Common(), namespace: env.Get("METRIC_NAMESPACE", "TokenKeeper")}
	before, err := time.ParseDuration(env.Get("REFRESH_BEFORE", family.DefaultPolicy().RefreshBefore.String()))
	if err != nil || before < minRefreshBefore || before > maxRefreshBefore {
		env.Wrong("REFRESH_BEFORE", "is %q: expected a duration from %s to %s, such as 25m", getenv("REFRESH_BEFORE"), minRefreshBefore, maxRefreshBefore)
	}
	for i := range c.Connections {
		c.Connections[i].Policy.RefreshBefore = before
	}
	if !namespacePattern.MatchString(c.namespace) || strings.HasPrefix(c.namespace, "AWS/") {
		env.Wrong("METRIC_NAMESPACE", "is %q: expected up to 255 letters, digits and ./_#:- , not beginning with AWS/", c.namespace)
	}
	return c, env.Err()
}
