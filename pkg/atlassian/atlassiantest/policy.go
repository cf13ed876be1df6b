package atlassiantest

import (
	"fmt"
	"time"
)

// maxCodeLifetime is the longest an authorization code was ever seen to live.
const maxCodeLifetime = 10 * time.Minute

// Policy holds the rules that Atlassian does not publish, changes, or is
// reported to apply differently to different people. Limits are half open: a
// thing that lives for d from time t works up to one nanosecond before t+d and
// no longer at t+d.
type Policy struct {
	// ReuseInterval is how long a spent refresh token may be presented again,
	// counted from its first spend, and how long the access token that came
	// with it stays valid. 0 makes every replay fatal.
	ReuseInterval time.Duration
	// InactivityLimit is how long a family lives without a refresh. 0 is off.
	InactivityLimit time.Duration
	// AbsoluteLifetime is how long a family lives from its consent, whatever
	// is refreshed. 0 is off.
	AbsoluteLifetime time.Duration
	// AccessTokenLifetime is how long an access token lives from its issue.
	AccessTokenLifetime time.Duration
	// CodeLifetime is how long an authorization code lives; at most 10 minutes.
	CodeLifetime time.Duration

	// OlderReplayKills: inside the reuse interval only the immediately previous
	// token may be presented again. One whose successor is itself spent kills
	// the family. When false it is accepted until its interval is over.
	OlderReplayKills bool
	// SiblingsDie: a replay revokes at once whatever descended from the earlier
	// spends of the same token. When false all siblings stay live.
	SiblingsDie bool
	// OmitRefreshOnce: the next successful refresh does not rotate. It answers
	// with an access token only, the presented refresh token stays good, and
	// the knob turns itself off (CDAC 54555).
	OmitRefreshOnce bool
	// LegacyRefusalBody: a refused refresh token is answered by the older,
	// documented body (invalid_grant) instead of the one seen in practice
	// (unauthorized_client).
	LegacyRefusalBody bool
	// ReconsentKillsOld: the exchange of a new consent's code kills the older
	// families of the same app and account. Staff say it does not, users say
	// it does.
	ReconsentKillsOld bool
	// InactiveAccountStatus is the HTTP status, 401 or 403, for a deactivated
	// account's tokens at the token endpoint.
	InactiveAccountStatus int
	// TokenPadding makes every access and refresh token at least this many
	// bytes longer, for tests of the 4 KB and 8 KB limits of stores.
	TokenPadding int
}

// DefaultPolicy returns the documented rules or, where none are documented,
// those most often reported.
func DefaultPolicy() Policy {
	return Policy{
		ReuseInterval:         10 * time.Minute,
		InactivityLimit:       90 * 24 * time.Hour,
		AbsoluteLifetime:      365 * 24 * time.Hour,
		AccessTokenLifetime:   time.Hour,
		CodeLifetime:          5 * time.Minute,
		OlderReplayKills:      true,
		InactiveAccountStatus: 403,
	}
}

// Validate reports the first field that makes no sense.
func (p Policy) Validate() error {
	for _, d := range []struct {
		name string
		d    time.Duration
	}{
		{"ReuseInterval", p.ReuseInterval},
		{"InactivityLimit", p.InactivityLimit},
		{"AbsoluteLifetime", p.AbsoluteLifetime},
	} {
		if d.d < 0 {
			return fmt.Errorf("policy: %s is %v, expected 0 or more", d.name, d.d)
		}
	}
	if p.AccessTokenLifetime < time.Second {
		return fmt.Errorf("policy: AccessTokenLifetime is %v, expected at least 1s", p.AccessTokenLifetime)
	}
	if p.CodeLifetime <= 0 || p.CodeLifetime > maxCodeLifetime {
		return fmt.Errorf("policy: CodeLifetime is %v, expected more than 0 and at most %v", p.CodeLifetime, maxCodeLifetime)
	}
	if p.InactiveAccountStatus != 401 && p.InactiveAccountStatus != 403 {
		return fmt.Errorf("policy: InactiveAccountStatus is %d, expected 401 or 403", p.InactiveAccountStatus)
	}
	if p.TokenPadding < 0 || p.TokenPadding > 1<<20 {
		return fmt.Errorf("policy: TokenPadding is %d, expected 0 to %d bytes", p.TokenPadding, 1<<20)
	}
	return nil
}
