package e2e

import (
	"encoding/base64"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

// forms are what people and programs store in the place of a token.
func forms(token, access string) map[string]string {
	return map[string]string{
		"single quotes":          "'" + token + "'",
		"double quotes":          `"` + token + `"`,
		"backquotes":             "`" + token + "`",
		"typographic quotes":     "“" + token + "”",
		"angle quotes":           "‹" + token + "›",
		"angle brackets":         "<" + token + ">",
		"a line end, written":    token + `\n`,
		"a line end, encoded":    token + "%0A",
		"a line end inside":      token[:40] + "\n" + token[40:],
		"a blank inside":         token[:40] + " " + token[40:],
		"a comma behind":         token + ",",
		"a semicolon behind":     token + ";",
		"a percent sign behind":  token + "%",
		"its name before":        "refresh_token=" + token,
		"its name in JSON":       `"refresh_token": "` + token + `"`,
		"the answer":             `{"refresh_token":"` + token + `"}`,
		"a bearer":               "Bearer " + token,
		"Base64":                 base64.StdEncoding.EncodeToString([]byte(token)),
		"Base64 of a line":       base64.StdEncoding.EncodeToString([]byte(token + "\n")),
		"Base64 for URLs":        base64.RawURLEncoding.EncodeToString([]byte(token)),
		"cut short":              token[:len(token)-4],
		"half of it":             token[:len(token)/2],
		"null":                   "null",
		"None":                   "None",
		"undefined":              "undefined",
		"CHANGE_ME":              "CHANGE_ME",
		"stars":                  "****************",
		"a variable":             "$REFRESH_TOKEN",
		"a variable in brackets": "${REFRESH_TOKEN}",
		"a template":             "{{ refresh_token }}",
		"TODO":                   "TODO",
		"fill me":                "fill me",
		"a dot":                  ".",
		"an access token":        access,
		"redacted":               "[redacted]",
		"a full stop behind":     token + ".",
		"bars around":            "|" + token + "|",
		"a byte order mark":      "\ufeff" + token,
		"a blank of no width":    token[:20] + "\u200b" + token[20:],
		"abridged":               token[:12] + "..." + token[len(token)-12:],
		"in capital letters":     strings.ToUpper(token),
		"two tokens":             access + token,
		"twice":                  token + token,
		"without its begin":      token[4:],
		"Base64, twice":          base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(token)))),
		"CHANGE_ME_LATER":        "CHANGE_ME_LATER",
		"a parameter's name":     "CORP_JIRA_REFRESH_TOKEN",
		"an address":             "https://auth.atlassian.com/oauth/token",
	}
}

// unlike are forms that only who knows the token can tell from one without claims.
func unlike(token string) map[string]string {
	return map[string]string{"without its begin": token[4:], "with another end": token + "x"}
}

// No form of the newest token but itself is presented. Each is overwritten with the
// newest token at once, and the reason shows no part of it.
func TestFormsOfTheToken(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	w.RequireAction(w.Tick(), "rotated")
	token := c.Value(c.Names.RefreshToken)
	all := forms(token, c.Value(c.Names.AccessToken))
	maps.Copy(all, unlike(token))
	for name, form := range all {
		c.PutSecret(c.Names.RefreshToken, form)
		tick := w.Tick()
		o := w.RequireAction(tick, "restored")
		require.Empty(t, tick.Posts, name)
		require.Contains(t, o.Foreign, c.Names.RefreshToken, name)
		require.True(t, token == c.Value(c.Names.RefreshToken), name)
	}
	w.Pass(36 * time.Minute)
	w.RequireAction(w.Tick(), "rotated")
	c.RequireHealthy(2)
}

// No form of a new consent's token is presented either, beside a living family
// or before the first. Once a person has put it right, it is in use.
func TestFormsOfAConsent(t *testing.T) {
	t.Parallel()
	t.Run("beside a living family", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, world.Options{})
		c := w.Connection()
		w.RequireAction(w.Tick(), "rotated")
		other := world.New(t, world.Options{})
		access := other.Connection()
		other.RequireAction(other.Tick(), "rotated")
		token := c.Consent()
		for name, form := range forms(token, access.Value(access.Names.AccessToken)) {
			c.PutSecret(c.Names.RefreshToken, form)
			tick := w.Tick()
			w.RequireAction(tick, "restored")
			require.Empty(t, tick.Posts, name)
		}
		c.PutSecret(c.Names.RefreshToken, token)
		require.Equal(t, 1, w.RequireAction(w.Tick(), "rotated").Generation)
		c.RequireHealthy(1)
	})
	t.Run("before the first family", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, world.Options{})
		c := w.Connection()
		token := c.Value(c.Names.RefreshToken)
		c.Delete(c.Names.RefreshToken)
		for name, form := range forms(token, "") {
			if form == "" || form == token {
				continue
			}
			c.PutSecret(c.Names.RefreshToken, form)
			tick := w.Tick()
			o := w.Outcome(tick, c.Name)
			require.Contains(t, []string{"awaiting_consent", "misconfigured"}, o.Action, "%s: %s", name, o.Reason)
			require.Empty(t, tick.Posts, name)
		}
		c.PutSecret(c.Names.RefreshToken, token)
		w.RequireAction(w.Tick(), "rotated")
		c.RequireHealthy(1)
	})
}

// Atlassian is asked about a value that looks like a token and is none. Atlassian
// does not know it. Neither the living family nor the consent is lost.
func TestFormsThatOnlyAtlassianKnows(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"without its begin", "with another end"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, world.Options{Opaque: true})
			c := w.Connection()
			w.RequireAction(w.Tick(), "rotated")
			family := c.FamilyID
			token := c.Consent()
			c.PutSecret(c.Names.RefreshToken, unlike(token)[name])
			tick := w.Tick()
			w.RequireAction(tick, "restored")
			require.Len(t, tick.Posts, 1)
			require.Equal(t, family, c.Lookup(c.Names.RefreshToken).FamilyID)
			w.RequireAction(w.Tick(), "idle")
			c.PutSecret(c.Names.RefreshToken, token)
			w.RequireAction(w.Tick(), "rotated")
			c.RequireHealthy(1)
		})
		t.Run(name+", before the first family", func(t *testing.T) {
			t.Parallel()
			w := world.New(t, world.Options{Opaque: true})
			c := w.Connection()
			token := c.Value(c.Names.RefreshToken)
			c.Delete(c.Names.RefreshToken)
			c.PutSecret(c.Names.RefreshToken, unlike(token)[name])
			require.Contains(t, []string{"refused", "failed"}, w.Outcome(w.Tick(), c.Name).Action)
			c.PutSecret(c.Names.RefreshToken, token)
			c.RequireHealthy(w.RequireAction(w.Tick(), "rotated").Generation)
		})
	}
}
