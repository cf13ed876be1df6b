package main

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/consent/pages"
)

// settings are everything the function reads from its environment, except what the
// AWS SDK reads by itself. Each field names its variable and default.
type settings struct {
	// Common are the variables of all functions.
	config.Common
	// HOSTED_CONSENT, default false: whether the pages are served.
	hosted bool
	// CONSENT_ORGANIZATION and CONSENT_CONTACT, default none: the organization that
	// the pages name, and the contact for questions.
	host pages.Host
}

// maxHost is the length of each text about the host, in characters.
const maxHost = 100

// settingsFrom validates the whole environment at once.
func settingsFrom(getenv func(string) string) (settings, error) {
	env := config.NewReader(getenv)
	c := settings{Common: env.Common()}
	switch hosted := env.Get("HOSTED_CONSENT", "false"); hosted {
	case "true", "false":
		c.hosted = hosted == "true"
	default:
		env.Wrong("HOSTED_CONSENT", "is %q: expected true or false", hosted)
	}
	if c.hosted && c.ConnectionsPath != "" {
		env.Wrong("HOSTED_CONSENT", "is true beside CONNECTIONS_PATH: expected false, because every request would have to look at all connections")
	}
	c.host = pages.Host{Organization: hostText(env, "CONSENT_ORGANIZATION"), Contact: hostText(env, "CONSENT_CONTACT")}
	return c, env.Err()
}

// hostText reads a text that is shown on the pages.
func hostText(env *config.Reader, name string) string {
	text := env.Get(name, "")
	if utf8.RuneCountInString(text) > maxHost || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		env.Wrong(name, "is not one line of at most %d printable characters", maxHost)
	}
	return text
}
