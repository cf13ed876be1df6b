// Package authorize leads a person through a consent in a terminal. It asks for
// what is missing, opens the browser and takes the answer. It asks for the
// decisions that only a person can make.
//
//   - flow.go: the steps, from the app's credentials to stored tokens;
//   - answer.go: waiting for the browser and for a pasted address at once;
//   - paste.go: which pasted addresses answer this consent;
//   - decide.go: what is asked when the consent needs a decision;
//   - hosted.go: waiting for a consent that goes on in the deployed pages.
//
// # What is secret, and where it goes
//
// The client secret, the code and the state are never shown, logged or put among a
// process's arguments. There is one exception: the address to open holds the state
// and must be shown, because the browser may be on another machine.
//
// # Giving up
//
// Until the code is exchanged, nothing is stored that is in use: Ctrl-C leaves
// everything as it was. From then on the service goes on to the end, since a
// code works once, and it takes seconds. What waits for a decision is not in use.
package authorize
