// Package world is what the refresher runs in during an end-to-end test: its
// real binary behind a Lambda runtime API, a real moto server in the place of
// Parameter Store and CloudWatch, and the emulator in the place of Atlassian,
// each behind a recording proxy.
//
// # Time
//
// The binary lives in real time, and has no switch to change that. [World.Pass]
// lets time pass for it all the same, by the other end: the emulator's clock
// goes forward, and everything that is stored seems to have been written that
// much earlier. The proxy sees to that in what Parameter Store answers, in the
// dates of the parameters as well as in those that the keeper wrote into them.
//
// # Secrets
//
// When a test ends, all that the function logged, answered and sent is searched
// for every secret that was in play: see [Leaks].
package world
