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

// Fleet serves connections. Keeper and either Connections or List are needed.
type Fleet struct {
	// Keeper does the work. In a process that must survive, it is a Guarded one.
	Keeper Keeper
	// Connections are those to serve. With a List they are what it returns at the
	// begin of a tick, and an entry that cannot be a connection is reported beside
	// them.
	Connections []family.Connection
	List        func(ctx context.Context, log *slog.Logger) (conns []family.Connection, invalid []keeper.Outcome, err error)
	// Introduce, if set, is told the connections before the first is served.
	Introduce func(all []family.Connection)
	// Sink takes the metrics; nil means that there are none beside the report.
	Sink metrics.Sink
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Sleep waits between the rounds of a tick; it returns early when ctx ends. nil
	// means keeper.Sleep.
	Sleep func(ctx context.Context, d time.Duration)
	// Parallel is how many connections are served at a time; less than 1 means 1.
	Parallel int
	// LastWarning, in days: a family with less than that left counts as one that needs
	// a consent.
	LastWarning float64
	// Warnings are the days of the warnings before it, four at most, falling; see
	// metrics.Passed.
	Warnings []float64
	// Survey reads the ledgers of all connections before the first is served. The
	// most urgent ones come first. It is for more connections than may fit into
	// one tick; without it every connection is served, in the configured order.
	Survey Reader
}

// Report is what a tick did, one outcome a connection, in the configured order.
type Report struct {
	Connections []keeper.Outcome `json:"connections"`
	// Version of the program that made the tick; empty where it does not say.
	Version string `json:"version,omitempty"`
}

// UnhealthyError is the error of a tick that needs a person's attention.
type UnhealthyError struct {
	problems []string
	metrics  error
	// retry: one of the problems may be gone a minute later.
	retry bool
}

// maxProblems is how many an error names; the log and the report have all.
const maxProblems = 20

// Error names each sick connection, its action and the reason; of very many,
// the first.
func (e *UnhealthyError) Error() string {
	if more := len(e.problems) - maxProblems; more > 0 {
		return fmt.Sprintf("%s; and %d more", strings.Join(e.problems[:maxProblems], "; "), more)
	}
	return strings.Join(e.problems, "; ")
}

// Retryable reports whether to repeat the tick before the next one: the metrics
// were not published, or a connection may still be served. It is false where only
// a person can help: a family is lost, or a parameter is wrong. The alarms on the
// metrics report these. An error would be repeated without effect, and end in the
// dead-letter queue at each tick.
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
// whose family may not see another tick in time; see keeper.Outcome.Urgent. The
// reuse interval may have time for one tick only. A failure of some seconds in that
// tick must not cost the family.
var pauses = []time.Duration{2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 20 * time.Second, 20 * time.Second}

// roundTime is what a round needs after its pause: the token request, the saves
// and the metrics.
const roundTime = family.PostTimeout + family.SaveReserve

// Tick serves every connection, even if others fail, and publishes the metrics.
// Only then does it return an *UnhealthyError, if a connection needs attention or
// the metrics could not be published. Without connections there is nothing to
// publish: the error is the List's.
func (f Fleet) Tick(ctx context.Context, log *slog.Logger) (Report, error) {
	var invalid []keeper.Outcome
	if f.List != nil {
		var err error
		if f.Connections, invalid, err = f.List(ctx, log); err != nil {
			return Report{}, err
		}
	}
	if f.Introduce != nil {
		f.Introduce(f.Connections)
	}
	f.setDefaults()
	outcomes := make([]keeper.Outcome, len(f.Connections))
	due := f.order(ctx, outcomes, log)
	f.serve(ctx, due, outcomes, log)
	due = slices.DeleteFunc(due, func(t turn) bool { return !outcomes[t.i].Urgent })
	for _, pause := range pauses {
		// What was urgent stays so: a failed attempt hides the time of the one before.
		due = slices.DeleteFunc(due, func(t turn) bool { return !outcomes[t.i].Action.Unfinished() })
		if len(due) == 0 || f.late(ctx, pause+roundTime) {
			break
		}
		f.Sleep(ctx, pause)
		f.serve(ctx, due, outcomes, log)
	}
	tellPostponed(outcomes, log)
	outcomes = append(outcomes, invalid...)

	var sick UnhealthyError
	for _, o := range outcomes {
		if !o.Action.Healthy() {
			sick.problems = append(sick.problems, fmt.Sprintf("%s is %s: %s", o.Connection, o.Action, o.Reason))
			sick.retry = sick.retry || retryable(o.Action)
		}
	}
	if sick.metrics = f.publish(ctx, outcomes); sick.metrics != nil {
		log.Error("the metrics could not be published", "error", sick.metrics)
		sick.retry = true
		sick.problems = slices.Insert(sick.problems, 0, sick.metrics.Error())
	}
	if len(sick.problems) > 0 {
		return Report{Connections: outcomes}, &sick
	}
	return Report{Connections: outcomes}, nil
}

func (f *Fleet) publish(ctx context.Context, outcomes []keeper.Outcome) error {
	if f.Sink == nil {
		return nil
	}
	return f.Sink.Publish(ctx, f.Now(), metrics.Of(outcomes, f.LastWarning, f.Warnings...))
}

func (f *Fleet) setDefaults() {
	if f.Now == nil {
		f.Now = time.Now
	}
	if f.Sleep == nil {
		f.Sleep = keeper.Sleep
	}
	f.Parallel = max(f.Parallel, 1)
}

// serve gives the connections their turns, Parallel at a time. Whose turn comes
// with less than it needs of the invocation's time is left out, and keeps its
// outcome.
func (f *Fleet) serve(ctx context.Context, due []turn, outcomes []keeper.Outcome, log *slog.Logger) {
	begun := make([]bool, len(outcomes))
	slots := make(chan struct{}, f.Parallel)
	var wait sync.WaitGroup
	for _, t := range due {
		slots <- struct{}{}
		if f.late(ctx, t.need) || t.second && begun[t.i] {
			<-slots
			continue
		}
		begun[t.i] = true
		serve := func() {
			defer func() { <-slots }()
			outcomes[t.i] = f.Keeper.Tick(ctx, t.conn, log)
		}
		if f.Parallel == 1 || len(due) == 1 {
			serve()
		} else {
			wait.Go(serve)
		}
	}
	wait.Wait()
}
