package authorize

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/url"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/internal/authorize/loopback"
	"github.com/tokenkeeper/tokenkeeper/internal/authorize/terminal"
	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// paste asks for the address until it is one that answers this consent. An address
// that is pasted in parts is put together.
func (f *Flow) paste(ctx context.Context, e expected) (atlassian.Secret, error) {
	before := "" // the beginning of an address
	for {
		pasted, err := f.Terminal.Pasted(ctx, "Address (is not shown): ")
		switch {
		case errors.Is(err, terminal.ErrTooLong):
			f.Terminal.Say("%v. Paste the address alone.", err)
			continue
		case err != nil:
			return atlassian.Secret{}, err
		}
		text := unwrapped(pasted.Reveal())
		if text == "" {
			continue
		}
		answer, problem := e.check(text)
		if problem != "" && before != "" {
			if joined, wrong := e.check(before + text); wrong == "" {
				answer, problem = joined, ""
			}
		}
		if problem == "" {
			return answer, nil
		}
		f.Terminal.Say("%s", problem)
		if before += text; strings.HasPrefix(text, "http") || len(before) > longest {
			before = text
		}
	}
}

// longest is the length up to which parts of an address are put together, in bytes.
const longest = 16 << 10

// unwrapped removes from a text the line breaks of a terminal, and quotes or
// brackets that were copied with it.
func unwrapped(text string) string {
	return strings.Trim(strings.Join(strings.Fields(text), ""), "\"'<>`")
}

// check returns the answer that an address bears, at the redirect URI: a browser
// may have ended up at another address of the same machine. Otherwise it says what
// is wrong, in words for the person who pasted it and without a part of it.
func (e expected) check(address string) (answer atlassian.Secret, problem string) {
	u, err := url.Parse(e.whole(address))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return answer, "That is no address. Copy all of the address bar, from http to the end."
	}
	query, err := url.ParseQuery(u.RawQuery)
	code, failed := query.Get("code"), query.Get("error")
	switch {
	case strings.HasSuffix(u.Path, "/authorize") && query.Get("client_id") != "":
		return answer, "That is the address to open. Open it, accept, and copy the address that the browser shows then. If Atlassian shows an error there, the app lacks the redirect URI or one of the scopes: compare them with its page in the developer console, and begin again."
	case err != nil || query.Get("state") == "" || code == "" && failed == "":
		return answer, "That address holds no answer. Copy all of the address bar after you accepted: it has state= and code= in it. If it is broken into lines, paste the rest of it now."
	case subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(e.state.Reveal())) != 1:
		return answer, "That answer belongs to another consent, perhaps an earlier one. Open the address above, and paste what it leads to."
	case !consent.SamePlace(u.String(), e.redirectURI):
		return answer, "That address does not lead to " + e.redirectURI + ". Copy the address that the browser shows after you accepted."
	case strings.HasPrefix(code, "eyJ") && strings.Count(code, ".") < 2, strings.HasSuffix(code, "."):
		return answer, "The code in that address is cut short. Copy all of the address bar; or paste the rest of it now."
	}
	at, err := url.Parse(e.redirectURI)
	if err != nil {
		return answer, "The redirect URI of this consent is no address: begin again with another one."
	}
	at.RawQuery = u.RawQuery
	return atlassian.NewSecret(at.String()), ""
}

// whole adds what browsers leave out of an address that is copied.
func (e expected) whole(address string) string {
	if _, local := loopback.Address(e.redirectURI); local && !strings.Contains(address, "://") && strings.Contains(address, "?") {
		return "http://" + address
	}
	return address
}
