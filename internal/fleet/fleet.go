// Package fleet is one tick of the whole application: every connection is
// looked after, then the metrics go out, then the report is given.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
)

// Keeper looks after one connection at a time; *keeper.Keeper is one.
type Keeper interface {
	Tick(ctx context.Context, conn family.Connection, log *slog.Logger) keeper.Outcome
}

// Fleet serves a fixed set of connections. All fields are needed, but
// Survey and Entries.
type Fleet struct {
	// Keeper does the work. In a process that must survive, it is a Guarded one.
	Keeper      Keeper
	Connections []family.Connection
	Sink        metrics.Sink
	Now         func() time.Time
	// Sleep waits between the rounds of a tick; it returns early when ctx ends.
	Sleep func(ctx context.Context, d time.Duration)
	// Parallel is how many connections are served at a time; at least 1.
	Parallel int
	// LastWarning: a family with less than so many days left counts as one that
	// needs a consent.
	LastWarning float64
	// Warnings are the days of the warnings before it, four at most, falling; see
	// metrics.Passed.
	Warnings []float64
	// Survey looks at all connections before they are served, the most urgent
	// first and no longer than the invocation's time allows. It is for more
	// connections than may fit into one tick; without it every connection is
	// served, in the configured order.
	Survey Reader
	// Entries are reported beside the connections: what was meant to be one.
	Entries []keeper.Outcome
}

// Report is what a tick did, one outcome a connection, in the configured order.
type Report struct {
	Connections []keeper.Outcome `json:"connections"`
	// Version of the program that made the tick; empty where it does not say.
	Version string `json:"version,omitempty"`
}

// UnhealthyError is the error of a tick after which somebody should look.
type UnhealthyError struct {
	problems []string
	metrics  error
	// retry: one of the problems may be gone a minute later.
	retry bool
}

// maxProblems are told in an error; the log and the report have all.
const maxProblems = 20

// Error names each sick connection, its action and the reason; of very many,
// the first.
func (e *UnhealthyError) Error() string {
	if more := len(e.problems) - maxProblems; more > 0 {
		return fmt.Sprintf("%s; and %d more", strings.Join(e.problems[:maxProblems], "; "), more)
	}
	return strings.Join(e.problems, "; ")
}

// Retryable reports whether a tick that ended with this error should be repeated
// before the next one: the metrics did not go out, or a connection may still be
// served. It is false where only a person can help: a family is lost, or a
// parameter is wrong. The alarms on the metrics tell of these; an error would be
// repeated by the platform, in vain, and end among the dead letters at each tick.
func Retryable(err error) bool {
	var sick *UnhealthyError
	return err != nil && (!errors.As(err, &sick) || sick.retry)
}

// retryable are the actions after which another try may achieve more.
func retryable(a keeper.Action) bool {
	return a == keeper.Failed || a == keeper.InDoubt || a == keeper.Postponed
}

// Unwrap returns why the metrics could not be published, or nil.
func (e *UnhealthyError) Unwrap() error { return e.metrics }

// pauses are the waits before the rounds in which connections are served again
// whose family may not see another tick in time; see keeper.Outcome.Urgent.
// Within the reuse interval there may be no more than one tick, so what fails
// in it for some seconds must not cost the family.
var pauses = []time.Duration{2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 20 * time.Second, 20 * time.Second}

// roundTime is what a round needs after its pause: the token request, the saves
// and the metrics.
const roundTime = family.PostTimeout + family.SaveReserve

// Tick serves every connection, whatever becomes of the others, and publishes
// the metrics. Only then does it return an *UnhealthyError, if a connection needs
// attention or the metrics could not be published.
func (r *Fleet) Tick(ctx context.Context, log *slog.Logger) (Report, error) {
	outcomes := make([]keeper.Outcome, len(r.Connections))
	due := r.order(ctx, outcomes, log)
	r.serve(ctx, due, outcomes, log)
	due = slices.DeleteFunc(due, func(t turn) bool { return !outcomes[t.i].Urgent })
	for _, pause := range pauses {
		// What was urgent stays so: a failed attempt hides the time of the one before.
		due = slices.DeleteFunc(due, func(t turn) bool { return !outcomes[t.i].Action.Unfinished() })
		if len(due) == 0 || r.late(ctx, pause+roundTime) {
			break
		}
		r.Sleep(ctx, pause)
		r.serve(ctx, due, outcomes, log)
	}
	tellPostponed(outcomes, log)
	outcomes = append(outcomes, r.Entries...)

	var sick UnhealthyError
	for _, o := range outcomes {
		if !o.Action.Healthy() {
			sick.problems = append(sick.problems, fmt.Sprintf("%s is %s: %s", o.Connection, o.Action, o.Reason))
			sick.retry = sick.retry || retryable(o.Action)
		}
	}
	if sick.metrics = r.Sink.Publish(ctx, r.Now(), metrics.Of(outcomes, r.LastWarning, r.Warnings...)); sick.metrics != nil {
		log.Error("the metrics could not be published", "error", sick.metrics)
		sick.retry = true
		sick.problems = slices.Insert(sick.problems, 0, sick.metrics.Error())
	}
	if len(sick.problems) > 0 {
		return Report{Connections: outcomes}, &sick
	}
	return Report{Connections: outcomes}, nil
}

// serve gives the connections their turns, Parallel at a time. Whose turn comes
// with less than it needs of the invocation's time is left out, and keeps its
// outcome.
func (r *Fleet) serve(ctx context.Context, due []turn, outcomes []keeper.Outcome, log *slog.Logger) {
	begun := make([]bool, len(outcomes))
	slots := make(chan struct{}, r.Parallel)
	var wait sync.WaitGroup
	for _, t := range due {
		slots <- struct{}{}
		if r.late(ctx, t.need) || t.second && begun[t.i] {
			<-slots
			continue
		}
		begun[t.i] = true
		serve := func() {
			defer func() { <-slots }()
			outcomes[t.i] = r.Keeper.Tick(ctx, t.conn, log)
		}
		if r.Parallel == 1 || len(due) == 1 {
			serve()
		} else {
			wait.Go(serve)
		}
	}
	wait.Wait()
}
