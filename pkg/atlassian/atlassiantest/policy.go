package atlassiantest

import (
	"fmt"
	"time"
)

// maxCodeLifetime is the longest that an authorization code was seen to live.
const maxCodeLifetime = 10 * time.Minute

// Policy holds the rules that Atlassian does not publish, that it changes, or that
// users report differently. Limits are half open: what lives for d from time t
// works until one nanosecond before t+d, and not at t+d.
type Policy struct {
	// ReuseInterval is how long after its first spend a refresh token may be
	// presented again. For the same time the access token that came with it stays
	// valid. 0 makes every replay fatal.
	ReuseInterval time.Duration
	// InactivityLimit is how long a family lives without a refresh. 0 is off.
	InactivityLimit time.Duration
	// AbsoluteLifetime is how long a family lives from its consent. A refresh does
	// not extend it. 0 is off.
	AbsoluteLifetime time.Duration
	// AccessTokenLifetime is how long an access token lives from its issue.
	AccessTokenLifetime time.Duration
	// CodeLifetime is how long an authorization code lives: at most 10 minutes.
	CodeLifetime time.Duration

	// OlderReplayKills: within the reuse interval only the previous token may be
	// presented again. A token whose successor is itself spent kills the family. If
	// false, such a token is accepted until its interval is over.
	OlderReplayKills bool
	// SiblingsDie: a replay revokes at once all pairs that descend from the earlier
	// spends of the same token. If false, all siblings stay live.
	SiblingsDie bool
	// OmitRefreshOnce: the next successful refresh does not rotate. It answers
	// with an access token only, and the presented refresh token stays usable.
	// Afterwards the setting is false again (CDAC 54555).
	OmitRefreshOnce bool
	// LegacyRefusalBody: a refused refresh token is answered with the older,
	// documented body (invalid_grant). If false, with the body seen in practice
	// (unauthorized_client).
	LegacyRefusalBody bool
	// ReconsentKillsOld: the exchange of a new consent's code kills the older
	// families of the same app and account. Atlassian's staff say it does not;
	// users say it does.
	ReconsentKillsOld bool
	// InactiveAccountStatus is the HTTP status, 401 or 403, for a deactivated
	// account's tokens at the token endpoint.
	InactiveAccountStatus int
	// TokenPadding makes every access and refresh token at least this many
	// bytes longer, for tests of the 4 KB and 8 KB limits of stores.
	TokenPadding int
}

// DefaultPolicy returns the documented rules. Where a rule is not documented, it
// has the one most often reported.
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

// Validate returns an error that names the first invalid field and what was
// expected, or nil.
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
