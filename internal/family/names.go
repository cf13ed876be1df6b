package family

// Names are the whole parameter names of one connection. The suffixes are those
// of psoxy, which reads and (in shared mode) writes the same parameters.
type Names struct {
	ClientID     string
	ClientSecret string
	RefreshToken string
	AccessToken  string
	CloudID      string
	Family       string
	Lock         string
	// ConsentState is the consent under way, and ConsentTokens what it received,
	// until that is in use.
	ConsentState  string
	ConsentTokens string
}

// NamesOf returns the parameter names of a connection, which is their common
// prefix: "PSOXY_JIRA_CLOUD_", or with a root path "/corp/PSOXY_JIRA_CLOUD_".
func NamesOf(connection string) Names {
	return Names{
		ClientID:     connection + "CLIENT_ID",
		ClientSecret: connection + "CLIENT_SECRET",
		RefreshToken: connection + "REFRESH_TOKEN",
		AccessToken:  connection + "ACCESS_TOKEN",
		CloudID:      connection + "CLOUD_ID",
		Family:       connection + "TOKEN_FAMILY",
		Lock:         connection + "OAUTH_REFRESH_TOKEN_lock",

		ConsentState:  connection + "CONSENT_STATE",
		ConsentTokens: connection + "CONSENT_TOKENS",
	}
}
