package atlassian

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// printable reports whether s has only characters that RFC 6749 appendix A
// allows in tokens, codes, client ids and secrets: printable ASCII and space.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// checkInput refuses a value that JSON or a header would change. Atlassian would
// refuse the changed token, and a stray newline would make a family look dead.
func checkInput(name, value, whatNext string) error {
	switch {
	case value == "":
		return reason("the " + name + " is empty: " + whatNext)
	case !printable(value):
		return reason("the " + name + " contains a line break or another invalid character: " + whatNext)
	case value != strings.TrimSpace(value):
		return reason("the " + name + " has a space at its start or end: " + whatNext)
	}
	return nil
}

// checkApp checks an app's credentials.
func checkApp(app App) error {
	const whatNext = `copy it again from the app's page "Settings" in the Atlassian developer console`
	if err := checkInput("client id", app.ClientID, whatNext); err != nil {
		return err
	}
	return checkInput("client secret", app.ClientSecret.Reveal(), whatNext)
}

// baseURL checks a configured address and returns it without a slash at its end.
// The error does not quote the address, which may contain a password.
func baseURL(name, value, byDefault string) (string, error) {
	if value == "" {
		return byDefault, nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" ||
		u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(value, "#") {
		return "", reason("the " + name + " must be an http or https address without user, query and fragment, such as " +
			byDefault + ": correct it, or leave it empty for this default")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// CheckURL returns an error, which begins with the quoted address without its user and
// query, if a program should not use the address as an AuthURL or APIURL. It accepts https, and http
// only on this machine, since client secrets and tokens are sent there. Empty means
// Atlassian's own address.
func CheckURL(value string) error {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%q: expected a URL with scheme, host and optionally a path", presentableURL(value))
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%q: expected https, or http on a loopback address", presentableURL(value))
}

// presentableURL is an address without what may be a password: its user, query and
// fragment.
func presentableURL(value string) string {
	if i := strings.IndexAny(value, "?#"); i >= 0 {
		value = value[:i+1] + "***"
	}
	if i := strings.LastIndex(value, "@"); i >= 0 {
		begin := 0
		if scheme := strings.Index(value[:i], "://"); scheme >= 0 {
			begin = scheme + len("://")
		}
		value = value[:begin] + "***" + value[i:]
	}
	return value
}

// CheckRedirectURI returns an error if a consent cannot return to the address.
// Atlassian accepts https, and http only on this machine. The error does not quote
// the address.
func CheckRedirectURI(value string) error {
	const expected = "an absolute https address, or http://localhost, exactly as registered under " +
		`"Authorization" in the Atlassian developer console`
	u, err := url.Parse(value)
	switch {
	case value == "":
		return reason("the redirect URI is empty: give " + expected)
	case err != nil || !printable(value) || strings.ContainsAny(value, " \\") || u.Hostname() == "":
		return reason("the redirect URI is not a valid address: give " + expected)
	case u.User != nil:
		return reason("the redirect URI contains a user name or password: give " + expected)
	case strings.Contains(value, "#"):
		return reason("the redirect URI has a fragment (#…), which never reaches a server: give " + expected)
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return reason("the redirect URI would send the code unencrypted over the network, or not to a web server: give " + expected)
}

// loopback reports whether host is this machine.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}
