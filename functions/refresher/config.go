package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
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
	// LAST_WARNING_DAYS, default 1: a family with less left needs a consent now.
	lastWarning float64
	// NO_CHANGE_NOTIFICATION_HOURS, default 0, which is none: Parameter Store is
	// to tell when a refresh token was not written for so long.
	noChangeHours int
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

// Limits of NO_CHANGE_NOTIFICATION_HOURS: a refresh token is written about once
// an hour, and a family dies after 90 days without a rotation.
const (
	minNoChangeHours = 2
	maxNoChangeHours = 720
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
		if err := checkConnection(name); err != nil {
			wrong("CONNECTIONS", "%v", err)
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
	if c.lastWarning, err = strconv.ParseFloat(get("LAST_WARNING_DAYS", "1"), 64); err != nil || !(c.lastWarning >= 0 && c.lastWarning <= 3650) {
		wrong("LAST_WARNING_DAYS", "is %q: expected a number of days from 0 to 3650, such as 1", getenv("LAST_WARNING_DAYS"))
	}
	if c.noChangeHours, err = strconv.Atoi(get("NO_CHANGE_NOTIFICATION_HOURS", "0")); err != nil || c.noChangeHours != 0 && c.noChangeHours < minNoChangeHours || c.noChangeHours > maxNoChangeHours {
		wrong("NO_CHANGE_NOTIFICATION_HOURS", "is %q: expected 0 for none, or hours from %d to %d", getenv("NO_CHANGE_NOTIFICATION_HOURS"), minNoChangeHours, maxNoChangeHours)
	}
	for _, u := range []struct {
		name, def string
		to        *string
	}{
		{"ATLASSIAN_AUTH_URL", atlassian.DefaultAuthURL, &c.authURL},
		{"ATLASSIAN_API_URL", atlassian.DefaultAPIURL, &c.apiURL},
	} {
		*u.to = strings.TrimSuffix(get(u.name, u.def), "/")
		if err := checkURL(*u.to); err != nil {
			wrong(u.name, "%v", err)
		}
	}
	if problems != nil {
		return config{}, InvalidConfiguration{problems}
	}
	return c, nil
}

var (
	connectionPattern = regexp.MustCompile(`^/?([A-Za-z0-9_.-]+/)*[A-Za-z0-9_.-]*[_./-]$`)
	namespacePattern  = regexp.MustCompile(`^[A-Za-z0-9./_#:-]{1,255}$`)
)

func checkConnection(name string) error {
	switch {
	case !connectionPattern.MatchString(name), len(name) > 900:
		return fmt.Errorf("holds %q: expected a prefix of parameter names that ends in _ . - or /, such as PSOXY_JIRA_CLOUD_", name)
	case strings.Contains(name, "/") && !strings.HasPrefix(name, "/"):
		return fmt.Errorf("holds %q: a prefix with a path must begin with /", name)
	}
	return nil
}

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

// checkURL accepts https, and plain http on this machine only: client secrets
// and tokens travel over it.
func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("is %q: expected a URL of scheme, host and perhaps a path", s)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http":
		if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
			return nil
		}
	}
	return fmt.Errorf("is %q: expected https, or http on a loopback address", s)
}
