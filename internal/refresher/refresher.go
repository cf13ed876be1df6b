// Package refresher is one tick of the whole application: every connection is
// looked after, then the metrics go out, then the report is given.
package refresher

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/countdown"
	"github.com/tokenkeeper/tokenkeeper/internal/rotation"
)

// Refresher serves a fixed set of connections.
type Refresher struct {
	Keeper      *rotation.Keeper
	Connections []rotation.Connection
	Sink        countdown.Sink
	Now         func() time.Time
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

// Tick serves every connection, whatever becomes of the others, and publishes
// the metrics. Only then does it return an *Unhealthy, if a connection needs
// attention or the metrics could not be published.
func (r *Refresher) Tick(ctx context.Context, log *slog.Logger) (Report, error) {
	outcomes := make([]rotation.Outcome, len(r.Connections))
	slots := make(chan struct{}, max(1, r.Parallel))
	var wait sync.WaitGroup
	for i, c := range r.Connections {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			outcomes[i] = r.serve(ctx, c, log)
		})
	}
	wait.Wait()

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

// serve keeps a panic about one connection from the others. The panic's value
// is not shown: it could hold anything.
func (r *Refresher) serve(ctx context.Context, c rotation.Connection, log *slog.Logger) (out rotation.Outcome) {
	defer func() {
		if recover() != nil {
			out = rotation.Outcome{Connection: c.Name, Action: rotation.Failed, Reason: "tokenkeeper has a fault: it panicked; see the stack trace in the log"}
			log.Error("panic", "connection", c.Name, "stack", stack())
		}
	}()
	return r.Keeper.Tick(ctx, c, log)
}
