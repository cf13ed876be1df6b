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
	// answer: from one second to one day, or 0. The answer's expires_in counts,
	// unless the token's own claims say more than a minute less, or it makes no
	// sense; then the claims count, and where there are none the documented hour.
	//
	// 0 means that expires_in was 0, negative or below a second, and that the
	// token says nothing better: it may be of no use already. Refresh soon, but
	// not in a loop, since the next answer may say the same.
	ExpiresIn time.Duration
	// ExpiresInAssumed is true when ExpiresIn is not the answer's expires_in.
	ExpiresInAssumed bool
	// Scopes that were granted, in the answer's order; nil when it named none.
	Scopes []string
}

// ExpiresAt is when the access token expires, given when the answer came. With
// the time at which the request was made it is a moment early, which is the safe
// side. Where ExpiresIn is 0, it is at itself: the token may have expired.
func (t Token) ExpiresAt(at time.Time) time.Time { return at.Add(t.ExpiresIn) }
