// Package refresher is one tick of the whole application: every connection is
// looked after, then the metrics go out, then the report is given.
package refresher

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/countdown"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/rotation"
)

// Keeper looks after one connection at a time; *rotation.Keeper is one.
type Keeper interface {
	Tick(ctx context.Context, conn rotation.Connection, log *slog.Logger) rotation.Outcome
}

// Refresher serves a fixed set of connections. All fields are needed.
type Refresher struct {
	// Keeper does the work. In a process that must survive, it is a Guarded one.
	Keeper      Keeper
	Connections []rotation.Connection
	Sink        countdown.Sink
	Now         func() time.Time
	// Sleep waits between the rounds of a tick; it returns early when ctx ends.
	Sleep func(ctx context.Context, d time.Duration)
	// Parallel is how many connections are served at a time; at least 1.
	Parallel int
	// LastWarning: a family with less than so many days left counts as one that
	// needs a consent.
	LastWarning float64
}

// Report is what a tick did, one outcome a connection, in the configured order.
type Report struct {
	Connections []rotation.Outcome `json:"connections"`
}

// Unhealthy is the error of a tick after which somebody should look.
type Unhealthy struct {
	problems []string
	metrics  error
}

// Error names each sick connection, its action and the reason.
func (e *Unhealthy) Error() string { return strings.Join(e.problems, "; ") }

// Unwrap returns why the metrics could not be published, or nil.
func (e *Unhealthy) Unwrap() error { return e.metrics }

// pauses are the waits before the rounds in which connections are served again
// whose family may not see another tick in time; see rotation.Outcome.Urgent.
// Within the reuse interval there may be no more than one tick, so what fails
// in it for some seconds must not cost the family.
var pauses = []time.Duration{2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second}

// roundTime is what a round needs after its pause: the token request, the saves
// and the metrics.
const roundTime = family.PostTimeout + family.SaveReserve

// Tick serves every connection, whatever becomes of the others, and publishes
// the metrics. Only then does it return an *Unhealthy, if a connection needs
// attention or the metrics could not be published.
func (r *Refresher) Tick(ctx context.Context, log *slog.Logger) (Report, error) {
	outcomes := make([]rotation.Outcome, len(r.Connections))
	due := make([]int, len(r.Connections))
	for i := range due {
		due[i] = i
	}
	r.serve(ctx, due, outcomes, log)
	for _, pause := range pauses {
		due = slices.DeleteFunc(due, func(i int) bool { return !outcomes[i].Urgent })
		if deadline, ok := ctx.Deadline(); len(due) == 0 || ok && deadline.Sub(r.Now()) < pause+roundTime {
			break
		}
		r.Sleep(ctx, pause)
		r.serve(ctx, due, outcomes, log)
	}

	var sick Unhealthy
	for _, o := range outcomes {
		if !o.Action.Healthy() {
			sick.problems = append(sick.problems, fmt.Sprintf("%s is %s: %s", o.Connection, o.Action, o.Reason))
		}
	}
	if sick.metrics = r.Sink.Publish(ctx, r.Now(), countdown.Metrics(outcomes, r.LastWarning)); sick.metrics != nil {
		log.Error("the metrics could not be published", "error", sick.metrics)
		sick.problems = append(sick.problems, sick.metrics.Error())
	}
	if len(sick.problems) > 0 {
		return Report{outcomes}, &sick
	}
	return Report{outcomes}, nil
}

// serve serves the connections with the given numbers, Parallel at a time.
func (r *Refresher) serve(ctx context.Context, due []int, outcomes []rotation.Outcome, log *slog.Logger) {
	if r.Parallel == 1 || len(due) == 1 {
		for _, i := range due {
			outcomes[i] = r.Keeper.Tick(ctx, r.Connections[i], log)
		}
		return
	}
	slots := make(chan struct{}, r.Parallel)
	var wait sync.WaitGroup
	for _, i := range due {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			outcomes[i] = r.Keeper.Tick(ctx, r.Connections[i], log)
		})
	}
	wait.Wait()
}
