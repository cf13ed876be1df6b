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
// [Snapshot] a connection as it was read. [Snapshot.Adopt] begins a ledger.
//
// [Decide] decides by a list of rules: the first that applies. decide.go and due.go have
// those about the ledger's own token, candidate.go those about candidates. doubt.go tells
// whether a token may have been spent.
//
// offers.go finds what is not judged yet in the history of REFRESH_TOKEN, judge.go judges
// it, and choice.go finds the candidate that comes first. [Inbox] remembers what was asked
// about, and again.go tells when a refused candidate is asked about again. psoxys.go tells
// what psoxy stored, and neighbour.go whose a token is.
//
// [State.Settle] adds a received pair to a state that others may have changed.
package family
