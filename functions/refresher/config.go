package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/rotation"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// config is everything the function reads from its environment, except what the
// AWS SDK reads by itself. Each field names its variable and default.
type config struct {
	// CONNECTIONS, default PSOXY_JIRA_CLOUD_: prefixes of parameter names,
	// separated by commas. Their policies hold REFRESH_BEFORE (25m),
	// FAMILY_LIFETIME_DAYS (365) and ACCESS_TOKEN_FORMAT (raw).
	connections []rotation.Connection
	// METRIC_NAMESPACE, default TokenKeeper.
	namespace string
	// PARAMETER_KEY_ID, default alias/aws/ssm: the key that encrypts parameters.
	keyID string
	// ATLASSIAN_AUTH_URL and ATLASSIAN_API_URL, default the real ones.
	authURL, apiURL string
}

// InvalidConfiguration is the error type of a function whose environment cannot
// be used. It names every variable that is wrong.
type InvalidConfiguration struct{ problems []error }

// Error lists the problems.
func (e InvalidConfiguration) Error() string { return errors.Join(e.problems...).Error() }

// Limits of REFRESH_BEFORE: consumers cache the access token for minutes, and
// it lives for an hour.
const (
	minRefreshBefore = 10 * time.Minute
	maxRefreshBefore = 55 * time.Minute
)

// configFrom validates the whole environment at once.
func configFrom(getenv func(string) string) (config, error) {
	var problems []error
	wrong := func(name, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s "+format, append([]any{name}, args...)...))
	}
	get := func(name, def string) string {
		if v := strings.TrimSpace(getenv(name)); v != "" {
			return v
		}
		return def
	}
	c := config{namespace: get("METRIC_NAMESPACE", "TokenKeeper"), keyID: get("PARAMETER_KEY_ID", "alias/aws/ssm")}
	policy := family.DefaultPolicy()

	before, err := time.ParseDuration(get("REFRESH_BEFORE", policy.RefreshBefore.String()))
	if err != nil || before < minRefreshBefore || before > maxRefreshBefore {
		wrong("REFRESH_BEFORE", "is %q: expected a duration from %s to %s, such as 25m", getenv("REFRESH_BEFORE"), minRefreshBefore, maxRefreshBefore)
	}
	policy.RefreshBefore = before

	days, err := strconv.ParseFloat(get("FAMILY_LIFETIME_DAYS", "365"), 64)
	if err != nil || !(days >= 1 && days <= 3650) {
		wrong("FAMILY_LIFETIME_DAYS", "is %q: expected a number of days from 1 to 3650, such as 365", getenv("FAMILY_LIFETIME_DAYS"))
	}
	policy.Lifetime = time.Duration(days * 24 * float64(time.Hour))

	for name := range strings.SplitSeq(get("CONNECTIONS", "PSOXY_JIRA_CLOUD_"), ",") {
		name = strings.TrimSpace(name)
		if err := family.CheckConnection(name); err != nil {
			wrong("CONNECTIONS", "holds %v", err)
		} else if slices.ContainsFunc(c.connections, func(c rotation.Connection) bool { return c.Name == name }) {
			wrong("CONNECTIONS", "names %q twice", name)
		} else {
			c.connections = append(c.connections, rotation.Connection{Name: name, Policy: policy})
		}
	}
	if err := setFormats(c.connections, get("ACCESS_TOKEN_FORMAT", string(family.Raw))); err != nil {
		wrong("ACCESS_TOKEN_FORMAT", "%v", err)
	}

	if !namespacePattern.MatchString(c.namespace) || strings.HasPrefix(c.namespace, "AWS/") {
		wrong("METRIC_NAMESPACE", "is %q: expected up to 255 letters, digits and ./_#:- , not beginning with AWS/", c.namespace)
	}
	if strings.ContainsAny(c.keyID, " \t\n,") {
		wrong("PARAMETER_KEY_ID", "is %q: expected one key id, key ARN or alias such as alias/aws/ssm", c.keyID)
	}
	for _, u := range []struct {
		name, def string
		to        *string
	}{
		{"ATLASSIAN_AUTH_URL", atlassian.DefaultAuthURL, &c.authURL},
		{"ATLASSIAN_API_URL", atlassian.DefaultAPIURL, &c.apiURL},
	} {
		*u.to = strings.TrimSuffix(get(u.name, u.def), "/")
		if err := atlassian.CheckURL(*u.to); err != nil {
			wrong(u.name, "is %v", err)
		}
	}
	if problems != nil {
		return config{}, InvalidConfiguration{problems}
	}
	return c, nil
}

var namespacePattern = regexp.MustCompile(`^[A-Za-z0-9./_#:-]{1,255}$`)

// setFormats applies ACCESS_TOKEN_FORMAT: a format for all connections, and
// PREFIX=format for one, separated by commas.
func setFormats(conns []rotation.Connection, value string) error {
	for item := range strings.SplitSeq(value, ",") {
		prefix, name, one := strings.Cut(strings.TrimSpace(item), "=")
		if !one {
			name = prefix
		}
		format, err := family.ParseAccessFormat(name)
		if err != nil {
			return fmt.Errorf("is %q: %w, or PREFIX=format for one connection", value, err)
		}
		found := false
		for i := range conns {
			if !one || conns[i].Name == prefix {
				conns[i].Policy.AccessFormat, found = format, true
			}
		}
		if one && !found {
			return fmt.Errorf("names %q, which CONNECTIONS does not hold", prefix)
		}
	}
	return nil
}
