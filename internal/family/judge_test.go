package family_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// damaged are forms that people and programs store a token in by mistake.
var damaged = []struct {
	name string
	make func(token string) string
	// ofOwn: of a token that nobody knows it could be a whole one.
	ofOwn bool
}{
	{"single quotes", around("'", "'"), false},
	{"double quotes", around(`"`, `"`), false},
	{"one double quote", around(`"`, ""), false},
	{"backquotes", around("`", "`"), false},
	{"typographic double quotes", around("“", "”"), false},
	{"typographic single quotes", around("‘", "’"), false},
	{"guillemets", around("«", "»"), false},
	{"single guillemets", around("‹", "›"), false},
	{"angle brackets", around("<", ">"), false},
	{"parentheses", around("(", ")"), false},
	{"square brackets", around("[", "]"), false},
	{"braces", around("{", "}"), false},
	{"a quoted JSON string", around(`\"`, `\"`), false},
	{`a written \n`, around("", `\n`), false},
	{`a written \r\n`, around("", `\r\n`), false},
	{"%0A", around("", "%0A"), false},
	{"%0D%0A", around("", "%0D%0A"), false},
	{"%20", around("", "%20"), false},
	{"a comma", around("", ","), false},
	{"a quote and a comma", around("", `",`), false},
	{"a semicolon", around("", ";"), false},
	{"zsh's mark of a missing line end", around("", "%"), false},
	{"an ampersand", around("", "&"), false},
	{"a byte order mark", around("\ufeff", ""), false},
	{"a zero-width space", around("", "\u200b"), false},
	{"no-break spaces", around("\u00a0", "\u00a0x"), false},
	{"refresh_token=", around("refresh_token=", ""), false},
	{"REFRESH_TOKEN=", around("REFRESH_TOKEN=", ""), false},
	{"a form's field", around("grant_type=refresh_token&refresh_token=", ""), false},
	{"export", around("export REFRESH_TOKEN=", ""), false},
	{"export with quotes", around("export REFRESH_TOKEN='", "'"), false},
	{"refresh_token: ", around("refresh_token: ", ""), false},
	{"refresh_token:", around("refresh_token:", ""), false},
	{"a JSON field", around(`"refresh_token":"`, `"`), false},
	{"a JSON field and a comma", around(`"refresh_token": "`, `",`), false},
	{"the whole answer", around(`{"access_token":"x","refresh_token":"`, `","expires_in":3600}`), false},
	{"Terraform's assignment", around(`refresh_token = "`, `"`), false},
	{"Bearer", around("Bearer ", ""), false},
	{"a comment", around("", " # from the console"), false},
	{"Base64", func(t string) string { return base64.StdEncoding.EncodeToString([]byte(t)) }, false},
	{"Base64 of a line", func(t string) string { return base64.StdEncoding.EncodeToString([]byte(t + "\n")) }, false},
	{"Base64 without padding", func(t string) string { return base64.RawURLEncoding.EncodeToString([]byte(t)) }, false},
	{"a line break inside", func(t string) string { return t[:20] + "\n" + t[20:] }, false},
	{"a line break and spaces inside", func(t string) string { return t[:20] + "\r\n  " + t[20:] }, false},
	{"a space inside", func(t string) string { return t[:20] + " " + t[20:] }, false},
	{"twice, with a space", func(t string) string { return t + " " + t }, false},
	{"an ellipsis inside", func(t string) string { return t[:20] + "…" + t[len(t)-8:] }, false},
	{"dots in its place", func(t string) string { return t[:4] + "..." }, false},
	{"reversed by a terminal", func(t string) string { return "\x1b[200~" + t + "\x1b[201~" }, false},

	{"in lower case", strings.ToLower, true},
	{"a wrong last character", func(t string) string { return t[:len(t)-1] + other(t[len(t)-1:]) }, true},
	{"three wrong characters", func(t string) string { return other(t[:1]) + t[1:20] + other(t[20:22]) + t[22:] }, true},
	{"twice", func(t string) string { return t + t }, true},
	{"one character more", around("", "x"), true},
	{"one character before", around("x", ""), true},
	{"bars around", around("|", "|"), true},
	{"after another token", around("ATCTT3xFfGF0aB3aB3aB3", ""), true},
	{"its name before, with a bar", around("refresh_token|", ""), true},
	{"a character put in", func(t string) string { return t[:20] + "-" + t[20:] }, true},
	{"a character left out", func(t string) string { return t[:20] + t[21:] }, true},
	{"a line left out", func(t string) string { return t[:len(t)/3] + t[len(t)/2:] }, true},
	{"a line twice", func(t string) string { return t[:24] + t[16:] }, true},
	{"dashes in its middle", func(t string) string { return t[:12] + "----" + t[len(t)-12:] }, true},
	{"backwards", func(t string) string { b := []byte(t); slices.Reverse(b); return string(b) }, false},
	{"Base64 of a quoted one", func(t string) string { return base64.StdEncoding.EncodeToString([]byte(`"` + t + `"`)) }, false},
	{"Base64 twice, by base64(1)", func(t string) string {
		once := base64.StdEncoding.EncodeToString([]byte(t + "\n"))
		return base64.StdEncoding.EncodeToString([]byte(once + "\n"))
	}, false},
	{"the first character missing", func(t string) string { return t[1:] }, true},
	{"the last character missing", func(t string) string { return t[:len(t)-1] }, true},
	{"the last four missing", func(t string) string { return t[:len(t)-4] }, true},
	{"the second half missing", func(t string) string { return t[:len(t)/2] }, true},
	{"the first half missing", func(t string) string { return t[len(t)/2:] }, true},
	{"its end alone", func(t string) string { return t[len(t)-16:] }, true},
}

// other is a text of other letters.
func other(text string) string {
	return strings.Map(func(r rune) rune {
		if r == 'Q' || r == 'q' {
			return 'A'
		}
		return 'Q'
	}, text)
}

func around(before, after string) func(string) string {
	return func(token string) string { return before + token + after }
}

// placeholders hold no token at all.
var placeholders = []string{"null", "NULL", "None", "nil", "undefined", "NaN", "CHANGE_ME", "changeme", "change-me", "REPLACE_ME", "TODO", "tbd", "FIXME",
	"****", "********************", "--------------------", "xxxxxxxxxxxxxxxxxxxxxxxx", "XXXX", "0", "0000000000000000", "...", "-", "?", "n/a", "N/A",
	"$REFRESH_TOKEN", "${REFRESH_TOKEN}", "$(cat token)", "{{ refresh_token }}", "%REFRESH_TOKEN%", "<refresh_token>", "<REFRESH_TOKEN>", "[REDACTED]", "REDACTED",
	"(sensitive value)", "(known after apply)", "sensitive", "placeholder", "your-refresh-token", "<your refresh token>", "refresh_token", "REFRESH_TOKEN", "refreshToken",
	"test", "dummy", "secret", "example", "true", "false", "{}", "[]", `""`, "''", "{\"refresh_token\":null}", "FILL ME", "Fill me", "fill_me", "\"fill me\"", "EMPTY", "token"}

// What cannot be a token is not presented; nor is a damaged copy of the token in
// use, whatever kind of token that is.
func TestMalformedValues(t *testing.T) {
	stranger := rotating("another chain", now)
	mine := map[string]string{"a JWT": rotating("chain", now.Add(-time.Hour)), "opaque": opaque(40), "opaque and short": opaque(24)}
	require.GreaterOrEqual(t, len(damaged)+len(placeholders), 37)
	for _, form := range damaged {
		t.Run(form.name, func(t *testing.T) {
			values := map[string]string{}
			for kind, token := range mine {
				values[kind+", the newest"] = form.make(token)
			}
			if !form.ofOwn {
				values["a JWT that nobody knows"] = form.make(stranger)
			}
			for kind, value := range values {
				token := mine[strings.TrimSuffix(kind, ", the newest")]
				if token == "" {
					token = mine["a JWT"]
				}
				verdict, reason := own(token, "chain").Judge(field(value, 9, now))
				require.Equal(t, family.NoToken, verdict, kind)
				require.NotEmpty(t, reason)
				requireNoSecret(t, reason, token, stranger)
			}
		})
	}
	for _, value := range placeholders {
		t.Run(value, func(t *testing.T) {
			verdict, reason := own(mine["a JWT"], "chain").Judge(field(value, 9, now))
			require.Equal(t, family.NoToken, verdict)
			require.NotEmpty(t, reason)
		})
	}
	t.Run("a JWT of nobody's that is cut short", func(t *testing.T) {
		for _, cut := range []int{1, 4, 40, len(stranger) / 2, len(stranger) - 40} {
			verdict, _ := state().Judge(field(stranger[:len(stranger)-cut], 9, now))
			require.Equal(t, family.NoToken, verdict, "cut by %d", cut)
		}
	})
	t.Run("the newest with another signature", func(t *testing.T) {
		token := mine["a JWT"]
		verdict, _ := own(token, "chain").Judge(field(token[:len(token)-8]+"AAAAAAAA", 9, now))
		require.Equal(t, family.NoToken, verdict)
	})
	t.Run("an access token", func(t *testing.T) {
		verdict, reason := state().Judge(field(atlassianToken("chain", now, "ACCESS"), 9, now))
		require.Equal(t, family.NoToken, verdict)
		require.Contains(t, reason, "access token")
		verdict, reason = state().Judge(field(access(7), 9, now))
		require.Equal(t, family.NoToken, verdict, "the newest one is known, whatever its form")
		require.Contains(t, reason, "access token")
	})
}

func opaque(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Tokens may come in a new form, or from other servers. Atlassian is asked about
// everything that may be a token.
func TestGoodTokensAreCandidates(t *testing.T) {
	random := make([]byte, 96)
	_, _ = rand.Read(random)
	part := base64.RawURLEncoding.EncodeToString
	jweHeader := part([]byte(`{"alg":"RSA-OAEP","enc":"A256GCM"}`))
	good := map[string]string{
		"hex of 40":                  hex.EncodeToString(random[:20]),
		"hex of 64, upper case":      strings.ToUpper(hex.EncodeToString(random[:32])),
		"base64url of 43":            part(random[:32]),
		"base64url of 86":            part(random[:64]),
		"Base64 with padding":        base64.StdEncoding.EncodeToString(random[:31]) + "",
		"Base64 with two of it":      base64.StdEncoding.EncodeToString(random[:34]),
		"JWT, RS256":                 jwt("RS256", map[string]any{"sub": "x", "iat": now.Unix()}),
		"JWT, PS512":                 jwt("PS512", map[string]any{"sub": "x"}),
		"JWT, HS256":                 jwt("HS256", map[string]any{"sub": "x", "iat": now.Unix()}),
		"JWT, ES256":                 jwt("ES256", map[string]any{"sub": "x", "iat": now.Unix()}),
		"JWT, EdDSA":                 jwt("EdDSA", map[string]any{"sub": "x"}),
		"JWT of an algorithm to be":  jwt("ML-DSA-44", map[string]any{"sub": "x"}),
		"JWT without claims of time": jwt("RS256", map[string]any{"scope": "offline_access"}),
		"Atlassian's":                rotating("a chain", now),
		"JWE of five parts":          jweHeader + "." + part(random[:64]) + "." + part(random[:12]) + "." + part(random[12:60]) + "." + part(random[:16]),
		"JWE without a key":          jweHeader + ".." + part(random[:12]) + "." + part(random[12:60]) + "." + part(random[:16]),
		"with a colon":               "ATRT:" + part(random[:32]),
		"with a bar":                 "42|" + part(random[:40]),
		"two parts with a dot":       part(random[:16]) + "." + part(random[:32]),
		"with slashes":               "1//0g" + part(random[:48]),
		"with a prefix":              "ghr_" + hex.EncodeToString(random[:38]),
		"a UUID":                     "3f2b8c1e-7d4a-4f6b-9e0c-1a2b3c4d5e6f",
		"with a tilde":               "M.C123_BAY.0.U.-" + part(random[:60]) + "~" + part(random[:20]),
		"of 4 KB":                    jwt("RS256", map[string]any{"scope": strings.Repeat("read:jira-work ", 250)}),
	}
	for name, token := range good {
		t.Run(name, func(t *testing.T) {
			for _, s := range []family.State{state(), {}, own(rotating("chain", now.Add(-time.Hour)), "chain")} {
				verdict, reason := s.Judge(field(token, 9, now))
				require.Equal(t, family.Candidate, verdict, reason)
				require.Empty(t, reason)
				verdict, _ = s.Judge(field(" "+token+"\n", 9, now))
				require.Equal(t, family.Candidate, verdict, "white space around it is a person's paste")
				verdict, _ = own(token, "").Judge(field(token+"\n", 9, now))
				require.Equal(t, family.Copied, verdict)
			}
		})
	}
	t.Run("any random text of a token's characters", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			b := rapid.SliceOfN(rapid.Byte(), 24, 200).Draw(t, "bytes")
			for i := range b {
				b[i] ^= random[i%len(random)] // rapid prefers zeros
			}
			verdict, reason := state().Judge(field(part(b), 9, now))
			require.Equal(t, family.Candidate, verdict, reason)
		})
	})
}

// A token that was in use before is never presented, because that could kill the
// family.
func TestOlderTokens(t *testing.T) {
	day := 24 * time.Hour
	issued := now.Add(-time.Hour)
	consented := func(at time.Time, source string) family.State {
		s := own(rotating("chain", issued), "chain")
		s.Record.AuthorizedAt, s.Record.AuthorizedAtSource = at, source
		return s
	}
	adopted := consented(now.Add(-30*day), family.FromAdoption)
	opaqueAdopted := own(opaque(32), "")
	opaqueAdopted.Record.AuthorizedAt, opaqueAdopted.Record.AuthorizedAtSource = now.Add(-30*day), family.FromAdoption
	failedTwice := func(s family.State, class string) family.State {
		for range 2 {
			s.Record = s.Record.Fail(family.Failure{Class: class, At: now, Token: s.Record.Refresh})
		}
		return s
	}
	refusedState := func(s family.State) family.State { return failedTwice(s, "permanent") }
	unproven := state()
	unproven.Record.RotatedAt, unproven.Record.AuthorizedAtSource = time.Time{}, family.FromAdoption
	refusedOnce := unproven
	refusedOnce.Record = unproven.Record.Fail(family.Failure{Class: "permanent", At: now, Token: unproven.Record.Refresh})
	inDoubt := refusedState(unproven)
	inDoubt.Intent = &family.Intent{Token: inDoubt.Record.Refresh, First: now, Last: now}
	statedNow := state()
	statedNow.Record.AuthorizedAt, statedNow.Record.AuthorizedAtSource = now, family.FromPerson
	for _, c := range []struct {
		name  string
		state family.State
		field family.Field
		want  family.Judgement
	}{
		{"the one before", state(), field(refresh(6), 9, now), family.Older},
		{"stored before the time that a person has stated", statedNow, field(refresh(109), 9, now.Add(-minute)), family.Candidate},
		{"the one before, though the newest is refused", refusedState(state()), field(refresh(6), 9, now), family.Older},
		{"the one before an adopted one that is refused", refusedState(unproven), field(refresh(6), 9, now), family.Candidate},
		{"the one before an adopted one that Atlassian could not read", failedTwice(unproven, "malformed"), field(refresh(6), 9, now), family.Candidate},
		{"the one before an adopted one whose app was refused", failedTwice(unproven, "configuration"), field(refresh(6), 9, now), family.Older},
		{"the one before an adopted one that was refused once", refusedOnce, field(refresh(6), 9, now), family.Older},
		{"the one before an adopted one that was refused and is in doubt", inDoubt, field(refresh(6), 9, now), family.Older},
		{"the one before an adopted one", unproven, field(refresh(6), 9, now), family.Older},
		{"the one before that", state(), field(refresh(5), 9, now), family.Older},
		{"one that the family has forgotten", state(), field(refresh(1), 9, now), family.Candidate},
		{"of the same chain, issued a second earlier", adopted, field(rotating("chain", issued.Add(-time.Second)), 9, now), family.Older},
		{"of the same chain, issued in the same second, as psoxy may", adopted, field(jwt("RS256", map[string]any{"iat": issued.Unix(), claimPrefix + "refresh_chain_id": "chain", "jti": "sibling"}), 9, now), family.Candidate},
		{"of the same chain, issued later", adopted, field(rotating("chain", issued.Add(time.Second)), 9, now), family.Candidate},
		{"of another chain, issued earlier", adopted, field(rotating("other", issued.Add(-day)), 9, now), family.Candidate},
		{"of another chain, at the adopted one's birth", adopted, field(rotating("other", now.Add(-30*day)), 9, now), family.Candidate},
		{"of another chain, before the adopted one's birth", adopted, field(rotating("other", now.Add(-30*day-time.Second)), 9, now), family.Older},
		{"a day before an opaque token was stored", opaqueAdopted, field(rotating("other", now.Add(-31*day)), 9, now), family.Candidate},
		{"more than a day before an opaque token was stored", opaqueAdopted, field(rotating("other", now.Add(-31*day-time.Second)), 9, now), family.Older},
		{"of another chain, two minutes before the consent", consented(now.Add(-day), family.FromConsent), field(rotating("other", now.Add(-day-2*time.Minute)), 9, now), family.Candidate},
		{"of another chain, longer before the consent", consented(now.Add(-day), family.FromConsent), field(rotating("other", now.Add(-day-2*time.Minute-time.Second)), 9, now), family.Older},
		{"the same, and the newest is refused: nothing is left to lose", refusedState(consented(now.Add(-day), family.FromConsent)), field(rotating("other", now.Add(-day-2*time.Minute-time.Second)), 9, now), family.Candidate},
		{"stored before the consent", consented(now.Add(-day), family.FromConsent), field(opaque(32), 9, now.Add(-day-nano)), family.Older},
		{"stored at the consent", consented(now.Add(-day), family.FromConsent), field(opaque(32), 9, now.Add(-day)), family.Candidate},
		{"stored before the adoption", consented(now.Add(-day), family.FromAdoption), field(opaque(32), 9, now.Add(-day-nano)), family.Older},
		{"the newest itself", state(), field(refresh(7), 9, now), family.Copied},
		{"nothing", state(), field("", 9, now), family.Absent},
		{"not filled in", state(), field("fill me", 9, now), family.Absent},
		{"blank", state(), field(" \n", 9, now), family.Absent},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, reason := c.state.Judge(c.field)
			require.Equal(t, c.want, got, reason)
			require.Equal(t, c.want == family.Candidate || c.want == family.Copied, reason == "")
		})
	}
}

// The family of a consent that another one has covered goes on in psoxy's hands: a later
// token of it is older too.
func TestTheChainOfACoveredConsent(t *testing.T) {
	s := healthy()
	all(beside, inbox(rotating("older", now.Add(-3*minute)), rotating("newer", now.Add(-2*minute)), rotating("newer", now.Add(-minute))))(&s)
	past := s.Offspring(s.Offers[2]).Past
	require.True(t, past.Has(fp("older")))
	require.False(t, past.Has(fp("newer")), "its own")
}
