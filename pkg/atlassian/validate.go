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

// checkInput makes sure that a value arrives as it was given. JSON and headers
// would alter or refuse other characters; Atlassian would then refuse the token,
// and a family would be taken for dead because of a stray newline.
func checkInput(name, value, whatNext string) error {
	switch {
	case value == "":
		return reason("the " + name + " is empty: " + whatNext)
	case !printable(value):
		return reason("the " + name + " holds a line break or another character that it cannot have: " + whatNext)
	case value != strings.TrimSpace(value):
		return reason("the " + name + " has a space at its start or end: " + whatNext)
	}
	return nil
}

// checkApp checks an app's credentials.
func checkApp(app App) error {
	const whatNext = `copy it anew from the app's page "Settings" in the Atlassian developer console`
	if err := checkInput("client id", app.ClientID, whatNext); err != nil {
		return err
	}
	return checkInput("client secret", app.ClientSecret.Reveal(), whatNext)
}

// baseURL checks a configured address and returns it without a slash at its
// end. The error does not quote it: it may hold a password.
func baseURL(name, value, byDefault string) (string, error) {
	if value == "" {
		return byDefault, nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" ||
		u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(value, "#") {
		return "", reason("the " + name + " must be an http or https address without user, query and fragment, such as " +
			byDefault + ": correct it, or leave it empty for that one")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// CheckURL returns an error that begins with the quoted address if a program
// should not be configured with it as an AuthURL or APIURL: it accepts https,
// and http on this machine only, since client secrets and tokens travel to it.
// An empty one stands for Atlassian's own.
func CheckURL(value string) error {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%q: expected a URL of scheme, host and perhaps a path", value)
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%q: expected https, or http on a loopback address", value)
}

// CheckRedirectURI refuses an address that a consent cannot return to: Atlassian
// accepts https, and http on this machine only. The error quotes nothing of it.
func CheckRedirectURI(value string) error {
	const expected = "an absolute https address, or http://localhost, exactly as registered under " +
		`"Authorization" in the Atlassian developer console`
	u, err := url.Parse(value)
	switch {
	case value == "":
		return reason("the redirect URI is empty: give " + expected)
	case err != nil || !printable(value) || strings.ContainsAny(value, " \\") || u.Hostname() == "":
		return reason("the redirect URI is not an address: give " + expected)
	case u.User != nil:
		return reason("the redirect URI holds a user name or password: give " + expected)
	case strings.Contains(value, "#"):
		return reason("the redirect URI has a fragment (#…), which never reaches a server: give " + expected)
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return reason("the redirect URI would carry the code over the network in the clear, or to no web server: give " + expected)
}

// loopback reports whether host is this machine.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}
