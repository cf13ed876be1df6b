// Mutants breaks the rotation protocol on purpose, one breakage at a time, and
// runs the tests on each. A breakage that no test notices is a hole in the proof.
// `make mutants` runs all of them, `make mutants-quick` a few.
//
// A mutant is an entry of a list in this folder (list_*.go): a package, a text that
// occurs exactly once in its sources, and its replacement. The sources stay as they
// are: the compiler gets the changed file instead of the real one (go build
// -overlay). All else comes from its cache.
//
// The packages that a mutant changed are tested first, then the rest of the
// suite, until a test fails. A mutant whose text is gone, or that does not
// compile, is an error: adapt the list.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"sync"
	"time"
)

func main() {
	quick := flag.Bool("quick", false, "run only the mutants that are marked quick")
	only := flag.String("run", "", "run only the mutants whose name matches this regular `expression`")
	parallel := flag.Int("parallel", 2, "how many mutants to test at a time")
	flag.Parse()
	name, err := regexp.Compile(*only)
	if err != nil || flag.NArg() > 0 || *parallel < 1 {
		fmt.Fprintln(os.Stderr, "mutants: expected -run with a regular expression, -parallel of 1 or more, and no arguments")
		os.Exit(2)
	}
	chosen := slices.DeleteFunc(mutants(), func(m mutant) bool { return !name.MatchString(m.name) || *quick && !m.quick })
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, chosen, *parallel); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// run tests the mutants and prints what became of each. Its error says that not
// all were caught.
func run(ctx context.Context, out io.Writer, chosen []mutant, parallel int) error {
	if len(chosen) == 0 {
		return fmt.Errorf("no mutant is chosen")
	}
	s, err := newSuite(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	begun := time.Now()
	if by, err := s.firstFailure(ctx, s.packages, ""); err != nil {
		return err
	} else if by != "" {
		return fmt.Errorf("%s fails without any mutant: mend it first", by)
	}

	var mu sync.Mutex
	caught := 0
	slots := make(chan struct{}, parallel)
	var wait sync.WaitGroup
	for _, m := range chosen {
		if slots <- struct{}{}; ctx.Err() != nil {
			break
		}
		wait.Go(func() {
			defer func() { <-slots }()
			by, err := s.test(ctx, m)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case ctx.Err() != nil: // it says nothing about the tests
			case err != nil:
				fmt.Fprintf(out, "ERROR     %s: %v\n", m.name, err)
			case by == "":
				fmt.Fprintf(out, "SURVIVED  %-45s breaks %s: %s\n", m.name, m.breaks, m.why)
			default:
				caught++
				fmt.Fprintf(out, "caught    %-45s %-13s %s\n", m.name, m.breaks, by)
			}
		})
	}
	wait.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fmt.Fprintf(out, "%d of %d mutants caught in %s\n", caught, len(chosen), time.Since(begun).Round(time.Second))
	if caught < len(chosen) {
		return fmt.Errorf("%d of %d were not caught: add the test that is missing, or adapt the list", len(chosen)-caught, len(chosen))
	}
	return nil
}
