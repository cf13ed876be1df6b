// Package loopback is the part of a consent between the browser and this machine
// (RFC 8252, section 7.3). It leads the browser to Atlassian, and receives its
// answer.
//
// # Who can do what
//
// Both ends listen on loopback addresses only. The callback takes an answer only
// with the state of the pending consent, compared in constant time. A caller
// without it is sent away and changes nothing. The address of the start page,
// which is among a process's arguments, holds no state. It is random, leads to
// Atlassian once, and then ends.
package loopback
