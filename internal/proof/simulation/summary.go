package simulation

import (
	"context"
	"iter"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// Summary adds up many runs. It does not depend on the order in which they ran.
type Summary struct {
	Runs           int     `json:"runs"`
	SimulatedYears float64 `json:"simulated_years"`
	Rotations      int     `json:"rotations"`
	Operations     int     `json:"operations"`
	// Faults are those that struck, by kind.
	Faults map[string]int `json:"faults"`
	// UnavoidableLosses are families that could not have been kept, by reason.
	UnavoidableLosses map[string]int `json:"unavoidable_losses"`
	Counters
	// Broken are runs in which a counter is not 0: the first few, minimised.
	Broken []BrokenRun `json:"broken,omitempty"`

	seconds int64 // simulated: a Duration holds no more than 292 years
	failed  []numbered
}

// BrokenRun is a run in which the protocol broke a promise.
type BrokenRun struct {
	// Run is its number, from 0, and Counters are the names of those not 0.
	Run      int      `json:"run"`
	Counters []string `json:"counters"`
	// Plan replays it; Minimised is a simpler plan that breaks the same.
	Plan      string `json:"plan"`
	Minimised string `json:"minimised"`
}

// shownBroken is how many broken runs are minimised and shown.
const shownBroken = 5

type numbered struct {
	n    int
	plan Plan
}

// Random yields the plans of a simulation: runs of them, from a seed.
func Random(seed uint64, runs int, d Draw) iter.Seq[Plan] {
	return func(yield func(Plan) bool) {
		for i := range runs {
			if !yield(NewPlan(RunSeed(seed, i), d)) {
				return
			}
		}
	}
}

// rareGC is the garbage collector's percentage during a simulation: runs keep
// little and drop much, so that the heap stays below a hundred megabytes or so.
const rareGC = 800

// Simulate carries out plans on the given number of workers and adds them up. It
// stops early, with what it has, when ctx ends. progress, if set, is called after
// every batch of runs with their number so far.
func Simulate(ctx context.Context, plans iter.Seq[Plan], workers int, progress func(runs int)) Summary {
	const batch = 64
	work := make(chan []numbered, workers)
	go func() {
		defer close(work)
		var next []numbered
		n := 0
		for p := range plans {
			if next = append(next, numbered{n, p}); len(next) == batch {
				select {
				case work <- next:
				case <-ctx.Done():
					return
				}
				next = nil
			}
			n++
		}
		work <- next
	}()
	defer debug.SetGCPercent(debug.SetGCPercent(rareGC))
	total := Summary{Faults: map[string]int{}, UnavoidableLosses: map[string]int{}}
	var mu sync.Mutex
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for plans := range work {
				part := Summary{Faults: map[string]int{}, UnavoidableLosses: map[string]int{}}
				for _, p := range plans {
					part.count(p, Run(p.plan))
				}
				mu.Lock()
				total.add(part)
				if progress != nil {
					progress(total.Runs)
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	return total.finish()
}

func (s *Summary) count(p numbered, r Result) {
	s.Runs++
	s.Rotations += r.Rotations
	s.Operations += r.Operations
	s.seconds += int64(r.Simulated / time.Second)
	s.Counters.Add(r.Counters)
	for k, n := range r.Struck {
		if n > 0 {
			s.Faults[Kind(k).String()] += n
		}
	}
	for reason, n := range r.Losses {
		s.UnavoidableLosses[reason] += n
	}
	if r.Counters != (Counters{}) {
		s.failed = append(s.failed, p)
	}
}

func (s *Summary) add(t Summary) {
	s.Runs += t.Runs
	s.Rotations += t.Rotations
	s.Operations += t.Operations
	s.seconds += t.seconds
	s.Counters.Add(t.Counters)
	for k, n := range t.Faults {
		s.Faults[k] += n
	}
	for reason, n := range t.UnavoidableLosses {
		s.UnavoidableLosses[reason] += n
	}
	s.failed = append(s.failed, t.failed...)
}

func (s Summary) finish() Summary {
	const year = 365 * 24 * time.Hour
	s.SimulatedYears = float64(s.seconds) / year.Seconds()
	slices.SortFunc(s.failed, func(a, b numbered) int { return a.n - b.n })
	for _, f := range s.failed[:min(len(s.failed), shownBroken)] {
		s.Broken = append(s.Broken, BrokenRun{Run: f.n, Counters: Run(f.plan).Counters.Broken(),
			Plan: f.plan.String(), Minimised: Minimise(f.plan).String()})
	}
	return s
}
