package atlassian

import "time"

// App identifies an OAuth 2.0 (3LO) app of the Atlassian developer console.
type App struct {
	ClientID     string
	ClientSecret Secret
}

// Token is the answer to a successful token request.
type Token struct {
	Access Secret
	// Refresh is the successor of the refresh token that was presented. It is
	// empty when the answer held none: the consent lacked offline_access, or, in
	// one report (CDAC 54555), a rotation kept the old token.
	Refresh Secret
	// ExpiresIn is how long the access token lives from the moment of the
	// answer: from one second to one day.
	ExpiresIn time.Duration
	// ExpiresInAssumed is true when the answer's expires_in was absent or made
	// no sense, and ExpiresIn was derived from the access token or is the
	// documented hour.
	ExpiresInAssumed bool
	// Scopes that were granted, in the answer's order; nil when it named none.
	Scopes []string
}
