// Package psoxy holds what is psoxy's: the Worklytics proxy that reads Jira Cloud
// with the tokens that tokenkeeper keeps. Here are the forms it stores, the lock
// under which it rotates, the scopes and paths that its connector needs, and in
// [github.com/tokenkeeper/tokenkeeper/internal/psoxy/tfvars] its Terraform's variables.
//
// Two modes are in use. As a reader (recommended) psoxy only reads ACCESS_TOKEN, a
// bare token. In shared mode it rotates too, under its lock, and both sides store
// ACCESS_TOKEN as its JSON. docs/psoxy.md says what that costs.
//
// Read in psoxy 0.6.9. The package needs neither the domain nor the keeper.
package psoxy

import "time"

// Connection is the prefix of the parameters' names of a psoxy that is installed
// with its defaults.
const Connection = "PSOXY_JIRA_CLOUD_"

// CacheFor is how long psoxy uses what it has read of a parameter; longer where
// reading it again fails.
const CacheFor = 5 * time.Minute

// Unfilled is the value that psoxy's Terraform gives to a parameter which a
// person has yet to fill in; it means absent.
const Unfilled = "fill me"
