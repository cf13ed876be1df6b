// Package keeper keeps the token family of one connection alive: it reads,
// decides, and carries the decision out.
//
// # A rotation
//
//  1. Read all parameters in one call (look.go, parameters.go), and let family.Decide say
//     what is due (keeper.go). An empty ledger is begun first (adopt.go).
//  2. Intend (intent.go): append an entry to the ledger that names the token about
//     to be presented. If it is valid, we are alone, and this very parameter and its key
//     take writes now. It is also the write-ahead record.
//  3. Spend (spend.go): one POST. No valid intent, no spend; and none unless time
//     is left for the POST and the save at that very moment. failure.go settles a
//     spend that yielded no successor.
//  4. Settle (settle.go): append the successor, its record and the end of the
//     intent as one entry. What cannot be saved stays in memory (memory.go).
//  5. Publish (publish.go) the copies that differ: ACCESS_TOKEN, REFRESH_TOKEN,
//     and at the next tick TOKEN_FAMILY. A failure here loses nothing.
//
// A consent (consent.go) is step 4 alone: one entry that begins a family. Where
// psoxy rotates too, its lock is taken around steps 2 to 5 (psoxylock.go).
package keeper
