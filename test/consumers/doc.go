// Package consumers runs the programs of docs/consumers.md as a reader would:
// each is taken out of the document and run by its own language, with Parameter
// Store and Atlassian emulated. `make consumers` installs what they need.
//
// A block that no test runs fails the package, so the document holds nothing
// untried.
package consumers
