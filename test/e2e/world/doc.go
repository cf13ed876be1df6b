// Package world is what surrounds the refresher in an end-to-end test. The real
// binary runs behind a Lambda runtime API. A moto server replaces Parameter Store
// and CloudWatch, and the emulator Atlassian, each behind a recording proxy.
//
// # Time
//
// The binary lives in real time, and has no switch to change that. [World.Pass]
// still lets time pass, from the other side: it moves the clocks of the emulator
// and of Parameter Store forward. The proxy sees to the latter, in the dates of the
// answers and of the parameters in them.
//
// # Secrets
//
// When a test ends, all that the function logged, answered and sent is searched
// for every secret that was in play: see [Leaks].
package world
