package family

import (
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
)

// What Atlassian's authorization server does; sources in docs/rotation.md.
const (
	// Leeway is Atlassian's reuse interval: how long after its first spend a
	// refresh token may be presented again.
	Leeway = 10 * time.Minute
	// LeewayMargin is kept free at the end of the leeway: for the intent, the token request, and
	// a clock of whole seconds.
	LeewayMargin = 30 * time.Second
	// InactivityLimit kills a family whose refresh token is not used for so long.
	InactivityLimit = 90 * 24 * time.Hour
)

// What this keeper does.
const (
	// TickInterval is the longest time that the schedule may have between two ticks: two of them
	// fit into the leeway.
	TickInterval = 5 * time.Minute
	// Lease is how long an intent or a lock is respected, by the store's clock. Its writer does
	// nothing under it after that.
	Lease = psoxy.LockStale
	// PostTimeout bounds one token request. It is well below Lease.
	PostTimeout = 20 * time.Second
	// SaveReserve is the time that must be left after a token request, to save what it returned.
	SaveReserve = 20 * time.Second
	// ClockTolerance is how far apart two healthy clocks may be.
	ClockTolerance = 2 * time.Minute
	// tickSlack is how much earlier than a whole number of ticks something falls due. So the tick
	// at that time does not miss it.
	tickSlack = 30 * time.Second
	// failureBackoff and maxFailureBackoff space the attempts after Atlassian refused the app, or
	// could not read the request. Changed credentials end the wait. failureBackoff also spaces
	// the probes of a token that has been in doubt for long.
	failureBackoff    = 4*time.Minute - tickSlack
	maxFailureBackoff = time.Hour
	// longestAccess is the longest life of an access token that is believed, as in
	// atlassian.Token. To wait for the end of a longer one would lose the family.
	longestAccess = 24 * time.Hour
	// In the last minutes of the access token, accessReserve, a wait that Atlassian asked for lasts
	// for a failureBackoff at most.
	accessReserve = 5 * time.Minute
	// A refused token is presented again, for refusals have been mistaken: after secondLook, then
	// every failureBackoff inside its leeway, after probeFirst, and every probeAgain. A refusal
	// may have replaced the answer with the successor, and only a replay inside the leeway brings
	// that.
	secondLook = time.Minute
	probeFirst = time.Hour
	probeAgain = 6 * time.Hour
	// A request that the server calls malformed says nothing about the token (RFC 6749 section
	// 5.2). So many of them in a row with the code invalid_request, over probeFirst at least,
	// count as a refusal.
	malformedIsRefused = 4
)

// Policy is what an operator decides about a connection.
type Policy struct {
	// RefreshBefore: a rotation is due when the access token has less than this left.
	RefreshBefore time.Duration
	// Lifetime of a token family, from the consent on.
	Lifetime time.Duration
	// AccessFormat is the form of ACCESS_TOKEN.
	AccessFormat psoxy.AccessFormat
}

// DefaultPolicy is the policy where an operator decides nothing.
func DefaultPolicy() Policy {
	return Policy{RefreshBefore: 25 * time.Minute, Lifetime: 365 * 24 * time.Hour, AccessFormat: psoxy.Raw}
}

// Within reports whether a time lies less than so long ago. A time far in the future does not: a
// clock was set back.
func Within(at, now time.Time, so time.Duration) bool {
	ago := now.Sub(at)
	return ago < so && ago >= -ClockTolerance
}
