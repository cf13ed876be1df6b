// Package pages serves the hosted consent: the pages between a start link and
// stored tokens, as ordinary net/http handlers.
//
//	GET  /          what this address is for
//	GET  /start     a start link: its secret goes into a cookie, and out of the address
//	GET  /go        ties the consent to this browser and sends it to Atlassian
//	GET  /callback  Atlassian sends the browser back
//	POST /callback  a decision: which site, or that a change is meant
//
// # What they do not do
//
// No page begins a consent: that takes the permission to invoke the function.
// Nothing is fetched from elsewhere, there is no script, and the only address
// that a browser is ever sent to is Atlassian's, from the configuration. No
// secret is in a page: the start link's and the browser's are in cookies that
// no script and no other host can read. Nothing of a request is logged but its
// method and the pattern of its path.
package pages
