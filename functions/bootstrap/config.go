package main

import "github.com/tokenkeeper/tokenkeeper/internal/environment"

// config is everything the function reads from its environment, except what the
// AWS SDK reads by itself. Each field names its variable and default.
type config struct {
	// Common are the variables of all functions.
	environment.Common
	// HOSTED_CONSENT, default false: whether the pages are served.
	hosted bool
}

// configFrom validates the whole environment at once.
func configFrom(getenv func(string) string) (config, error) {
	env := environment.New(getenv)
	c := config{Common: env.Common()}
	switch hosted := env.Get("HOSTED_CONSENT", "false"); hosted {
	case "true", "false":
		c.hosted = hosted == "true"
	default:
		env.Wrong("HOSTED_CONSENT", "is %q: expected true or false", hosted)
	}
	if c.hosted && c.ConnectionsPath != "" {
		env.Wrong("HOSTED_CONSENT", "is true beside CONNECTIONS_PATH: expected false, because every request would have to look at all connections")
	}
	return c, env.Err()
}
