// Package atlassian is an OAuth 2.0 (3LO) client for Atlassian Cloud. It is for a
// program that keeps one user's grant alive for a long time. It makes each request
// once. It says precisely what a failure means for the presented token. It never
// shows a secret. It needs the standard library only.
//
// # Consent
//
// A user opens the address of [AuthorizeURL], picks a site and accepts. The
// browser returns to the redirect URI with a code. [Client.Exchange] exchanges the
// code, once and within minutes, for an access token and a refresh token. Atlassian
// issues a refresh token only if the consent has the scope offline_access.
//
// # Token family
//
// All tokens that descend from one consent are a token family. It dies:
//
//   - 365 days after the consent (Atlassian's policy; no token says so)
//   - after 90 days without a refresh
//   - when the user revokes it or changes the password
//   - when a spent refresh token is presented too late
//
// A dead family cannot be revived: only a new consent helps.
//
// # Rotation
//
// An access token lives for an hour. [Client.Refresh] presents the refresh token
// and gets a new pair. The presented token is then spent, and only the answer
// contains its successor. A lost answer means a lost family, unless the program
// notices it within the reuse interval.
//
// # Reuse interval
//
// For 10 minutes after its first use a spent refresh token may be presented again
// and yields another pair. Later, Atlassian takes the same request for theft and
// kills the family. That is why nothing in this package repeats a request. The
// caller must record the time of the first attempt, and decides.
//
// # Error classes
//
// Every failure is an *[Error]. Its [Class] is derived from the status, the OAuth
// error code and how far the request got, never from the answer's texts:
//
//   - [Permanent]: the token was refused. It is expired, spent or revoked.
//   - [Configuration]: the app, the account or a scope was refused, or the input
//     is invalid. The token is not spent.
//   - [Malformed]: the server could not read the request or has no such path. The
//     token was not checked, unless a proxy answered instead of Atlassian: try again
//     within the reuse interval, and then with growing waits.
//   - [Transient]: the grant was not reached. The token is not spent.
//   - [Ambiguous]: it is not known. The token may be spent, and its successor
//     may be lost. It is also the zero Class.
//   - [RestartConsent]: the code cannot be used any more.
//
// A request that Atlassian answered with a 4xx was not carried out. There are two
// exceptions: a status for a passed time limit, and a code for a failure of the
// server. A 403 with the code invalid_grant is a refusal. A firewall's 403 page and
// a 404 are malformed. A 500 is ambiguous, and so is a 200 with a damaged refresh
// token, or with neither a successor nor an access token.
//
// A failed connection or TLS handshake is transient. A connection that broke
// afterwards is ambiguous, however little was written.
//
// # Secrets
//
// Tokens, codes, client secrets and states are held as [Secret], which no printer
// shows. Errors contain no part of a request, and of an answer only its OAuth error
// code.
//
// # Tests
//
// Package atlassiantest is an Atlassian server in memory, with a clock of its own.
package atlassian
