// Package consent carries a person's consent to the end: from the address that
// is opened in a browser to stored tokens of the right account and site.
//
// # One consent, in the order of the files
//
//   - api.go, errors.go: what is asked and answered, and every kind of refusal;
//   - begin.go: [Service.Begin] draws the state and returns the address;
//   - state.go: what is remembered of a consent under way, and how one
//     completion claims it;
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
// Tokens are stored the moment they arrive, and they are not used before they
// are known to be right. So there are two places: received tokens are first set
// aside in CONSENT_TOKENS, in one write and before anything else is asked of
// anybody; then scopes, site and account are checked; then they replace the
// family in use. All of it happens under the connection's lock, which is taken
// before the code is exchanged. Until the last step the family in use goes on
// working, and is what consumers read. Where a person has to decide (which
// site, really another account) the tokens wait for an hour, and the same
// request, repeated with the decision, goes on where the first one stopped.
// So does a repetition after a crash or an outage.
package consent
