package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// status is what the store says of a connection at a moment; no secret.
type status struct {
	Connection string `json:"connection"`
	// AppStored: client id and secret are there.
	AppStored bool   `json:"app_stored"`
	CloudID   string `json:"cloud_id,omitempty"`
	// Family is nil where no refresh token is stored.
	Family *familyStatus `json:"family,omitempty"`
	// Spend is nil where no refresh token was presented without an answer.
	Spend *spendStatus `json:"spend,omitempty"`
	// Lock is psoxy's; nil where nobody holds it.
	Lock *lockStatus `json:"lock,omitempty"`
	// Consent is nil where none is under way.
	Consent *consentStatus `json:"consent,omitempty"`
	// NextTick is what the keeper would do now, and why.
	NextTick string `json:"next_tick"`
}

// familyStatus is the countdown of a family.
type familyStatus struct {
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
	RefreshToken            string          `json:"refresh_token_fingerprint"`
	LastFailure             *family.Failure `json:"last_failure,omitempty"`
	Refused                 bool            `json:"refused"`
}

// spendStatus is a refresh token that is presented now, or may be spent.
type spendStatus struct {
	// FirstAt is when it was presented first, LastAt last.
	FirstAt time.Time `json:"first_at"`
	LastAt  time.Time `json:"last_at"`
	// Owner is the process that presents it; empty where that has ended without a
	// definite answer.
	Owner string `json:"owner,omitempty"`
	// Candidate: it is what somebody wrote to REFRESH_TOKEN.
	Candidate bool `json:"candidate"`
}

// lockStatus is psoxy's lock.
type lockStatus struct {
	HeldSince time.Time `json:"held_since"`
	// Stale: it is so old that the next tick does not respect it.
	Stale bool `json:"stale"`
}

// consentStatus is a consent that is not at its end.
type consentStatus struct {
	// Until is when it expires.
	Until time.Time `json:"until"`
	// Needs is the decision that received tokens wait for; empty where none were
	// received yet.
	Needs consent.ErrorType `json:"needs,omitempty"`
}

// consentOf asks for the consent under way.
func consentOf(ctx context.Context, st store.Store, conn family.Connection) (*consentStatus, error) {
	service := consent.New(consent.Config{Store: st, Connections: []family.Connection{conn}, Now: time.Now})
	all, err := service.Status(ctx, consent.StatusRequest{Connection: conn.Name})
	if err != nil {
		return nil, err
	}
	switch c := all.Connections[0]; {
	case c.Waiting != nil:
		return &consentStatus{c.Waiting.Until, c.Waiting.Needs}, nil
	case !c.UnderWay.IsZero():
		return &consentStatus{Until: c.UnderWay}, nil
	}
	return nil, nil
}

// statusOf describes what was read.
func statusOf(p parameters, policy family.Policy) status {
	s := status{Connection: p.Connection, CloudID: p.cloudID, NextTick: family.Decide(p.Snapshot, policy).Reason,
		AppStored: !p.ClientID.Value.IsZero() && !p.ClientSecret.Value.IsZero()}
	if r := p.record(); !r.AuthorizedAt.IsZero() {
		s.Family = &familyStatus{
			AuthorizedAt: r.AuthorizedAt, AuthorizedAtSource: r.AuthorizedAtSource,
			AgeDays: days(p.Now.Sub(r.AuthorizedAt)), DaysRemaining: days(r.ExpiresAt(policy.Lifetime).Sub(p.Now)),
			ExpiresAt: r.ExpiresAt(policy.Lifetime), InactivityDaysRemaining: days(r.InactiveAt().Sub(p.Now)),
			Generation: r.Generation, RotatedAt: r.RotatedAt, AccessExpiresAt: r.AccessExpiresAt,
			Scopes: r.Scopes, RefreshToken: string(r.Refresh), LastFailure: r.LastFailure, Refused: r.Refused(),
		}
	}
	if in := p.State.Intent; in != nil {
		s.Spend = &spendStatus{in.First, in.Last, in.Owner, in.Candidate > 0}
	}
	if p.Lock.Version > 0 {
		s.Lock = &lockStatus{p.Lock.Modified, p.Now.Sub(p.Lock.Modified) >= family.Lease}
	}
	return s
}

// days is a duration in days, to a hundredth.
func days(d time.Duration) float64 { return math.Round(d.Hours()/24*100) / 100 }

// newStatusCommand returns "tokenkeeper status".
func newStatusCommand() *cobra.Command {
	var (
		connection connectionFlag
		stores     storeFlags
		policies   policyFlags
		asJSON     bool
	)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show a connection's age, expiry, last rotation and last failure",
		Long: `Reads a connection's parameters and shows what is known about its token family,
and what the next tick would do. It changes nothing and asks nobody else.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, p, conn, err := openConnection(cmd.Context(), connection, stores, policies)
			if err != nil {
				return err
			}
			s := statusOf(p, conn.Policy)
			if s.Consent, err = consentOf(cmd.Context(), st, conn); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), s)
			}
			return s.print(cmd.OutOrStdout(), p.Now)
		},
	}
	connection.register(cmd)
	stores.register(cmd)
	policies.registerLifetime(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the status as JSON")
	return cmd
}

// print shows the status to a person.
func (s status) print(out io.Writer, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	line("connection", "%s", s.Connection)
	line("app", "%s", either(s.AppStored, "client id and secret are stored", "client id or secret is missing"))
	line("cloud id", "%s", either(s.CloudID != "", s.CloudID, "not stored"))
	if f := s.Family; f == nil {
		line("family", "none: there is no refresh token yet")
	} else {
		f.print(line, now)
	}
	if in := s.Spend; in != nil {
		line("spend", "%s was presented %s ago by %s", either(in.Candidate, "what somebody wrote to REFRESH_TOKEN", "the refresh token"), now.Sub(in.FirstAt).Round(time.Second),
			either(in.Owner != "", "process "+in.Owner+", whose answer is awaited", "a process that has got no answer"))
	}
	if l := s.Lock; l != nil {
		line("lock", "psoxy's, held for %s%s", now.Sub(l.HeldSince).Round(time.Second), either(l.Stale, "; stale", ""))
	}
	if c := s.Consent; c != nil && c.Needs != "" {
		line("consent", "its tokens wait for a decision (%s) until %s; they are not in use", c.Needs, minute(c.Until))
	} else if c != nil {
		line("consent", "under way until %s", minute(c.Until))
	}
	line("next tick", "%s", s.NextTick)
	return w.Flush()
}

func (f *familyStatus) print(line func(name, format string, args ...any), now time.Time) {
	source := "the consent"
	if f.AuthorizedAtSource == family.FromAdoption {
		source = "when REFRESH_TOKEN was stored; the consent may be older"
	}
	line("authorized at", "%s (known from %s)", minute(f.AuthorizedAt), source)
	line("age", "%.1f days", f.AgeDays)
	line("expires", "%s, in %.1f days: consent again before then", f.ExpiresAt.UTC().Format(time.DateOnly), f.DaysRemaining)
	line("inactivity", "ends it in %.1f days, if it is not rotated before", f.InactivityDaysRemaining)
	line("rotations", "%d%s", f.Generation, either(f.RotatedAt.IsZero(), "", ", the last at "+minute(f.RotatedAt)))
	switch left := f.AccessExpiresAt.Sub(now).Round(time.Second); {
	case f.AccessExpiresAt.IsZero():
		line("access token", "not known how long it lives")
	case left <= 0:
		line("access token", "expired at %s", minute(f.AccessExpiresAt))
	default:
		line("access token", "good for %s", left)
	}
	line("scopes", "%s", either(len(f.Scopes) > 0, strings.Join(f.Scopes, " "), "not known"))
	if l := f.LastFailure; l == nil {
		line("last failure", "none since the last rotation")
	} else {
		line("last failure", "%s %sat %s, %d in a row%s", l.Class, either(l.Code != "", "("+l.Code+") ", ""), minute(l.At), l.Count,
			either(f.Refused, ": the family is lost", ""))
	}
}
