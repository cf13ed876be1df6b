package atlassian

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	// documentedLifetime is an access token's, where an answer does not say.
	documentedLifetime = time.Hour
	// minLifetime and maxLifetime bound a lifetime that makes sense.
	minLifetime = time.Second
	maxLifetime = 24 * time.Hour
)

// What can be wrong with a token answer. Errors of encoding/json are never
// kept: they quote the input.
const (
	errNoObject   reason = "the answer is not a JSON object"
	errNoAccess   reason = "the answer holds no usable access_token"
	errBadRefresh reason = "the answer's refresh_token is not a token"
)

// parseToken reads a successful token answer. A pair that can be used is never
// thrown away for a cosmetic fault, since the refresh token behind it is spent:
// only tokens that are missing or damaged make the answer unusable. Text after
// the object, unknown members and a missing token_type do no harm; of members
// that occur twice the last counts. date is the answer's header.
func parseToken(body []byte, date string) (Token, error) {
	fields, ok := jsonObject(body)
	if !ok {
		return Token{}, errNoObject
	}
	access, ok := tokenMember(fields["access_token"])
	if !ok || access == "" {
		return Token{}, errNoAccess
	}
	refresh, ok := tokenMember(fields["refresh_token"])
	if !ok {
		return Token{}, errBadRefresh
	}
	t := Token{Access: NewSecret(access), Refresh: NewSecret(refresh)}
	t.ExpiresIn, t.ExpiresInAssumed = lifetime(fields["expires_in"], ownLifetime(t.Access, date))
	var scope string
	if json.Unmarshal(fields["scope"], &scope) == nil && strings.TrimSpace(scope) != "" {
		t.Scopes = strings.Fields(scope)
	}
	return t, nil
}

// jsonObject reads the object that body begins with. Member names are matched
// exactly, unlike those of a Go struct.
func jsonObject(body []byte) (fields map[string]json.RawMessage, ok bool) {
	err := json.NewDecoder(bytes.NewReader(trimMark(body))).Decode(&fields)
	return fields, err == nil && fields != nil
}

// tokenMember reads a token. An absent member, null and "" are no token, which
// is ok; any other type is not, nor is a character that tokens cannot have
// (RFC 6749 appendix A: they are printable ASCII): it is a sign of damage, and
// storing a damaged token over a good one would lose the family.
func tokenMember(raw json.RawMessage) (token string, ok bool) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", true
	}
	if json.Unmarshal(raw, &token) != nil || !printable(token) {
		return "", false
	}
	if token != "" && strings.TrimSpace(token) == "" {
		return "", false
	}
	return token, true
}

// decimal is a JSON number.
var decimal = regexp.MustCompile(`^-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,4})?$`)

// lifetimeTolerance is how much longer than its own claims say an access token
// may be promised to live: the two are rounded, and not taken at one moment.
const lifetimeTolerance = time.Minute

// lifetime reads expires_in, in seconds, as a number or a string that holds
// one. own is what the token says of itself, 0 for nothing. assumed is true
// where the result is not expires_in. Believing too little costs a rotation
// now and then; who believes too much hands out a dead token.
func lifetime(raw json.RawMessage, own time.Duration) (d time.Duration, assumed bool) {
	text := string(raw)
	if strings.HasPrefix(text, `"`) {
		_ = json.Unmarshal(raw, &text)
		text = strings.TrimSpace(text)
	}
	var seconds float64
	number := decimal.MatchString(text)
	if number {
		seconds, _ = strconv.ParseFloat(text, 64) // out of range is Inf, huge as well
	}
	switch {
	case seconds >= minLifetime.Seconds() && seconds <= maxLifetime.Seconds():
		d = time.Duration(seconds * float64(time.Second))
		if own == 0 || d-own <= lifetimeTolerance {
			return d, false
		}
		return own, true
	case own > 0:
		return own, true
	case number && seconds < minLifetime.Seconds():
		return 0, true
	}
	// Absent, no number, or more than a day, such as milliseconds.
	return documentedLifetime, true
}

// ownLifetime is how long an access token still lives by its own claims. The
// answer's date is the moment to count from where it lies between iat and exp:
// the token may be one that was issued before. Else it is iat, since a clock
// that is off must not make a new token old. 0 is for claims that make no sense.
func ownLifetime(access Secret, date string) time.Duration {
	claims, ok := Claims(access)
	if !ok {
		return 0
	}
	from := claims.IssuedAt
	if at, err := http.ParseTime(date); err == nil && at.After(from) && at.Before(claims.ExpiresAt) {
		from = at
	}
	if d := claims.ExpiresAt.Sub(from); d >= minLifetime && d <= maxLifetime {
		return d
	}
	return 0
}

// codeForm is what a registered OAuth error code looks like.
var codeForm = regexp.MustCompile(`^[a-z_]{1,40}$`)

// errorCode reads the OAuth error code of an answer, "" where there is none.
// Unlike parseToken it takes nothing but one whole JSON object: a code can
// declare a family dead.
func errorCode(body []byte) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(trimMark(body), &fields) != nil {
		return ""
	}
	var code string
	if json.Unmarshal(fields["error"], &code) != nil || !codeForm.MatchString(code) {
		return ""
	}
	return code
}

// trimMark removes the byte order mark that some proxies put before a body.
func trimMark(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\ufeff")) }
