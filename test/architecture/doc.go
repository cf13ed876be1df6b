// Package architecture tests the rules that the source tree is built by: which
// way imports point, how long a file may be, that what is exported is
// documented, and that no test is skipped. `make lint` runs it.
//
// Each rule is a function from what it looks at to what it finds wrong, and is
// tested on trees that break it.
package architecture
