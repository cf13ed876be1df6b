package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/simulation"
)

// faultFlags are the flags of the simulate command that break things.
type faultFlags struct {
	runs       int
	seed       uint64
	faults     string
	mode       string
	semantics  string
	interval   time.Duration
	exhaustive int
	replay     string
	trace      bool
}

const faultHelp = `Runs the real refresher against an emulated Atlassian and store under virtual
time, while everything that can go wrong does: crashes, lost answers, stale reads,
throttling, pauses, wrong clocks, outages, denials, duplicate and concurrent ticks,
consents, psoxy, and people and programs that write older and damaged values. An
oracle that shares no code with the keeper judges each run. All counters must stay 0; the exit status is 1 if one does not, with a plan
that replays the run.`

func (f *faultFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&f.runs, "runs", 2000, "how many random runs")
	flags.Uint64Var(&f.seed, "seed", 1, "determines the runs")
	flags.StringVar(&f.faults, "faults", "heavy", "how much goes wrong: none (for two days or a month), light (in two days or a week), heavy (within some rotations)")
	flags.StringVar(&f.mode, "mode", "both", "who rotates: reader (psoxy only reads), shared (psoxy rotates too), both (half of the runs each)")
	flags.StringVar(&f.semantics, "store-semantics", "ssm", "how the store behaves: ssm (Parameter Store) or gcp (Secret Manager)")
	flags.DurationVar(&f.interval, "interval", simulation.DefaultInterval, "the time between two ticks of the schedule")
	flags.IntVar(&f.exhaustive, "exhaustive", 0, "instead of random runs, every fault (1) or every pair of faults (2) at every operation")
	flags.StringVar(&f.replay, "replay", "", `run one plan, such as "rotation seed=1 crash-after@12 consent@13"`)
	flags.BoolVar(&f.trace, "trace", false, "with --replay: print every operation")
}

// errBroken: a counter is not 0; the report says which.
var errBroken = errors.New("a promise was broken; see the report")

func (f *faultFlags) run(ctx context.Context, out io.Writer, asJSON bool) error {
	plans, total, err := f.plans(out)
	if err != nil {
		return errUsage{err}
	}
	begun := time.Now()
	s := simulation.Simulate(ctx, plans, runtime.GOMAXPROCS(0), progress(total, begun))
	if asJSON {
		err = printJSON(out, s)
	} else {
		err = printSummary(out, s, time.Since(begun))
	}
	switch {
	case err != nil:
		return err
	case s.Counters != (simulation.Counters{}):
		return errBroken
	}
	return ctx.Err() // the report is of the runs before an interruption
}

// plans are the runs that the flags ask for, and how many; 0 if that is not known.
func (f *faultFlags) plans(out io.Writer) (iter.Seq[simulation.Plan], int, error) {
	switch {
	case f.replay != "":
		p, err := simulation.ParsePlan(f.replay)
		if err != nil {
			return nil, 0, fmt.Errorf("--replay: %w", err)
		}
		if f.trace {
			p.Trace = func(line string) { fmt.Fprintln(out, line) }
		}
		return slices.Values([]simulation.Plan{p}), 1, nil
	case f.trace:
		return nil, 0, errors.New("--trace prints the operations of one run: name it by --replay")
	}
	return f.drawn()
}

// drawn are the random or exhaustive runs that the flags ask for.
func (f *faultFlags) drawn() (iter.Seq[simulation.Plan], int, error) {
	mode, err := simulation.ParseMode(f.mode)
	if err != nil {
		return nil, 0, fmt.Errorf("--mode: %w", err)
	}
	weight, err := simulation.ParseWeight(f.faults)
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("--faults: %w", err)
	case f.semantics != "ssm" && f.semantics != "gcp":
		return nil, 0, fmt.Errorf("--store-semantics is %q: expected ssm or gcp", f.semantics)
	case f.interval < time.Minute:
		return nil, 0, fmt.Errorf("--interval is %s: expected at least 1m", f.interval)
	case f.runs < 1:
		return nil, 0, fmt.Errorf("--runs is %d: expected at least 1", f.runs)
	}
	every := f.interval
	if every == simulation.DefaultInterval {
		every = 0
	}
	draw := simulation.Draw{Weight: weight, Mode: mode, Every: every, Google: f.semantics == "gcp"}
	if f.exhaustive != 0 {
		plans, err := simulation.Exhaustive(f.exhaustive, draw)
		if err != nil {
			return nil, 0, fmt.Errorf("--exhaustive: %w", err)
		}
		return plans, 0, nil
	}
	return simulation.Random(f.seed, f.runs, draw), f.runs, nil
}

// progress shows on a terminal how far a simulation is; elsewhere it is nil.
func progress(total int, begun time.Time) func(int) {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return nil
	}
	var shown time.Time
	return func(runs int) {
		if now := time.Now(); now.Sub(shown) > 200*time.Millisecond || runs == total {
			shown = now
			of := ""
			if total > 0 {
				of = fmt.Sprintf(" of %d", total)
			}
			end := ""
			if runs == total {
				end = "\n"
			}
			fmt.Fprintf(os.Stderr, "\r%d%s runs, %.0f/s   %s", runs, of, float64(runs)/now.Sub(begun).Seconds(), end)
		}
	}
}

func printSummary(out io.Writer, s simulation.Summary, took time.Duration) error {
	p := printer{w: out}
	p.line("%d runs, %.1f simulated years, %d rotations, %d operations in %s (%.0f operations a second)",
		s.Runs, s.SimulatedYears, s.Rotations, s.Operations, took.Round(time.Millisecond), float64(s.Operations)/took.Seconds())
	p.table("faults that struck", s.Faults)
	p.table("losses excused, by the excuse", s.UnavoidableLosses)
	for _, c := range s.Counters.List() {
		p.line("%-18s %d", c.Name, c.N)
	}
	for _, b := range s.Broken {
		p.line("run %d broke %v; replay it by\n  tokenkeeper simulate --trace --replay '%s'\nwhole: %s", b.Run, b.Counters, b.Minimised, b.Plan)
	}
	return p.err
}
