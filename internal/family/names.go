package family

import (
	"fmt"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
)

// Connection is one connection to look after.
type Connection struct {
	// Name is the prefix of its parameters' names.
	Name   string
	Policy Policy
	// Ledger is the whole name of its ledger, if that is not in its usual place; see [Names].
	Ledger string
}

// Names returns the names of the connection's parameters.
func (c Connection) Names() Names {
	n := NamesOf(c.Name)
	if c.Ledger != "" {
		n.Ledger = c.Ledger
	}
	return n
}

// Names are the whole parameter names of one connection. The names of the tokens, the app and the
// lock are given by psoxy, which reads and (in shared mode) writes them.
type Names struct {
	ClientID     string
	ClientSecret string
	RefreshToken string
	AccessToken  string
	CloudID      string
	Family       string
	Ledger       string
	// Lock is psoxy's; we take it in shared mode only.
	Lock string
	// ConsentState is the pending consent. ConsentTokens is what it received, until that is in
	// use.
	ConsentState  string
	ConsentTokens string
}

const refreshToken = "REFRESH_TOKEN"

// NamesOf returns the parameter names of a connection, which is their common
// prefix: "PSOXY_JIRA_CLOUD_", or with a root path "/corp/PSOXY_JIRA_CLOUD_".
func NamesOf(connection string) Names {
	return Names{
		ClientID:     connection + "CLIENT_ID",
		ClientSecret: connection + "CLIENT_SECRET",
		RefreshToken: connection + refreshToken,
		AccessToken:  connection + "ACCESS_TOKEN",
		CloudID:      connection + "CLOUD_ID",
		Family:       connection + "TOKEN_FAMILY",
		Ledger:       connection + "TOKEN_LEDGER",
		Lock:         connection + psoxy.LockName,

		ConsentState:  connection + "CONSENT_STATE",
		ConsentTokens: connection + "CONSENT_TOKENS",
	}
}

// maxConnection is the longest prefix, in bytes: it leaves room for the names.
const maxConnection = 900

// nameCharacters are those of the parts of a parameter name.
const nameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

// prefixForm reports whether a name consists of parts, perhaps with slashes before and between
// them, and ends in a character that separates it from the rest of a name.
func prefixForm(name string) bool {
	if name == "" || strings.IndexByte("_./-", name[len(name)-1]) < 0 {
		return false
	}
	parts := strings.Split(strings.TrimPrefix(name[:len(name)-1], "/"), "/")
	for i, part := range parts {
		if part == "" && i < len(parts)-1 || strings.Trim(part, nameCharacters) != "" {
			return false
		}
	}
	return true
}

// CheckConnection returns an error if a name cannot be a connection's. It begins with the quoted
// name, and says what is expected.
func CheckConnection(name string) error {
	switch {
	case !prefixForm(name), len(name) > maxConnection:
		return fmt.Errorf("%q: expected a prefix of parameter names that ends in _ . - or /, such as PSOXY_JIRA_CLOUD_", name)
	case strings.Contains(name, "/") && !strings.HasPrefix(name, "/"):
		return fmt.Errorf("%q: a prefix with a path must begin with /", name)
	}
	return nil
}
