package atlassian

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// What can be wrong with a token answer. Errors of encoding/json are never
// kept: they quote the input.
const (
	errNoObject   reason = "the answer is not a JSON object"
	errNoAccess   reason = "the answer contains no usable access_token"
	errBadRefresh reason = "the answer's refresh_token is not a token"
)

// parseToken reads a successful token answer. The presented refresh token is spent, so
// a usable successor is never thrown away for a cosmetic error, nor for an access token
// that is missing or damaged. A damaged successor makes the answer unusable. Text around the
// object, a break after the successor, unknown members and a missing token_type do no harm. Of
// duplicate members one that says something counts. presented is the token that was spent, which
// an echo may hold, and date the answer's header. The body is whole if it did not break off.
func parseToken(body []byte, whole bool, presented Secret, date string) (Token, error) {
	fields := tokenObject(body)
	if token, ok := tokenMember(fields["refresh_token"]); ok && (token == "" || NewSecret(token) == presented) {
		if found := scannedMembers(body, whole, presented); found != nil {
			fields = found
		}
	}
	if fields == nil {
		return Token{}, errNoObject
	}
	refresh, ok := tokenMember(fields["refresh_token"])
	if !ok {
		return Token{}, errBadRefresh
	}
	t := Token{Refresh: NewSecret(refresh)}
	if access, ok := tokenMember(fields["access_token"]); ok && access != "" {
		t.Access = NewSecret(access)
		t.ExpiresIn, t.ExpiresInAssumed = lifetime(fields["expires_in"], ownLifetime(t.Access, date))
	}
	var scope string
	if json.Unmarshal(fields["scope"], &scope) == nil && strings.TrimSpace(scope) != "" {
		t.Scopes = strings.Fields(scope)
	}
	return t, nil
}

// maxObjects is how many places of a body are looked at for the token pair.
const maxObjects = 64

// tokenObject reads the object with the token pair: the first that has a refresh_token, within
// another or not, or else the first. What a proxy puts before it, around it or after it does no
// harm. nil: there is none.
func tokenObject(body []byte) (fields map[string]json.RawMessage) {
	for range maxObjects {
		begin := bytes.IndexByte(body, '{')
		if begin < 0 {
			break
		}
		body = body[begin:]
		found, whole := jsonObject(body)
		if token, ok := tokenMember(found["refresh_token"]); token != "" || !ok {
			return found
		}
		if whole && fields == nil {
			fields = found
		}
		body = body[1:]
	}
	return fields
}

// jsonObject reads the object at the start of body, up to its end or to where it breaks off.
// Unlike decoding into a struct it distinguishes the case of member names. Of duplicate members
// the last counts that is neither null nor empty.
func jsonObject(body []byte) (fields map[string]json.RawMessage, whole bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	_, err := d.Token() // the brace
	fields = map[string]json.RawMessage{}
	for err == nil && d.More() {
		var name json.Token
		var value json.RawMessage
		if name, err = d.Token(); err != nil {
			break
		}
		key, isText := name.(string)
		if !isText || d.Decode(&value) != nil {
			return fields, false
		}
		if text := string(value); len(fields[key]) == 0 || text != "null" && text != `""` {
			fields[key] = value
		}
	}
	if err == nil {
		_, err = d.Token() // the other brace
	}
	return fields, err == nil
}

// noToken are characters that no server puts into a token, and that redacting,
// quoting or joining leaves in the place of one.
const noToken = " \"'`*<>()[]{}\\,;"

// noTokens are words that programs write where a token is missing.
var noTokens = []string{"null", "nil", "none", "undefined", "true", "false"}

// tokenMember reads a token. A missing member, null and "" are valid and mean no
// token. White space around a token is dropped, since no token has any. Any other type is
// invalid. So is a character that is not printable ASCII (RFC 6749 appendix A) or that
// tells of a placeholder, since it shows that the token is damaged. If a damaged token
// overwrote a good one, the family would be lost.
func tokenMember(raw json.RawMessage) (token string, ok bool) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", true
	}
	if json.Unmarshal(raw, &token) != nil {
		return "", false
	}
	token, blank := strings.TrimSpace(token), token != ""
	switch {
	case token == "":
		return "", !blank
	case !printable(token), strings.ContainsAny(token, noToken), slices.Contains(noTokens, strings.ToLower(token)):
		return "", false
	}
	return token, true
}

// maxCode is the longest OAuth error code that is taken, in bytes.
const maxCode = 40

// errorCode reads the OAuth error code of an answer, or "". Unlike parseToken it
// accepts only one complete JSON object, because a code can declare a family dead.
func errorCode(body []byte) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(trimMark(body), &fields) != nil {
		return ""
	}
	var code string
	if json.Unmarshal(fields["error"], &code) != nil || len(code) > maxCode || !made(code, lower+"_") {
		return ""
	}
	return code
}

// trimMark removes what some proxies add before a body: byte order marks and line ends.
func trimMark(body []byte) []byte { return bytes.TrimLeft(body, "\ufeff \t\r\n") }
