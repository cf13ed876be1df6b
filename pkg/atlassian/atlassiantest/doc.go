// Package atlassiantest is an Atlassian authorization server in memory, for
// tests of programs that keep OAuth 2.0 (3LO) tokens. It is to
// auth.atlassian.com and api.atlassian.com what net/http/httptest is to a web
// server, with two additions. The test moves the time, and afterwards it can ask
// for the truth about every token.
//
// It shares no code with the client it tests, except the type that hides secrets.
// Tests of package atlassian that use it belong in package atlassian_test.
//
// # Start here
//
//	clock := atlassiantest.NewClock(time.Date(2026, 1, 15, 8, 0, 0, 0, time.UTC))
//	e := atlassiantest.New(atlassiantest.Config{Clock: clock})
//	fix, err := e.AddFixture("http://localhost") // one account, its site, an app
//	tokens, err := e.Authorize(atlassiantest.ConsentRequest{})
//	server := atlassiantest.NewServer(e)
//	defer server.Close()
//
// Configure the program with server.URL for both Atlassian hosts, give it
// tokens.Refresh and fix.App, and move the clock:
//
//	clock.Advance(50 * time.Minute)
//	// ... the program's tick ...
//	family, _ := e.Family(tokens.FamilyID)
//	require.True(t, family.Alive())
//
// # Without HTTP
//
// Consent, Exchange, Refresh, ValidateAccess and AccessibleResources are the
// same server without HTTP. With Config.CheapTokens a Refresh takes about
// a microsecond. Memory does not grow with the number of rotations: a token itself
// says which one it is, so its record is dropped after its reuse interval.
// RefreshWith applies a fault to one request. It returns an *InjectedError, which
// says whether the server carried the request out.
//
// # The rules of a family
//
// The exchange of a consent's code starts a family of tokens with generation 0. A
// first spend of a refresh token issues the next generation. The spent pair stays
// valid for the reuse interval of 10 minutes. If the token is presented again
// within it, it yields a sibling of its first successor.
//
// A spent token that is presented after its interval kills the family. So do 90
// days without a refresh, and 365 days from the consent. Every limit is half open:
// the token works until one nanosecond before the limit, and not at the limit.
//
// It is not known of the real server whether siblings die, and whether a token
// older than the previous one may be replayed. Both are settings of Policy.
//
// A request is checked for the client first, then for the grant: a wrong secret
// neither spends nor kills. A token that was never issued, or that belongs to
// another app, is refused and does no harm. The token of a deactivated account is
// refused and stays usable after Reactivate.
//
// # The truth
//
// Families, Family, Lookup, LiveTokens and Events are for tests. The paths that
// the product calls do not show them. A Death has its cause, its time and the
// presenter of the token. The presenter is RefreshRequest.Presenter or, over HTTP,
// the header X-Presenter, or else User-Agent. Give each program under test its own.
//
// # Faults
//
// Inject adds a fault that waits for a request to the token endpoint,
// accessible-resources or the API. It applies on one side of the server's commit.
// A fault can be:
//
//   - a dropped or cut connection, or a delay
//   - any status, with any error code, body, headers and Retry-After
//   - HTML or half a JSON object with status 200
//   - a compressed body that the client did not ask for
//   - a list of sites that is empty for a moment
//   - a missing refresh_token or an odd expires_in
//
// A request gets at most one fault: the oldest waiting one that matches it.
//
// # HTTP
//
//	GET  /authorize                          seven parameters; consent page, or an error page
//	POST /oauth/token                        JSON or form, credentials in the body or Basic
//	GET  /oauth/token/accessible-resources
//	GET  /me
//	GET  /ex/jira/{cloudId}/rest/api/3/...   users, group/bulk, project/search, search/jql,
//	                                         issue/{TK-1}/changelog, comment, worklog
//
// The browser's account is the parameter or cookie emulator_account, else the
// one that the control API signed in, else the first. The consent page's controls
// have the ids site, accept and cancel.
//
// # Control over HTTP
//
// The control API is for programs in other processes or languages, such as under
// "tokenkeeper emulate". Bodies are JSON with that content type. Durations are
// texts such as "10m". Anybody who can reach these paths can change everything and
// read the secrets (which are made up): bind the emulator to loopback.
//
//	GET    /_emulator/                         this list, with what to send
//	GET    /_emulator/clock                    the time
//	POST   /_emulator/clock                    {"advance":"10m"} or {"set":"2026-01-15T08:00:00Z"}
//	GET    /_emulator/policy                   the rules in force
//	PATCH  /_emulator/policy                   change some of them
//	GET    /_emulator/faults                   the waiting faults
//	POST   /_emulator/faults                   add one
//	DELETE /_emulator/faults                   remove all
//	POST   /_emulator/accounts                 add an account
//	POST   /_emulator/sites                    add a site with members
//	POST   /_emulator/apps                     add an app
//	GET    /_emulator/directory                accounts, sites, apps
//	GET    /_emulator/apps/{clientID}/secret   an app's client secret
//	POST   /_emulator/sign-in                  choose whose browser visits /authorize
//	POST   /_emulator/consent                  accept without a browser: a code
//	POST   /_emulator/revoke                   the user removes the app
//	POST   /_emulator/password                 an account's password changes
//	POST   /_emulator/deactivate               deactivate an account
//	POST   /_emulator/reactivate               reactivate it
//	POST   /_emulator/uninstall                an admin removes the app from a site
//	POST   /_emulator/rotate-secret            give an app a new client secret
//	GET    /_emulator/truth                    families, live tokens by fingerprint, events
//	POST   /_emulator/reset                    forget everything
//
// # Assumptions
//
// The real server's behaviour is not known for these points. The emulator assumes:
//
//   - Limits are half open.
//   - A family is born at the consent, not at the exchange.
//   - A revoked sibling that is presented kills the family.
//   - A dead family's access tokens die at once.
//   - A site outside the grant is answered 404.
//   - A code that is sent with a wrong redirect URI or verifier stays usable.
//   - PKCE is enforced if the consent sent a challenge.
//   - A refresh answer omits the refresh token only if Policy.OmitRefreshOnce asks for it.
package atlassiantest
