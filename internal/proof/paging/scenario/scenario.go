package scenario

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
)

// Scenario is one course of events.
type Scenario struct {
	// Name is what the command line calls it, Summary one line about it.
	Name, Summary string
	// Days is the default length.
	Days int
	// Cause says in a few words what goes wrong; empty if nothing does that
	// anybody should hear of.
	Cause string
	// CauseAt is when, from the start on.
	CauseAt time.Duration
	// Lasts is how long the cause lasts; 0 means to the end.
	Lasts time.Duration
	// Urgency of the first action that the cause calls for: "page" or "ticket".
	Urgency string
	// Live: the cause threatens a living family, so that a page must come while its
	// access token still works.
	Live bool
	// KnownBy says by what the cause can be known at the earliest.
	KnownBy string

	connections int
	format      psoxy.AccessFormat
	// unconsented: nobody has consented yet.
	unconsented bool
	// parameters of the template for this scenario; those of the Options go first.
	parameters map[string]string
	// earlier strikes at earlierAt, before the cause. It is of the same kind, and is
	// mended with it.
	earlier   func(*world) error
	earlierAt time.Duration
	// prepare, strike and mend may be nil.
	prepare, strike, mend func(*world) error
	// known is the earliest moment at which the cause can be known. It is asked
	// when the cause strikes, and must not look at the alarms.
	known func(*world) time.Time
	// explains names the metrics whose alarms the cause explains.
	explains []string
}

// Find returns the scenario of a name. The error lists the names there are.
func Find(name string) (Scenario, error) {
	var names []string
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Scenario{}, fmt.Errorf("there is no scenario %q: expected one of %s", name, strings.Join(names, ", "))
}

// Options change a run.
type Options struct {
	// Days to run; 0 is the scenario's own. What would come later does not.
	Days int
	// Shift moves the cause, within the cycle of rotations for example.
	Shift time.Duration
	// Parameters of the template that are not to have their defaults.
	Parameters map[string]string
	// LookBack is alarm.Evaluator's; nil is its default.
	LookBack func(n int) int
	// Observe sees what each tick reported, beside CloudWatch; nil is for nobody.
	Observe func(began, ended time.Time, outcomes []keeper.Outcome)
}

// MaxDays is the most days that a run may have: a year and what follows it.
const MaxDays = 400

// Run runs a scenario on a template. The error says what is wrong with the
// options or the template, or that the simulation itself failed.
func Run(template []byte, sc Scenario, o Options) (Result, error) {
	return run(sc, o, func(parameters map[string]string) (*stack, error) { return readStack(template, parameters) })
}

// run runs a scenario on what read deploys with parameters.
func run(sc Scenario, o Options, read func(parameters map[string]string) (*stack, error)) (Result, error) {
	days := sc.Days
	if o.Days != 0 {
		days = o.Days
	}
	sc.CauseAt += o.Shift
	if days < 1 || days > MaxDays {
		return Result{}, fmt.Errorf("scenario %s cannot run for %d days: expected 1 to %d", sc.Name, days, MaxDays)
	}
	parameters := maps.Clone(sc.parameters)
	if parameters == nil {
		parameters = map[string]string{}
	}
	maps.Copy(parameters, o.Parameters)
	s, err := read(parameters)
	if err != nil {
		return Result{}, err
	}
	w, err := newWorld(s, max(1, sc.connections), sc.format)
	if err != nil {
		return Result{}, err
	}
	if o.LookBack != nil {
		w.evaluator.LookBack = o.LookBack
	}
	w.observer = o.Observe
	w.countdown.spacing = time.Duration(days) * chartSpacing
	r := &Result{Scenario: sc.Name, Days: days}
	sc.plan(w, r)
	if err := w.run(start.Add(time.Duration(days) * 24 * time.Hour)); err != nil {
		return Result{}, fmt.Errorf("scenario %s: %w", sc.Name, err)
	}
	r.judge(w, sc)
	return *r, nil
}

// chartSpacing is the time between two samples of the countdown that are kept for a
// chart, for each day of a run.
const chartSpacing = time.Minute

// plan puts the scenario's events onto the agenda.
func (sc Scenario) plan(w *world, r *Result) {
	if !sc.unconsented {
		for i, c := range w.connections {
			// One tick after the other, so that not all rotate at once.
			w.at(start.Add(time.Duration(i)*w.every%betweenRotations), func() error { return w.consent(c) })
		}
	}
	if sc.prepare != nil {
		w.at(start, func() error { return sc.prepare(w) })
	}
	if sc.earlier != nil {
		w.at(start.Add(sc.earlierAt), func() error { return sc.earlier(w) })
	}
	if sc.Cause == "" && sc.strike == nil {
		return
	}
	cause := start.Add(sc.CauseAt)
	w.at(cause, func() error {
		if sc.Cause != "" {
			known := sc.known(w)
			r.Cause, r.CauseAt, r.KnownAt, r.KnownBy = sc.Cause, &cause, &known, sc.KnownBy
		}
		if sc.strike != nil {
			return sc.strike(w)
		}
		return nil
	})
	if sc.Lasts > 0 {
		w.at(cause.Add(sc.Lasts), func() error {
			w.mended = true
			if sc.mend != nil {
				return sc.mend(w)
			}
			return nil
		})
	}
}

// betweenRotations is about the time between two rotations at the default settings.
const betweenRotations = 35 * time.Minute
