// Package atlassiantest is an Atlassian authorization server in memory, for
// tests of programs that keep OAuth 2.0 (3LO) tokens. It is to
// auth.atlassian.com and api.atlassian.com what net/http/httptest is to a web
// server, with two additions: time is yours to move, and afterwards it tells
// you the truth about every token.
//
// It shares no code with the client it tests, save the type that hides secrets.
// Tests of package atlassian that use it belong into package atlassian_test.
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
// Point the program at server.URL for both Atlassian hosts, hand it
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
// a microsecond, and memory does not grow with the number of rotations: records
// go once a token's reuse interval is over, since a token says itself which one
// it was. RefreshWith applies a fault to one request: it returns an
// *InjectedError, and the server has or has not carried the request out.
//
// # What it knows of a family
//
// A consent's code is exchanged for a family of tokens, generation 0. A first
// spend of a refresh token issues the next generation; the spent pair stays
// valid for the reuse interval of 10 minutes. Presented again inside it, the
// token yields a sibling of its first successor. Whether siblings die, and
// whether a token older than the previous one may be replayed, is not known of
// the real server and therefore a knob (Policy). A spent token that comes after
// its interval kills the family, and so do 90 days without a refresh and 365
// days from the consent. Every limit is half open: one nanosecond before it
// the token works, at it no more.
//
// A request checks the client before the grant: a wrong secret neither spends
// nor kills. A token that was never issued, or for another app, is refused and
// does no harm. A deactivated account's token is refused and kept.
//
// # The truth
//
// Families, Family, Lookup, LiveTokens and Events are for tests, and no path of
// the product's HTTP side leads to them. A Death names its cause, its time and
// who presented the token: RefreshRequest.Presenter or, over HTTP, the header
// X-Presenter or else User-Agent. Give each program under test its own.
//
// # Faults
//
// Inject lets a fault wait for the token endpoint, accessible-resources or the
// API, on one side of the server's commit: a dropped or cut connection, a
// delay, any status with any error code, body, headers and Retry-After, HTML or
// half a JSON object with status 200, a body that is compressed unasked, a list of
// sites that is empty for a moment, a missing refresh_token, an odd expires_in.
// The oldest waiting fault that matches a request strikes it, one per request.
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
// one signed in by control, else the first. The consent page's controls have
// the ids site, accept and cancel.
//
// # Control over HTTP
//
// For programs in other processes or languages, such as under "tokenkeeper
// emulate". Bodies are JSON with that content type; durations are texts such
// as "10m". Whoever reaches these paths can do anything to the emulator, read
// its (made-up) secrets included: bind it to loopback.
//
//	GET    /_emulator/                         this list, with what to send
//	GET    /_emulator/clock                    the time
//	POST   /_emulator/clock                    {"advance":"10m"} or {"set":"2026-01-15T08:00:00Z"}
//	GET    /_emulator/policy                   the rules in force
//	PATCH  /_emulator/policy                   change some of them
//	GET    /_emulator/faults                   the faults that wait
//	POST   /_emulator/faults                   add one
//	DELETE /_emulator/faults                   remove all
//	POST   /_emulator/accounts                 add an account
//	POST   /_emulator/sites                    add a site with members
//	POST   /_emulator/apps                     add an app
//	GET    /_emulator/directory                accounts, sites, apps
//	GET    /_emulator/apps/{clientID}/secret   an app's client secret
//	POST   /_emulator/sign-in                  whose browser visits /authorize
//	POST   /_emulator/consent                  accept without a browser: a code
//	POST   /_emulator/revoke                   the user removes the app
//	POST   /_emulator/password                 an account's password changes
//	POST   /_emulator/deactivate               an account is deactivated
//	POST   /_emulator/reactivate               and reactivated
//	POST   /_emulator/uninstall                an admin removes the app from a site
//	POST   /_emulator/rotate-secret            an app's new client secret
//	GET    /_emulator/truth                    families, live tokens by fingerprint, events
//	POST   /_emulator/reset                    forget everything
//
// # What is assumed
//
// Not known of the real server, and chosen here: limits are half open; a
// family is born at the consent, not at the exchange; a revoked sibling that is
// presented kills the family; a dead family's access tokens die at once; a site
// outside the grant is answered 404; a code sent with a wrong redirect URI or
// verifier stays usable; PKCE is enforced once a challenge was sent; a refresh
// answer omits the refresh token only when asked to (Policy.OmitRefreshOnce).
package atlassiantest
