// Package ledger makes one parameter of a store without compare-and-swap the
// single truth about a connection.
//
// # The chain
//
// Parameter Store overwrites whatever is there, but every write returns a
// version number, and a hundred versions can be read back. So each write is an
// entry that names its base: the version of the last valid entry that its writer
// knew. An entry is valid if its base is the last valid version before it. This
// is settled the moment the store has written the entry, and everybody who reads
// the history finds the same. Of two writers with one base the first wins; the
// other learns it from the version that its own write returned.
//
// A reader needs one call: a writer names only a valid entry as its base, so an
// entry whose base is the version just before it is valid. Only after a
// collision the history is read. What a stale reader writes is invalid, and so
// is a restored backup, a copied parameter, or an old value put back by hand:
// each names a wrong base.
//
// # Where to read
//
// entry.go is the form of an entry, fold.go decides which entries are valid,
// ledger.go reads and appends, parameter.go keeps a ledger in a store.Store.
package ledger
