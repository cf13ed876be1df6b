package consent

import (
	"slices"
	"strings"
)

// The client id becomes a part of addresses that are shown, and the secret replaces one that
// works. So what was taken for another value by mistake is refused.

// How values of Atlassian begin.
const (
	secretPrefix = "ATOA"
	tokenPrefix  = "eyJ"
)

// ClientIDProblem says why a text cannot be a client id, as a clause for people; "" if it can.
func ClientIDProblem(id string) string {
	switch {
	case strings.HasPrefix(id, secretPrefix):
		return "it is a client secret"
	case strings.HasPrefix(id, tokenPrefix):
		return "it is a token"
	case strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }), strings.ContainsAny(id, "/?&=:;,\"'<>()"):
		return "it holds a character that no client id has"
	}
	return ""
}

// ClientSecretProblem says why a text cannot be the client secret of the app with the given
// id, as a clause for people; "" if it can.
func ClientSecretProblem(secret, id string) string {
	switch {
	case secret == "":
		return "it is empty"
	case secret == id:
		return "it is the client id"
	case strings.HasPrefix(secret, tokenPrefix):
		return "it is a token"
	case strings.Contains(secret, "://"):
		return "it is an address"
	case unfilled(secret):
		return "it is the placeholder of a secret"
	case strings.ContainsFunc(secret, func(c rune) bool { return c <= ' ' || c > '~' }):
		return "it holds a space, or a character that no secret has"
	case strings.ContainsAny(secret, "\"'`<>(){}[]"), strings.HasPrefix(strings.ToLower(secret), "client_secret"):
		return "it has other characters around it: expected the secret alone, without quotes or a name"
	}
	return ""
}

// unfilled reports whether a text is what people and programs write where a secret is missing:
// a word for that, one character over and over, or a variable that was not replaced.
func unfilled(secret string) bool {
	word := strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(secret))
	return strings.Trim(secret, secret[:1]) == "" || strings.HasPrefix(secret, "$") ||
		slices.Contains([]string{"fillme", "changeme", "replaceme", "null", "nil", "none", "undefined", "redacted", "todo", "tbd"}, word)
}
