// Package architecture tests the rules that the source tree is built by: which
// way imports point, how long a file may be and how many methods a type may have,
// that what is exported is documented, and that no test is skipped. `make lint` runs
// it, and gocyclo for how complex a function may be.
//
// Each rule is a function from what it looks at to what it finds wrong, and is
// tested on trees that break it.
package architecture
