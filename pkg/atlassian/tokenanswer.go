package atlassian

import (
	"bytes"
	"encoding/json"
	"strings"
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

// maxCode is the longest OAuth error code that is taken, in bytes.
const maxCode = 40

// errorCode reads the OAuth error code of an answer, "" where there is none.
// Unlike parseToken it takes nothing but one whole JSON object: a code can
// declare a family dead.
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

// trimMark removes the byte order mark that some proxies put before a body.
func trimMark(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\ufeff")) }
