// Package loopback is the part of a consent that happens between the browser
// and this machine: it leads the browser to Atlassian, and receives it when it
// comes back (RFC 8252, section 7.3).
//
// # Who can do what
//
// Both ends listen on loopback addresses only. The callback takes an answer only
// if it bears the state of the consent under way, which is compared in constant
// time; whoever calls it without is sent away and changes nothing. The address
// of the start page, which appears among a process's arguments, holds no state:
// it is random, leads to Atlassian once, and is gone after that.
package loopback
