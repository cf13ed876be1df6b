// Package metrics turns the outcomes of a tick into the metrics that count
// down to a family's end and that the alarms watch.
//
// Every metric has a roll-up without dimensions, over all connections: the
// minimum of what counts down, the sum of what is counted. Alarms use these, so
// their number does not grow with the connections, and each watches one metric:
// CloudWatch charges for every metric that an alarm watches. With the dimension
// Connection there is only what a diagnosis needs: the family's days always,
// and a problem while it lasts. One healthy connection makes ten metrics, which
// is what CloudWatch gives for free.
package metrics

import (
	"context"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

// Unit is CloudWatch's name of a metric's unit.
type Unit string

// The units in use. CloudWatch has none for days.
const (
	None    Unit = "None"
	Seconds Unit = "Seconds"
	Count   Unit = "Count"
)

// The metrics.
const (
	// FamilyDaysRemaining until the family dies of age, however well it is kept.
	FamilyDaysRemaining = "FamilyDaysRemaining"
	// AccessTokenSecondsRemaining until the stored access token expires.
	AccessTokenSecondsRemaining = "AccessTokenSecondsRemaining"
	// InactivityDaysRemaining until the family dies if it is not rotated.
	InactivityDaysRemaining = "InactivityDaysRemaining"
	// Rotations that were completed in this tick.
	Rotations = "Rotations"
	// RotationFailures: connections with a living family that is not kept: their
	// rotation did not happen or was not saved, or they are in doubt or
	// misconfigured.
	RotationFailures = "RotationFailures"
	// InDoubt: those of them whose refresh token may be spent without a known successor.
	InDoubt = "InDoubt"
	// Misconfigured: those of them that need a person to put a parameter right;
	// sent while there are any.
	Misconfigured = "Misconfigured"
	// ConsentNeeded: connections that only a consent can keep: their family is
	// lost, or ends before the last warning.
	ConsentNeeded = "ConsentNeeded"
	// FamilyLost: those of them whose refresh token Atlassian refused for good.
	FamilyLost = "FamilyLost"
	// AwaitingConsent: connections without a first consent; sent while there are any.
	AwaitingConsent = "AwaitingConsent"
	// ForeignWrites: connections in whose REFRESH_TOKEN something was found that
	// is no newer token, or whose ACCESS_TOKEN was written over; the report says
	// what. Sent while there are any.
	ForeignWrites = "ForeignWrites"
	// SiteLost: connections whose access token does not reach their site any more.
	// Sent while there are any.
	SiteLost = "SiteLost"
	// Attention: connections that a person should look at in the morning, by
	// ForeignWrites or SiteLost. Sent while there are any.
	Attention = "Attention"
	// Postponed: connections that the tick had no time to serve; sent while there
	// are any.
	Postponed = "Postponed"
	// Heartbeat is 1 for every tick that served all connections. Others send none.
	Heartbeat = "Heartbeat"
)

// Metric is one value.
type Metric struct {
	Name  string
	Value float64
	Unit  Unit
	// Connection is the dimension; empty for a roll-up.
	Connection string
}

// Sink takes the metrics of one tick. It publishes all or returns an error.
type Sink interface {
	Publish(ctx context.Context, at time.Time, metrics []Metric) error
}

// problem is a metric that counts the connections that have it.
type problem struct {
	name string
	has  func(o keeper.Outcome, lastWarning float64) bool
	// always: the roll-up is sent even when it is 0, so that an alarm can clear.
	always bool
}

var problems = []problem{
	{RotationFailures, living(keeper.Failed, keeper.InDoubt, keeper.Misconfigured), true},
	{InDoubt, living(keeper.InDoubt), true},
	{Misconfigured, living(keeper.Misconfigured), false},
	{ConsentNeeded, func(o keeper.Outcome, lastWarning float64) bool {
		return o.Lost || o.Action == keeper.Refused || o.FamilyDaysRemaining != nil && *o.FamilyDaysRemaining < lastWarning
	}, true},
	{FamilyLost, func(o keeper.Outcome, _ float64) bool { return o.Lost || o.Action == keeper.Refused }, true},
	{AwaitingConsent, ended(keeper.AwaitingConsent), false},
	{ForeignWrites, func(o keeper.Outcome, _ float64) bool { return o.Foreign != "" }, false},
	{SiteLost, func(o keeper.Outcome, _ float64) bool { return o.SiteLost != "" }, false},
}

// living: the family is not lost, so the action is what is to be known of it.
func living(actions ...keeper.Action) func(keeper.Outcome, float64) bool {
	return func(o keeper.Outcome, _ float64) bool { return !o.Lost && slices.Contains(actions, o.Action) }
}

func ended(actions ...keeper.Action) func(keeper.Outcome, float64) bool {
	return func(o keeper.Outcome, _ float64) bool { return slices.Contains(actions, o.Action) }
}

// Of returns the metrics of a tick that ended with the given outcomes. A
// connection needs a consent when its family has less than lastWarning days;
// warnings are the days of the warnings before that one, see Passed.
func Of(outcomes []keeper.Outcome, lastWarning float64, warnings ...float64) []Metric {
	const ofAConnection = 10 // a healthy one; see the package documentation
	ms := make([]Metric, 0, ofAConnection+len(outcomes))
	for _, g := range gauges {
		ms = g.append(ms, outcomes)
	}
	ms = append(ms, Metric{Rotations, count(outcomes, ended(keeper.Rotated, keeper.Replayed)), Count, ""})
	for _, p := range problems {
		sum := 0.0
		for _, o := range outcomes {
			if p.has(o, lastWarning) {
				sum++
				ms = append(ms, Metric{p.name, 1, Count, o.Connection})
			}
		}
		if p.always || sum > 0 {
			ms = append(ms, Metric{p.name, sum, Count, ""})
		}
	}
	ms = append(ms, passed(outcomes, warnings)...)
	if n := count(outcomes, func(o keeper.Outcome, _ float64) bool { return o.Foreign != "" || o.SiteLost != "" }); n > 0 {
		ms = append(ms, Metric{Attention, n, Count, ""})
	}
	if postponed := count(outcomes, ended(keeper.Postponed)); postponed > 0 {
		return append(ms, Metric{Postponed, postponed, Count, ""})
	}
	return append(ms, Metric{Heartbeat, 1, Count, ""})
}

// gauge is a metric whose roll-up is the least value.
type gauge struct {
	name string
	unit Unit
	of   func(keeper.Outcome) *float64
	// each: the value of every connection is sent too.
	each bool
}

var gauges = []gauge{
	{FamilyDaysRemaining, None, func(o keeper.Outcome) *float64 { return o.FamilyDaysRemaining }, true},
	{AccessTokenSecondsRemaining, Seconds, func(o keeper.Outcome) *float64 { return o.AccessTokenSecondsRemaining }, false},
	{InactivityDaysRemaining, None, func(o keeper.Outcome) *float64 { return o.InactivityDaysRemaining }, false},
}

func (g gauge) append(ms []Metric, outcomes []keeper.Outcome) []Metric {
	var least *float64
	for _, o := range outcomes {
		v := g.of(o)
		if v == nil {
			continue
		}
		if least == nil || *v < *least {
			least = v
		}
		if g.each {
			ms = append(ms, Metric{g.name, *v, g.unit, o.Connection})
		}
	}
	if least != nil {
		ms = append(ms, Metric{g.name, *least, g.unit, ""})
	}
	return ms
}

// count returns how many outcomes there are of a kind.
func count(outcomes []keeper.Outcome, of func(keeper.Outcome, float64) bool) (n float64) {
	for _, o := range outcomes {
		if of(o, 0) {
			n++
		}
	}
	return n
}
