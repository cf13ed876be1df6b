// Package atlassian talks OAuth 2.0 (3LO) to Atlassian Cloud for a program that
// keeps one user's grant alive for a long time. It makes each request once, says
// precisely what a failure means for the token that was presented, and never
// shows a secret. It needs the standard library only.
//
// # Consent
//
// A user opens the address of [AuthorizeURL], picks a site and accepts. The
// browser returns to the redirect URI with a code, which [Client.Exchange]
// trades, once and within minutes, for an access token and a refresh token. The
// scope offline_access is what makes Atlassian issue the latter.
//
// # Token family
//
// All tokens that descend from one consent are a family. It dies 365 days after
// the consent (a policy of Atlassian's, not written in any token), after 90 days
// without a refresh, when the user revokes it or changes the password, and when
// a spent refresh token is presented too late. A dead family cannot be revived:
// only a new consent helps.
//
// # Rotation
//
// An access token lives for an hour. [Client.Refresh] presents the refresh token
// for a new pair and spends it by that: the successor is in the answer and
// nowhere else. Whoever loses the answer has lost the family, unless it notices
// within the reuse interval.
//
// # Reuse interval
//
// For 10 minutes after its first use a spent refresh token may be presented
// again and yields another pair. Later, the same request is taken for theft and
// kills the family. That is why nothing in this package repeats a request:
// whoever calls it must have noted the time of the first attempt, and decides.
//
// # Error classes
//
// Every failure is an *[Error], and its [Class] is derived from the status, the
// OAuth error code and how far the request got, never from prose:
//
//   - [Permanent]: the token was refused. It is expired, spent or revoked.
//   - [Configuration]: the app, the account or a scope was refused, or the input
//     cannot be sent. The token is untouched.
//   - [Malformed]: the request could not be read or placed. The token was not
//     judged: try again after a growing wait.
//   - [Transient]: the grant was not reached. The token is not spent.
//   - [Ambiguous]: it is not known. The token may be spent, and its successor
//     may be lost. It is also the zero Class.
//   - [RestartConsent]: the code is of no use any more.
//
// Whatever was answered with a 4xx was not carried out, unless the status or the
// code is about time that ran out or a fault of the server. A 403 with the code
// invalid_grant is a refusal; a 403 page of a firewall and a 404 are malformed. A
// 500, and a 200 whose body is no token, are ambiguous.
// A failed connection or TLS handshake is transient, a connection that broke
// afterwards is ambiguous, however little was written.
//
// # Secrets
//
// Tokens, codes, client secrets and states are held as [Secret], which no printer
// shows. Errors hold no part of a request or of an answer's body.
//
// # Tests
//
// Package atlassiantest is an Atlassian in memory, with a clock of its own.
package atlassian
