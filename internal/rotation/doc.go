// Package rotation carries out what the family package decides: it reads a
// connection, takes the lock, spends the refresh token and saves its successor,
// so that no token family is lost that could have been kept.
//
// # One rotation, in the order of the files
//
//   - keeper.go: [Keeper.Tick], the whole of one tick for one connection;
//   - lock.go: the intent, without which nothing is spent, and its release;
//   - prove.go: that the store takes secrets, before a first spend;
//   - spend.go: the token request, and what each of its endings means;
//   - save.go: putting a pair into the store without covering anything newer;
//   - restore.go: bringing back a token that an older one was written over;
//   - outcome.go: what is reported.
//
// Store, token endpoint, clock and sleep are arguments: the same code runs as a
// Lambda, in the demonstration and under the simulation's virtual time.
package rotation
