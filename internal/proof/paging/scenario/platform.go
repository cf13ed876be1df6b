package scenario

import (
	"errors"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
)

// How long a sample takes from its publication until an alarm sees it. AWS does
// not document it; these are long.
const (
	ownIngestion = 30 * time.Second
	awsIngestion = 2 * time.Minute
)

// Lambda's waits before the second and the third attempt of an asynchronous
// invocation (docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
var retryWaits = []time.Duration{time.Minute, 2 * time.Minute}

// queueActive is how long after its last message a queue still publishes
// metrics (Amazon SQS Developer Guide, "Available CloudWatch metrics").
const queueActive = 6 * time.Hour

// platform is what AWS does around the function.
type platform struct {
	// ticks counts the scheduled ticks, invocations all attempts.
	ticks, invocations, boots int
	scheduleDeleted           bool
	deadLetters               int
	// running: the function does. encounters counts psoxy's rotations that ended
	// meanwhile.
	running    bool
	encounters int
	// mended: a person waits for the first tick that succeeds, and then empties
	// the dead-letter queue, as the runbook says.
	mended     bool
	queueUntil time.Time
	// evaluated is the minute up to which alarms are evaluated.
	evaluated     time.Time
	notifications []notification
}

// run lets the world go on until a moment.
func (w *world) run(until time.Time) error {
	// The deployment waits for the first tick before it creates the alarms, which
	// are first evaluated a minute later.
	w.evaluated = start.Truncate(time.Minute).Add(time.Minute)
	w.scheduleTick(0)
	for next, due := w.next(until); due; next, due = w.next(until) {
		w.evaluateUntil(next.at)
		// What is due while the function runs comes when it has ended.
		if next.at.After(w.clock.Now()) {
			w.clock.Set(next.at)
		}
		if err := errors.Join(next.do(), w.failure); err != nil {
			return err
		}
	}
	w.evaluateUntil(until)
	w.clock.Set(until)
	return nil
}

func (w *world) scheduleTick(k int) {
	w.at(w.tickAt(k), func() error {
		w.scheduleTick(k + 1)
		if !w.scheduleDeleted {
			w.ticks++
			w.attempt(w.tickAt(k), 0)
		}
		return nil
	})
}

// attempt invokes the function for an event, asynchronously as the schedule does.
// An event that had to wait too long, because the only execution was busy, is not
// served any more.
func (w *world) attempt(event time.Time, retry int) {
	began := w.clock.Now()
	if began.Sub(event) > w.retryAge {
		w.deadLetters++
		return
	}
	w.invocations++
	ok := w.invoke()
	if w.google {
		if !ok {
			w.evaluator.Samples().Put(alarm.Metric{Namespace: googleRuns, Name: failedRuns}, w.clock.Now(), 1, w.clock.Now().Add(awsIngestion))
		}
		return
	}
	w.publishAWS("AWS/Lambda", "FunctionName", w.function, "Invocations", began, 1)
	if ok {
		if w.mended {
			w.mended, w.deadLetters = false, 0
		}
		w.publishAWS("AWS/Lambda", "FunctionName", w.function, "Errors", began, 0)
		return
	}
	w.publishAWS("AWS/Lambda", "FunctionName", w.function, "Errors", began, 1)
	if retry < w.retries && retry < len(retryWaits) {
		again := w.clock.Now().Add(retryWaits[retry])
		if again.Sub(event) <= w.retryAge {
			w.at(again, func() error { w.attempt(event, retry+1); return nil })
			return
		}
	}
	w.deadLetters++
}

// publishAWS stores a sample of one of AWS's own metrics.
func (w *world) publishAWS(namespace, dimension, resource, name string, at time.Time, value float64) {
	m := alarm.Metric{Namespace: namespace, Name: name, Dimensions: alarm.DimensionsOf(map[string]string{dimension: resource})}
	w.evaluator.Samples().Put(m, at, value, at.Add(awsIngestion))
}

// evaluateUntil evaluates the alarms at every full minute up to t.
func (w *world) evaluateUntil(t time.Time) {
	for next := w.evaluated.Add(time.Minute); !next.After(t); next = next.Add(time.Minute) {
		if w.deadLetters > 0 && !w.google {
			w.queueUntil = next.Add(queueActive)
		}
		if next.Before(w.queueUntil) {
			w.publishAWS("AWS/SQS", "QueueName", w.queue, "ApproximateNumberOfMessagesVisible", next, float64(w.deadLetters))
		}
		for _, c := range w.evaluator.Evaluate(next) {
			w.observe(c)
		}
		w.evaluated = next
	}
}
