// Package config reads the functions' environment: the variables that they share,
// with one error about all wrong ones, and the list of connections. It also holds
// the version of the binary.
package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
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

// NewReader returns a Reader of the variables that getenv gives, such as [os.Getenv].
func NewReader(getenv func(string) string) *Reader { return &Reader{getenv: getenv} }

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

// Number returns a variable that is a number from least to most; def where it is
// empty. The error's text says what is expected, such as "a number of days from 1
// to 3650".
func (r *Reader) Number(name string, def, least, most float64, expected string) float64 {
	text := r.Get(name, "")
	if text == "" {
		return def
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= least && n <= most) {
		r.Wrong(name, "is %q: expected %s", text, expected)
		return def
	}
	return n
}

// Whole is Number for a variable that is a whole number.
func (r *Reader) Whole(name string, def, least, most int, expected string) int {
	n := r.Number(name, float64(def), float64(least), float64(most), expected)
	if n != float64(int(n)) {
		r.Wrong(name, "is %q: expected %s", r.getenv(name), expected)
	}
	return int(n)
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
	// ACCESS_TOKEN_FORMAT (auto). None where ConnectionsPath is set.
	Connections []family.Connection
	// CONNECTIONS_PATH, default none: the path below which parameters list the
	// connections, instead of CONNECTIONS. Connection gives each its policy.
	ConnectionsPath string
	// PARAMETER_PATH: what the names of listed connections begin with; set
	// together with CONNECTIONS_PATH.
	ParameterPath string
	// LEDGER_PATH, default none: the path below which the ledgers are. Programs
	// that may read the connections' parameters cannot read there. Without it
	// each is beside them.
	LedgerPath string
	// PARAMETER_KEY_ID, default alias/aws/ssm: the key that encrypts parameters.
	KeyID string
	// ATLASSIAN_AUTH_URL and ATLASSIAN_API_URL, default the real ones.
	AuthURL, APIURL string

	policy  family.Policy
	formats formats
}

// Connection is the connection of that name, with its policy and its ledger.
func (c Common) Connection(name string) family.Connection {
	conn := family.Connection{Name: name, Policy: c.policy}
	conn.Policy.AccessFormat = c.formats.of(name)
	if c.LedgerPath != "" {
		conn.Ledger = LedgerBelow(c.LedgerPath, name)
	}
	return conn
}

// LedgerBelow is the name of a connection's ledger below a path.
func LedgerBelow(path, connection string) string {
	return path + "/" + family.NamesOf(strings.TrimPrefix(connection, "/")).Ledger
}

// isPath reports whether s is a path of parameters: parts with a slash before each.
func isPath(s string) bool {
	first, rest, _ := strings.Cut(s, "/")
	if first != "" || rest == "" {
		return false
	}
	for part := range strings.SplitSeq(rest, "/") {
		if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "" {
			return false
		}
	}
	return true
}

// Common reads the variables that all functions share.
func (r *Reader) Common() Common {
	c := Common{KeyID: r.Get("PARAMETER_KEY_ID", "alias/aws/ssm")}
	if strings.ContainsAny(c.KeyID, " \t\n,") {
		r.Wrong("PARAMETER_KEY_ID", "is %q: expected one key id, key ARN or alias such as alias/aws/ssm", c.KeyID)
	}
	policy := family.DefaultPolicy()
	days := r.Number("FAMILY_LIFETIME_DAYS", 365, 1, 3650, "a number of days from 1 to 3650, such as 365")
	policy.Lifetime = time.Duration(days * 24 * float64(time.Hour))

	c.policy = policy
	var err error
	if c.formats, err = parseFormats(r.Get("ACCESS_TOKEN_FORMAT", string(psoxy.AsStored))); err != nil {
		r.Wrong("ACCESS_TOKEN_FORMAT", "%v", err)
	}
	c.LedgerPath = r.Get("LEDGER_PATH", "")
	if c.ConnectionsPath = r.Get("CONNECTIONS_PATH", ""); c.ConnectionsPath == "" {
		c.Connections = r.connections(c)
	} else {
		r.checkList(c.ConnectionsPath)
	}
	c.ParameterPath = r.Get("PARAMETER_PATH", "")
	r.checkLedgers(c)
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

// connections reads CONNECTIONS.
func (r *Reader) connections(c Common) (conns []family.Connection) {
	if r.Get("PARAMETER_PATH", "") != "" {
		r.Wrong("PARAMETER_PATH", "is set without CONNECTIONS_PATH: expected both, or neither")
	}
	for name := range strings.SplitSeq(r.Get("CONNECTIONS", "PSOXY_JIRA_CLOUD_"), ",") {
		name = strings.TrimSpace(name)
		if err := family.CheckConnection(name); err != nil {
			r.Wrong("CONNECTIONS", "holds %v", err)
		} else if slices.ContainsFunc(conns, func(c family.Connection) bool { return c.Name == name }) {
			r.Wrong("CONNECTIONS", "names %q twice", name)
		} else {
			conns = append(conns, c.Connection(name))
		}
	}
	for _, prefix := range slices.Sorted(maps.Keys(c.formats)) {
		if prefix != "" && !slices.ContainsFunc(conns, func(c family.Connection) bool { return c.Name == prefix }) {
			r.Wrong("ACCESS_TOKEN_FORMAT", "names %q, which CONNECTIONS does not hold", prefix)
		}
	}
	return conns
}

// CheckConnectionsPath returns an error if the list of connections cannot be below
// a path. It begins with the quoted path and says what is expected. root is the
// path below which the connections' own parameters are.
func CheckConnectionsPath(path, root string) error {
	if !isPath(path) {
		return fmt.Errorf("%q: expected a path of parameters that does not end in a slash, such as /tokenkeeper-connections", path)
	}
	if strings.HasPrefix(root, path+"/") {
		return fmt.Errorf("%q: expected a path that does not hold the connections' own parameters, which are below %s", path, root)
	}
	return nil
}

// CheckParameterPath returns an error that begins with the quoted path if the
// names of listed connections cannot begin with it, and says what is expected.
func CheckParameterPath(root string) error {
	if !isPath(strings.TrimSuffix(root, "/")) || !strings.HasSuffix(root, "/") {
		return fmt.Errorf("%q: with a list of connections, expected a path that begins and ends with a slash, such as /tokenkeeper/", root)
	}
	return nil
}

// checkList checks what goes with CONNECTIONS_PATH.
func (r *Reader) checkList(path string) {
	root := r.Get("PARAMETER_PATH", "")
	if err := CheckConnectionsPath(path, root); err != nil {
		r.Wrong("CONNECTIONS_PATH", "is %v", err)
	}
	if err := CheckParameterPath(root); err != nil {
		r.Wrong("PARAMETER_PATH", "is %v", err)
	}
	if r.Get("CONNECTIONS", "") != "" {
		r.Wrong("CONNECTIONS", "is set beside CONNECTIONS_PATH: expected one of them")
	}
}

// maxLedgerPath is the longest path of ledgers, in bytes: the names below it
// must fit.
const maxLedgerPath = 90

// CheckLedgerPath returns an error that begins with the quoted path if no ledger
// can be below it, and says what is expected.
func CheckLedgerPath(path string) error {
	if !isPath(path) || len(path) > maxLedgerPath {
		return fmt.Errorf("%q: expected a path of up to %d characters that does not end in a slash, such as /tokenkeeper-ledgers", path, maxLedgerPath)
	}
	return nil
}

// checkLedgers checks LEDGER_PATH.
func (r *Reader) checkLedgers(c Common) {
	if c.LedgerPath == "" {
		return
	}
	if err := CheckLedgerPath(c.LedgerPath); err != nil {
		r.Wrong("LEDGER_PATH", "is %v", err)
	}
	if c.ConnectionsPath != "" && strings.HasPrefix(c.LedgerPath+"/", c.ConnectionsPath+"/") {
		r.Wrong("LEDGER_PATH", "is %q: expected a path that is not below CONNECTIONS_PATH, where every parameter names a connection", c.LedgerPath)
	}
}

// formats are those of ACCESS_TOKEN_FORMAT by connection; the empty one's is
// that of all others.
type formats map[string]psoxy.AccessFormat

func (f formats) of(name string) psoxy.AccessFormat {
	if own, ok := f[name]; ok {
		return own
	}
	return f[""]
}

// parseFormats reads a format for all connections, and PREFIX=format for one,
// separated by commas.
func parseFormats(value string) (formats, error) {
	f := formats{"": psoxy.AsStored}
	for item := range strings.SplitSeq(value, ",") {
		prefix, name, one := strings.Cut(strings.TrimSpace(item), "=")
		if !one {
			prefix, name = "", prefix
		}
		format, err := psoxy.ParseAccessFormat(name)
		if err != nil {
			return f, fmt.Errorf("is %q: %w, or PREFIX=format for one connection", value, err)
		}
		f[prefix] = format
	}
	return f, nil
}
