// Package rotation carries out what the family package decides: it reads a
// connection, takes the lock, spends the refresh token and saves its successor,
// so that no token family is lost that could have been kept.
//
// # One rotation, in the order of the files
//
//   - keeper.go: [Keeper.Tick], the whole of one tick for one connection;
//   - lock.go: the intent, without which nothing is spent, and its release;
//   - spend.go: the token request, repeated while its answer is lost;
//   - failure.go: what follows where it yielded no successor;
//   - save.go: putting a pair into the store without covering anything newer;
//   - reconcile.go: finishing a rotation that was interrupted while it saved;
//   - restore.go: bringing back a token that an older one was written over;
//   - consent.go: [Keeper.Consent], a new family under the same lock;
//   - outcome.go: what is reported.
//
// The numbers of the invariants are those of docs/rotation.md.
//
// Store, token endpoint, clock and sleep are arguments: the same code runs as a
// Lambda, in the demonstration and under the simulation's virtual time.
package rotation
