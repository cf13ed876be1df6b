// Package keeper keeps Atlassian's rotating refresh tokens alive in any Go
// program, over any database. It is the protocol of tokenkeeper's own Lambda
// function; both run the same code.
//
//	k := keeper.New(store, keeper.Options{})
//	jira := keeper.Connection{Name: "JIRA_"}
//	for range time.Tick(keeper.TickInterval) {
//		outcome := k.Tick(ctx, jira)
//		log.Print(outcome.Action, ": ", outcome.Reason)
//	}
//
// # What it promises
//
// A refresh token works once. A program that presents it and loses the answer, or
// does not save it, loses the token family. A person must then consent again. This
// package writes down what it is about to do before it presents a token, and saves
// what it received before anything else. A process may be killed, and a call may
// fail, at any moment. The next tick, of any process, finds the pending work and
// goes on. Several processes may tick the same connection; one of them rotates.
//
// It promises this while a tick comes every [TickInterval] or more often, and the
// [Store] does what its comment says.
//
// # To begin
//
// [Keeper.Consent] begins a family with the tokens of a consent. Who has a refresh
// token already writes CLIENT_ID, CLIENT_SECRET and REFRESH_TOKEN to the store, see
// [Connection.Names]; the next tick takes it over. [Keeper.AccessToken] reads the
// access token for requests. Nothing else may present the refresh token.
//
// # What a store must guarantee
//
// The truth about a connection is a chain of entries in one parameter, the ledger.
// Each write of it names the version before, and the number that the store returns
// tells the writer whether it was first. So a store needs neither transactions nor
// compare-and-swap, but these five things:
//
//  1. Every write of a name makes a version, numbered one higher than the newest,
//     from 1. No two writes get the same number, whichever processes make them.
//  2. Write returns the number of the version that this very call wrote.
//  3. What a write returned stays: it survives the process, the machine if the
//     database does, and is never torn.
//  4. The last [KeptVersions] versions can be read back, byte for byte.
//  5. An error says whether the write may have taken effect. One that wraps an error
//     of this package says that it has not; any other leaves it open.
//
// A read may be stale: a replica that lags costs time, never a family.
//
// Package keepertest has the tests of all this. Run them against your database,
// not against a fake of it:
//
//	func TestStore(t *testing.T) {
//		keepertest.Run(t, func(t *testing.T) keeper.Store { return open(t) })
//	}
//
// A store holds secrets in clear text. Encrypt them in it, or where it lies.
//
// # Stores that are there
//
// [NewMemory] is for tests. Package filestore keeps a connection in a directory,
// and package ssmstore in AWS Systems Manager Parameter Store; their tools, such as
// `tokenkeeper status`, work beside this package. docs/library.md has one over an
// embedded database, with the program around it.
//
// # Time
//
// Decisions are made by the store's clock, see [Entry]. A wrong clock of the machine
// changes none of them.
package keeper
