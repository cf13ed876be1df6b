package keeper

import "github.com/tokenkeeper/tokenkeeper/internal/keeper"

// Action is what a tick did about a connection. Its method Healthy is false if a
// person should look.
type Action = keeper.Action

// The actions of an outcome.
const (
	// Idle: nothing was due.
	Idle = keeper.Idle
	// Rotated: new tokens were received and saved.
	Rotated = keeper.Rotated
	// Replayed: the same, for a token whose answer was lost before.
	Replayed = keeper.Replayed
	// Restored: another program had written a value over REFRESH_TOKEN that is no
	// newer token. The family goes on.
	Restored = keeper.Restored
	// AwaitingConsent: there is no refresh token yet.
	AwaitingConsent = keeper.AwaitingConsent
	// Contended: another process is at work on the connection.
	Contended = keeper.Contended
	// Refused: Atlassian refused the refresh token, and a person has to consent again.
	Refused = keeper.Refused
	// Misconfigured: a person has to put something right; the family is kept.
	Misconfigured = keeper.Misconfigured
	// InDoubt: a token was presented and its answer is lost. The next tick presents it
	// again, and must come within minutes.
	InDoubt = keeper.InDoubt
	// Failed: no token was spent, or the received tokens are not all saved. The next
	// tick goes on.
	Failed = keeper.Failed
)

// Outcome is the end of one tick. It holds no secret and can be logged, encoded and
// counted: Alarm on Action.Healthy, and on the days and seconds that remain.
type Outcome struct {
	// Connection is its name.
	Connection string `json:"connection"`
	Action     Action `json:"action"`
	// Reason is for people.
	Reason string `json:"reason"`
	// Foreign names a value in REFRESH_TOKEN that was not believed.
	Foreign string `json:"foreign,omitempty"`
	// SiteLost says that the access token does not reach the site of CLOUD_ID any more.
	SiteLost string `json:"site_lost,omitempty"`
	// Lost: Atlassian has refused the family for long, whatever came of this tick: consent again.
	Lost bool `json:"-"`
	// Urgent: the next tick may come too late for the family. Tick again after some
	// seconds.
	Urgent bool `json:"-"`
	// Generation counts the family's rotations.
	Generation int `json:"generation"`
	// FamilyDaysRemaining until the family ends however well it is kept; nil where
	// there is none.
	FamilyDaysRemaining *float64 `json:"family_days_remaining,omitempty"`
	// InactivityDaysRemaining until the family ends if it is not rotated.
	InactivityDaysRemaining *float64 `json:"inactivity_days_remaining,omitempty"`
	// AccessTokenSecondsRemaining until the stored access token expires; nil where that
	// is not known.
	AccessTokenSecondsRemaining *float64 `json:"access_token_seconds_remaining,omitempty"`
}
