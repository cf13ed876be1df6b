// Package environment reads what the functions are configured with: the
// variables that they share, and the errors about all of them at once.
package environment

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/rotation"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// InvalidConfiguration is the error of a function whose environment cannot be
// used, and its errorType. It names every variable that is wrong.
type InvalidConfiguration struct{ problems []error }

// Error lists the problems.
func (e InvalidConfiguration) Error() string { return errors.Join(e.problems...).Error() }

// Reader reads variables and gathers what is wrong with them.
type Reader struct {
	getenv   func(string) string
	problems []error
}

// New returns a Reader of the variables that getenv gives, such as [os.Getenv].
func New(getenv func(string) string) *Reader { return &Reader{getenv: getenv} }

// Get returns a variable without the space around it, or def where it is empty.
func (r *Reader) Get(name, def string) string {
	if v := strings.TrimSpace(r.getenv(name)); v != "" {
		return v
	}
	return def
}

// Wrong notes that a variable cannot be used: its name, followed by the text.
func (r *Reader) Wrong(name, format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf("%s "+format, append([]any{name}, args...)...))
}

// Err is nil if no variable was wrong, and otherwise an InvalidConfiguration.
func (r *Reader) Err() error {
	if r.problems == nil {
		return nil
	}
	return InvalidConfiguration{r.problems}
}

// Common is what all functions need.
type Common struct {
	// CONNECTIONS, default PSOXY_JIRA_CLOUD_: prefixes of parameter names,
	// separated by commas. Their policies hold FAMILY_LIFETIME_DAYS (365) and
	// ACCESS_TOKEN_FORMAT (raw).
	Connections []rotation.Connection
	// PARAMETER_KEY_ID, default alias/aws/ssm: the key that encrypts parameters.
	KeyID string
	// ATLASSIAN_AUTH_URL and ATLASSIAN_API_URL, default the real ones.
	AuthURL, APIURL string
}

// Common reads the variables that all functions share.
func (r *Reader) Common() Common {
	c := Common{KeyID: r.Get("PARAMETER_KEY_ID", "alias/aws/ssm")}
	if strings.ContainsAny(c.KeyID, " \t\n,") {
		r.Wrong("PARAMETER_KEY_ID", "is %q: expected one key id, key ARN or alias such as alias/aws/ssm", c.KeyID)
	}
	policy := family.DefaultPolicy()
	days, err := strconv.ParseFloat(r.Get("FAMILY_LIFETIME_DAYS", "365"), 64)
	if err != nil || !(days >= 1 && days <= 3650) {
		r.Wrong("FAMILY_LIFETIME_DAYS", "is %q: expected a number of days from 1 to 3650, such as 365", r.getenv("FAMILY_LIFETIME_DAYS"))
	}
	policy.Lifetime = time.Duration(days * 24 * float64(time.Hour))

	for name := range strings.SplitSeq(r.Get("CONNECTIONS", "PSOXY_JIRA_CLOUD_"), ",") {
		name = strings.TrimSpace(name)
		if err := family.CheckConnection(name); err != nil {
			r.Wrong("CONNECTIONS", "holds %v", err)
		} else if slices.ContainsFunc(c.Connections, func(c rotation.Connection) bool { return c.Name == name }) {
			r.Wrong("CONNECTIONS", "names %q twice", name)
		} else {
			c.Connections = append(c.Connections, rotation.Connection{Name: name, Policy: policy})
		}
	}
	if err := setFormats(c.Connections, r.Get("ACCESS_TOKEN_FORMAT", string(family.Raw))); err != nil {
		r.Wrong("ACCESS_TOKEN_FORMAT", "%v", err)
	}
	for _, u := range []struct {
		name, def string
		to        *string
	}{
		{"ATLASSIAN_AUTH_URL", atlassian.DefaultAuthURL, &c.AuthURL},
		{"ATLASSIAN_API_URL", atlassian.DefaultAPIURL, &c.APIURL},
	} {
		*u.to = strings.TrimSuffix(r.Get(u.name, u.def), "/")
		if err := atlassian.CheckURL(*u.to); err != nil {
			r.Wrong(u.name, "is %v", err)
		}
	}
	return c
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
