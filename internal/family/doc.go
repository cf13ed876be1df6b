// Package family is the domain of token families: what is known about one, how
// it is written down, what to believe of a token that somebody stored, and the
// decision what to do now. Everything in it is pure: no I/O, no clock, no
// randomness.
//
// # Words
//
// A connection is one OAuth app with one account's grant; in the store it is a
// prefix of parameter names, see [Names]. A token family is all tokens that
// descend from one consent; each rotation adds a generation. A refresh token is
// single use: presenting it (a spend) destroys it and yields its successor. The
// leeway is Atlassian's reuse interval of ten minutes, in which a spent token
// may be presented once more. A token is in doubt when a spend was attempted and
// its outcome is unknown.
//
// The ledger is the parameter that holds the truth; what else a connection's
// parameters hold are copies of it. REFRESH_TOKEN is also the inbox: a value that
// another program wrote there is a candidate, and is judged before it is believed.
//
// # Where to read
//
// [State] is what a ledger entry says, [Record] the content of TOKEN_FAMILY in it,
// [Snapshot] a connection as it was read. [Decide] decides by a list of rules: the
// first that applies. [State.Judge] judges a value in the inbox; [Inbox] is what is
// known of those that Atlassian was asked about, and inbox.go finds the one that comes
// first; psoxys.go tells what psoxy stored there, spoiled.go what was made of a token by
// mistake, neighbour.go whose a token is. [Snapshot.Adopt] begins a ledger.
// [State.Settle] adds a received pair to a state that others may have changed.
package family
