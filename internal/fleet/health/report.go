package health

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// Report is a connection's verdict and what it rests on, for people and machines.
// It holds no secret. Its JSON is described in docs/schema/status.json.
type Report struct {
	Connection string `json:"connection"`
	State      State  `json:"state"`
	// Level is 0, 1 or 2, as in Level.
	Level Level `json:"level"`
	// Verdict is the whole verdict in a line.
	Verdict string        `json:"verdict"`
	Action  keeper.Action `json:"action"`
	// Do is the next step.
	Do     string    `json:"do"`
	Since  time.Time `json:"since,omitzero"`
	Until  time.Time `json:"until,omitzero"`
	Reason string    `json:"reason,omitempty"`
	Also   []string  `json:"also,omitempty"`
	// At is the time of the reading, by the store's clock.
	At time.Time `json:"at"`
	// AppStored: client id and secret are there.
	AppStored bool   `json:"app_stored"`
	CloudID   string `json:"cloud_id,omitempty"`
	// Family is nil where no refresh token is stored.
	Family *Family `json:"family,omitempty"`
	// Spend is nil where no refresh token was presented without an answer.
	Spend *Spend `json:"spend,omitempty"`
	// Lock is psoxy's; nil where nobody holds it.
	Lock *Lock `json:"lock,omitempty"`
	// Consent is nil without a pending one.
	Consent *Consent `json:"consent,omitempty"`
	// Tick is the last one of the process that was asked; nil where not known.
	Tick *Tick `json:"last_tick,omitempty"`
	// Seen is the newest sign of a tick or a consent in the store.
	Seen time.Time `json:"last_sign,omitzero"`
	// Notice names a value in REFRESH_TOKEN that was not believed.
	Notice string `json:"notice,omitempty"`
	// NextTick is what the keeper would do now, and why.
	NextTick string `json:"next_tick"`
	// Denied are the parameters that could not be read.
	Denied []string `json:"denied,omitempty"`
}

// Family is the countdown of a family.
type Family struct {
	AuthorizedAt            time.Time       `json:"authorized_at"`
	AuthorizedAtSource      string          `json:"authorized_at_source"`
	AgeDays                 float64         `json:"age_days"`
	DaysRemaining           float64         `json:"days_remaining"`
	ExpiresAt               time.Time       `json:"expires_at"`
	InactivityDaysRemaining float64         `json:"inactivity_days_remaining"`
	Generation              int             `json:"generation"`
	RotatedAt               time.Time       `json:"rotated_at,omitzero"`
	AccessExpiresAt         time.Time       `json:"access_token_expires_at,omitzero"`
	Scopes                  []string        `json:"scopes,omitempty"`
	RedirectURI             string          `json:"redirect_uri,omitempty"`
	RefreshToken            string          `json:"refresh_token_fingerprint"`
	LastFailure             *family.Failure `json:"last_failure,omitempty"`
	Refused                 bool            `json:"refused"`
}

// Spend is a refresh token that is presented now, or may be spent.
type Spend struct {
	// FirstAt is when it was presented first, LastAt last.
	FirstAt time.Time `json:"first_at"`
	LastAt  time.Time `json:"last_at"`
	// Owner is the process that presents it; empty where that has ended without a
	// definite answer.
	Owner string `json:"owner,omitempty"`
	// Candidate: another program wrote it to REFRESH_TOKEN.
	Candidate bool `json:"candidate"`
}

// Lock is psoxy's lock.
type Lock struct {
	HeldSince time.Time `json:"held_since"`
	// Stale: it is so old that the next tick does not respect it.
	Stale bool `json:"stale"`
}

// Report describes what was seen.
func (s Survey) Report() Report {
	v, next := s.Verdict(), family.Decide(s.Snapshot, s.Policy)
	out := Report{
		Connection: s.Connection, State: v.State, Level: v.Level, Verdict: v.Line, Action: v.Action, Do: v.Do,
		Since: v.Since, Until: v.Until, Reason: v.Reason, Also: v.Also, At: s.Now,
		AppStored: s.App().ClientID != "" && !s.App().ClientSecret.IsZero() && !s.appDenied(),
		CloudID:   cmp.Or(s.Record().CloudID, s.CloudID.Value.Reveal()),
		Consent:   s.Consent, Tick: s.Tick, Seen: s.Seen(), Notice: next.Notice, NextTick: next.Reason, Denied: s.Denied,
	}
	if r := s.Record(); !r.AuthorizedAt.IsZero() {
		out.Family = familyOf(r, s.Policy, s.Now)
	}
	if in := s.State.Intent; in != nil {
		out.Spend = &Spend{in.First, in.Last, in.Owner, in.Candidate > 0}
	}
	if s.Lock.Version > 0 {
		out.Lock = &Lock{s.Lock.Modified, s.Now.Sub(s.Lock.Modified) >= family.Lease}
	}
	return out
}

// Unseen is the report of a connection that could not be looked at.
func Unseen(connection string, err error, commands Commands, now time.Time) Report {
	do, see := commands.Doctor, "see why"
	if errors.Is(err, store.ErrDenied) && commands.Ask != "" {
		do, see = commands.Ask, "ask the deployed function"
	}
	return Report{Connection: connection, State: Unreadable, Level: Attention, Action: keeper.Failed, Do: do, At: now, Reason: err.Error(),
		Verdict: fmt.Sprintf("NEEDS ATTENTION: the state is not known: %v: %s: %s", err, see, do)}
}

func familyOf(r family.Record, p family.Policy, now time.Time) *Family {
	return &Family{
		AuthorizedAt: r.AuthorizedAt, AuthorizedAtSource: r.AuthorizedAtSource,
		AgeDays: Days(now.Sub(r.AuthorizedAt)), DaysRemaining: Days(r.ExpiresAt(p.Lifetime).Sub(now)),
		ExpiresAt: r.ExpiresAt(p.Lifetime), InactivityDaysRemaining: Days(r.InactiveAt().Sub(now)),
		Generation: r.Generation, RotatedAt: r.RotatedAt, AccessExpiresAt: r.AccessExpiresAt,
		Scopes: r.Scopes, RedirectURI: r.RedirectURI, RefreshToken: string(r.Refresh), LastFailure: r.LastFailure, Refused: r.Refused(),
	}
}

// Days is a duration in days, to a hundredth.
func Days(d time.Duration) float64 { return math.Round(d.Hours()/24*100) / 100 }

// Fill completes the survey of a function that serves the connection, and reports.
// warning is the days before the end at which a consent is due, and last those at
// which it cannot wait any more.
func (s Survey) Fill(c *Consent, tick *Tick, stack string, warning, last float64) Report {
	s.Configured, s.Consent, s.Tick, s.Warning, s.Last = true, c, tick, warning, last
	s.Commands = CommandsFor(s.Connection, "", stack)
	return s.Report()
}

// Answer is what a deployed function says about its connections.
type Answer struct {
	// Version is the function's.
	Version     string   `json:"version"`
	Connections []Report `json:"connections"`
}
