// Package library runs the program of docs/library.md as a reader would: in a
// folder outside of the repository, with a replace directive. Its store passes the
// conformance suite, and a process with it is killed by SIGKILL before and after
// every call that a rotation makes.
package library
