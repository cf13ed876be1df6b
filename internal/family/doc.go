// Package family is the domain of token families: what is known about one, how
// it is written down, and the decision what to do about it now. Everything in
// it is pure: no I/O, no clock, no randomness.
//
// # Words
//
// A connection is one OAuth app with one account's grant; in the store it is a
// prefix of parameter names, see [Names]. A token family is all tokens that
// descend from one consent; each rotation adds a generation. A refresh token is
// single use: presenting it spends it and yields its successor. The leeway is
// Atlassian's reuse interval of ten minutes, in which a spent token may be
// presented once more. A family is in doubt when a spend was attempted and its
// outcome is unknown.
//
// # Where to read
//
// [Record] is the content of TOKEN_FAMILY, [Lock] that of the lock and the
// write-ahead intent in it, [Snapshot] a connection as it was read. [Decide] is
// the decision, [Outranks] the rule for a token that somebody else wrote while
// we were rotating.
package family
