package scenario

import (
	"container/heap"
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
	agenda agenda
	// ticks counts the scheduled ticks, invocations all attempts.
	ticks, invocations, boots, orders int
	scheduleDeleted                   bool
	deadLetters                       int
	// running: the function does. encounters counts psoxy's rotations that ended
	// meanwhile.
	running    bool
	encounters int
	// mended: a person waits for the first tick that succeeds, and then empties
	// the dead-letter queue, as the runbook says.
	mended bool
	// failure is of what others did while the function waited.
	failure    error
	queueUntil time.Time
	// evaluated is the minute up to which alarms are evaluated.
	evaluated     time.Time
	notifications []notification
}

// entry of the agenda; entries of one moment keep the order they were made in.
type entry struct {
	at    time.Time
	order int
	do    func() error
	// beside: it happens also while the function waits.
	beside bool
}

type agenda []entry

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (a agenda) Len() int { return len(a) }

// Less orders by time.
func (a agenda) Less(i, j int) bool {
	if a[i].at.Equal(a[j].at) {
		return a[i].order < a[j].order
	}
	return a[i].at.Before(a[j].at)
}

// Swap exchanges two entries.
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push appends an entry.
func (a *agenda) Push(e any) { *a = append(*a, e.(entry)) }

// Pop removes the last entry.
func (a *agenda) Pop() any {
	last := len(*a) - 1
	e := (*a)[last]
	*a = (*a)[:last]
	return e
}

// at puts something on the agenda.
func (w *world) at(t time.Time, do func() error) {
	w.orders++
	heap.Push(&w.agenda, entry{at: t, order: w.orders, do: do})
}

// beside puts on the agenda what others do, whether the function runs or not.
func (w *world) beside(t time.Time, do func() error) {
	w.orders++
	heap.Push(&w.agenda, entry{at: t, order: w.orders, do: do, beside: true})
}

// wait lets time pass for the function; others go on meanwhile.
func (w *world) wait(d time.Duration) error {
	until := w.clock.Now().Add(d)
	for {
		first := -1
		for i, e := range w.agenda {
			if e.beside && !e.at.After(until) && (first < 0 || w.agenda.Less(i, first)) {
				first = i
			}
		}
		if first < 0 {
			break
		}
		e := heap.Remove(&w.agenda, first).(entry)
		if e.at.After(w.clock.Now()) {
			w.clock.Set(e.at)
		}
		if err := e.do(); err != nil {
			return err
		}
	}
	w.clock.Set(until)
	return nil
}

// planned is when the schedule's k-th tick is due. The first comes at once.
func (w *world) planned(k int) time.Time {
	return start.Truncate(time.Minute).Add(time.Duration(k) * w.every)
}

// tickAt is when tick k comes. The schedule is precise to the minute (EventBridge
// Scheduler User Guide, "Schedule types"); the second within it is drawn from k
// and always the same.
func (w *world) tickAt(k int) time.Time {
	x := (uint64(k) + 1) * 0x9e3779b97f4a7c15
	x ^= x >> 29
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 32
	if k == 0 {
		return start.Add(5 * time.Second)
	}
	return w.planned(k).Add(time.Duration(x%60) * time.Second)
}

// run lets the world go on until a moment.
func (w *world) run(until time.Time) error {
	// The deployment waits for the first tick before it creates the alarms, which
	// are first evaluated a minute later.
	w.evaluated = start.Truncate(time.Minute).Add(time.Minute)
	w.scheduleTick(0)
	for len(w.agenda) > 0 && w.agenda[0].at.Before(until) {
		next := heap.Pop(&w.agenda).(entry)
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
