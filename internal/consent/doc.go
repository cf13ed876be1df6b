// Package consent carries a person's consent from the address that a browser opens
// to stored tokens of the right account and site.
//
// # One consent, in the order of the files
//
//   - api.go, errors.go: what is asked and answered, and every kind of refusal;
//   - begin.go: [Service.Begin] draws the state and returns the address;
//   - state.go: what is remembered of a consent under way;
//   - known.go: what is known of a connection's consents, how one completion
//     claims one, and what strangers' requests are answered from;
//   - callback.go: what came back with the browser, and whether it is sound;
//   - complete.go: [Service.Complete] exchanges the code and stores the tokens;
//   - admit.go: which grants may replace the family in use, purely;
//   - waiting.go: tokens that were received and may not be used yet;
//   - status.go: [Service.Status];
//   - hosted.go: [Service.Look] and [Service.Open], for the pages of package pages;
//   - event.go: the requests as events of the bootstrap function.
//
// # Never a lost grant, never a wrong one
//
// A completion first appends an entry to the connection's ledger that changes
// nothing: so the ledger takes writes before the code is used. Received tokens
// are set aside in CONSENT_TOKENS the moment they arrive. Then scopes, site and
// account are checked. Then one entry in the ledger puts the tokens in use, with
// all that is known of them. Until that entry the family in use goes on working,
// and is what consumers read; no rotation and no token in doubt is waited for.
//
// Sometimes a person must decide: which site, or whether another account is meant.
// The tokens then wait in CONSENT_TOKENS for an hour. The same request, repeated
// with the decision, continues. So does a repetition after a crash or an outage. The process
// remembers them too: if they cannot be set aside, or are removed, a repetition in the same
// process goes on.
//
// # Every request may be repeated
//
// The ledger's record names the consent that began the family, by a digest. So a
// repeated request finds its result, even if the tokens were rotated since, and
// answers with that. Tokens left in CONSENT_TOKENS are put in use only while no
// family began after them, and never twice.
//
// # Strangers
//
// The hosted pages are open to everybody. They serve only consents that belong to
// the browser that asks ([CompleteRequest]). While no consent is pending, they
// answer from memory ([CalmTime]).
package consent
