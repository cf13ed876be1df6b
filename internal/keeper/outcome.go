package keeper

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// Action is what a tick did about a connection, as the report names it.
type Action = family.Action

// The actions of a report; package family describes them.
const (
	Idle            = family.Idle
	Rotated         = family.Rotated
	Replayed        = family.Replayed
	Restored        = family.Restored
	AwaitingConsent = family.AwaitingConsent
	Refused         = family.Refused
	Misconfigured   = family.Misconfigured
	InDoubt         = family.InDoubt
	Contended       = family.Contended
	Failed          = family.Failed
	Postponed       = family.Postponed
)

// Outcome is the end of one tick for one connection.
type Outcome struct {
	Connection string `json:"connection"`
	Action     Action `json:"action"`
	// Reason is for people, and holds no secret.
	Reason string `json:"reason"`
	// Foreign names a value in REFRESH_TOKEN that was not believed, or in ACCESS_TOKEN.
	Foreign string `json:"foreign,omitempty"`
	// SiteLost says that the access token does not reach the connection's site any more.
	SiteLost string `json:"site_lost,omitempty"`
	// Lost: Atlassian has refused the family for long, whatever came of this tick.
	Lost bool `json:"-"`
	// Urgent: the tick achieved nothing for certain, and the next one may come
	// too late for the family. It is worth another try after some seconds.
	Urgent bool `json:"-"`
	// Generation counts the family's rotations.
	Generation int `json:"generation"`
	// FamilyDaysRemaining until the family dies of age; nil without a family.
	FamilyDaysRemaining *float64 `json:"family_days_remaining,omitempty"`
	// InactivityDaysRemaining until the family would die if it were not used.
	InactivityDaysRemaining *float64 `json:"inactivity_days_remaining,omitempty"`
	// AccessTokenSecondsRemaining is nil where nothing is known about the access token.
	AccessTokenSecondsRemaining *float64 `json:"access_token_seconds_remaining,omitempty"`
}

// Postpone is the outcome of a connection that a tick has not served, with what
// its record says about the family; r is nil where that is not known.
func Postpone(c family.Connection, r *family.Record, now time.Time) Outcome {
	out := Outcome{Connection: c.Name, Action: Postponed, Reason: "the tick's time was up before its turn came"}
	if r != nil {
		out.describe(*r, now, c.Policy)
	}
	return out
}

// describe fills in what the record says about the family.
func (o *Outcome) describe(r family.Record, now time.Time, p family.Policy) {
	o.Generation = r.Generation
	if r.AuthorizedAt.IsZero() {
		return
	}
	o.SiteLost = siteLost(r)
	o.FamilyDaysRemaining = rounded(r.ExpiresAt(p.Lifetime).Sub(now).Hours()/24, 1e4)
	o.InactivityDaysRemaining = rounded(r.InactiveAt().Sub(now).Hours()/24, 1e4)
	o.AccessTokenSecondsRemaining = nil
	if !r.AccessExpiresAt.IsZero() {
		o.AccessTokenSecondsRemaining = rounded(max(0, r.AccessExpiresAt.Sub(now).Seconds()), 1)
	}
}

func rounded(x, scale float64) *float64 {
	x = math.Round(x*scale) / scale
	return &x
}

func (o Outcome) as(a Action, format string, args ...any) Outcome {
	o.Action, o.Reason = a, fmt.Sprintf(format, args...)
	return o
}

// ofFamily is the outcome with whether the family is lost. A passing failure does not make a lost
// family a living one, and end its page.
func (o Outcome) ofFamily(r family.Record) Outcome {
	if o.Lost = family.Lost(r) && !o.Action.Healthy(); o.Lost && o.Action != Refused {
		o.Reason = "Atlassian has refused the refresh token for long: consent again; what was tried last: " + o.Reason
	}
	return o
}

// OutcomeMessage is the message of the line that tells how a tick ended.
const OutcomeMessage = "tick"

func report(log *slog.Logger, o Outcome) {
	level := slog.LevelInfo
	if !o.Action.Healthy() {
		level = slog.LevelError
	}
	attrs := []slog.Attr{slog.String("action", string(o.Action)), slog.String("reason", o.Reason), slog.Int("generation", o.Generation)}
	if o.Foreign != "" {
		level = max(level, slog.LevelWarn)
		attrs = append(attrs, slog.String("foreign", o.Foreign))
	}
	if o.SiteLost != "" {
		level = max(level, slog.LevelWarn)
		attrs = append(attrs, slog.String("site_lost", o.SiteLost))
	}
	if o.FamilyDaysRemaining != nil {
		attrs = append(attrs, slog.Float64("family_days_remaining", *o.FamilyDaysRemaining))
	}
	log.LogAttrs(context.Background(), level, OutcomeMessage, attrs...)
}
