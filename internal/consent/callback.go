package consent

import (
	"cmp"
	"net/netip"
	"net/url"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Bounds of what comes back from a browser, in bytes. A code was seen to have
// about 860.
const (
	maxRedirectURL = 16 << 10
	maxCode        = 8 << 10
	maxState       = 256
)

// callback is what a browser came back with.
type callback struct {
	// from is the address that it came back to; empty where not known.
	from, state, code atlassian.Secret
	// failed is the OAuth error code, such as "access_denied"; or empty.
	failed string
}

// isErrorCode reports whether s looks like a registered OAuth error code.
func isErrorCode(s string) bool {
	return s != "" && len(s) <= 40 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == ""
}

// callback reads a request. Its errors quote no part of the address.
func (r CompleteRequest) callback() (callback, error) {
	c := callback{state: r.State, code: r.Code}
	if !r.RedirectURL.IsZero() {
		if !r.State.IsZero() || !r.Code.IsZero() {
			return callback{}, refuse(InvalidRequest, "give either the whole redirect URL, or its state and code, not both")
		}
		var err error
		if c, err = parseRedirect(r.RedirectURL); err != nil {
			return callback{}, err
		}
	}
	if c.state.IsZero() && (!r.Page || r.Browser.IsZero()) {
		return callback{}, refuse(InvalidRequest, "there is no state: give the whole address that the browser ended up at after the consent, with everything after the ?")
	}
	if c.state.Len() > maxState || c.code.Len() > maxCode || r.Browser.Len() > maxState || len(r.Site) > 1000 {
		return callback{}, refuse(InvalidRequest, "the state, the code or the site is too long to be one: copy the whole address of the browser again")
	}
	if code := c.code.Reveal(); strings.ContainsFunc(code, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return callback{}, refuse(InvalidRequest, "the authorization code holds a space, a line end or another character that no code has, and was not used: copy the whole address of the browser again")
	}
	return c, nil
}

func parseRedirect(address atlassian.Secret) (callback, error) {
	if address.Len() > maxRedirectURL {
		return callback{}, refuse(InvalidRequest, "the redirect URL is longer than %d bytes: copy the address of the browser again", maxRedirectURL)
	}
	u, err := url.Parse(strings.TrimSpace(address.Reveal()))
	if err != nil {
		return callback{}, refuse(InvalidRequest, "the redirect URL is not an address: copy the whole address of the browser")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || len(query["state"]) > 1 || len(query["code"]) > 1 || len(query["error"]) > 1 {
		return callback{}, refuse(InvalidRequest, "the redirect URL's query is not one that a consent ends with: copy the whole address of the browser")
	}
	c := callback{state: atlassian.NewSecret(query.Get("state")), code: atlassian.NewSecret(query.Get("code")), failed: query.Get("error")}
	if u.Host != "" {
		c.from = address
	}
	return c, nil
}

// SamePlace reports whether an address and a redirect URI are equal without their
// queries.
func SamePlace(address, redirectURI string) bool {
	a, err := url.Parse(strings.TrimSpace(address))
	b, failed := url.Parse(redirectURI)
	return err == nil && failed == nil && place(a) == place(b)
}

// place is where an address leads, without its query. All addresses of the
// browser's own machine count as one place. The state tells which consent an
// answer is about.
func place(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && ip.IsLoopback() {
		return "localhost"
	}
	if port := u.Port(); port != "" && port != defaultPorts[u.Scheme] {
		host += ":" + port
	}
	return strings.ToLower(u.Scheme) + "://" + host + cmp.Or(u.EscapedPath(), "/")
}

var defaultPorts = map[string]string{"https": "443", "http": "80"}

// checkCallback refuses an answer that is no consent, or that came back to another
// place than it was sent to.
func (u *underWay) checkCallback(c callback, cookie atlassian.Secret) *Error {
	if err := u.checkBrowser(cookie); err != nil {
		return err
	}
	if !c.from.IsZero() && !SamePlace(c.from.Reveal(), u.RedirectURI) {
		return refuse(InvalidRequest, "the consent was to return to %s, and this is another address: copy the one that the browser ended up at", u.RedirectURI)
	}
	if c.failed != "" {
		return c.refusal()
	}
	if c.code.IsZero() {
		return refuse(InvalidRequest, "there is no authorization code: give the whole address that the browser ended up at after the consent, with everything after the ?")
	}
	return nil
}

// checkCallback refuses another answer than the one that these tokens came from: the
// person went back to Atlassian's page, and cancelled or accepted once more.
func (w *waiting) checkCallback(c callback) *Error {
	if c.failed != "" {
		return c.refusal()
	}
	if !c.code.IsZero() && w.Code != "" && !w.Code.of(c.code) {
		return refuse(CodeRefused, "this consent was accepted twice, and its second answer was not used: nothing has changed; begin again and accept once")
	}
	return nil
}

// refusal is the error of a consent that was refused at Atlassian.
func (c callback) refusal() *Error {
	code := c.failed
	if !isErrorCode(code) {
		code = "an unknown error"
	}
	return refuse(ConsentRefused, "the consent was refused at Atlassian (%s), and nothing has changed: consent again if that was not meant", code)
}
