package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// suite runs the tests that have to notice a mutant.
type suite struct {
	// root is the module's, tmp a folder for the changed files.
	root, tmp string
	// packages in the order in which they are run: the quickest that tells most first.
	packages []string
}

// The end-to-end tests are not among them: what only they could notice, a unit
// test has to notice sooner.
var packages = []string{"./internal/family", "./internal/ledger", "./internal/keeper", plans, "./internal/fleet", "./internal/metrics", "./internal/proof/simulation"}

// plans are the simulated runs. Only those are tried that once broke the code: the
// random ones take minutes.
const plans = "./internal/proof/promises"

// timeout of one package's tests, which take a minute on two idle cores. An endless
// loop counts as noticed.
const timeout = "10m"

func newSuite(ctx context.Context) (*suite, error) {
	gomod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOMOD: %w", err)
	}
	tmp, err := os.MkdirTemp("", "mutants-*")
	if err != nil {
		return nil, err
	}
	return &suite{root: filepath.Dir(strings.TrimSpace(string(gomod))), tmp: tmp, packages: packages}, nil
}

func (s *suite) close() { _ = os.RemoveAll(s.tmp) }

// test returns the test that notices the mutant, or "".
func (s *suite) test(ctx context.Context, m mutant) (by string, err error) {
	dir := filepath.Join(s.tmp, m.name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	overlay, err := m.overlay(s.root, dir)
	if err != nil {
		return "", err
	}
	order := m.packages()
	for _, p := range s.packages {
		if !slices.Contains(order, p) {
			order = append(order, p)
		}
	}
	return s.firstFailure(ctx, order, overlay)
}

// firstFailure runs the packages' tests, one after the other, until one fails.
func (s *suite) firstFailure(ctx context.Context, packages []string, overlay string) (by string, err error) {
	for _, p := range packages {
		args := []string{"test", "-json", "-failfast", "-vet=off", "-ldflags=-s -w", "-timeout", timeout} // linking is half of the work
		if p == plans {
			args = append(args, "-run", "^TestPlansThatOnceBroke$")
		}
		if overlay != "" {
			args = append(args, "-overlay", overlay)
		}
		cmd := exec.CommandContext(ctx, "go", append(args, p)...)
		cmd.Dir = s.root
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		var failed *exec.ExitError
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case err != nil && !errors.As(err, &failed):
			return "", err
		case err != nil:
			name, err := failure(out)
			if err != nil {
				return "", fmt.Errorf("%s: %w\n%s", p, err, stderr.String())
			}
			return path.Base(p) + "." + name, nil
		}
	}
	return "", nil
}

// failure finds the first failed test in the output of `go test -json`. A build
// that failed is an error: it says nothing about the tests.
func failure(output []byte) (test string, err error) {
	var said strings.Builder
	last := ""
	for dec := json.NewDecoder(bytes.NewReader(output)); ; {
		var e struct{ Action, Test, Output, FailedBuild string }
		if err := dec.Decode(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return "", fmt.Errorf("reading what go test printed: %w", err)
		}
		said.WriteString(e.Output)
		switch {
		case e.Action == "build-fail" || e.FailedBuild != "":
			return "", fmt.Errorf("it does not compile:\n%s", said.String())
		case e.Action == "fail" && e.Test != "":
			return e.Test, nil
		case e.Action == "run":
			last = e.Test
		}
	}
	for _, end := range []string{"\nfatal error: ", "\npanic: test timed out"} { // then the process ends without a word
		if strings.Contains(said.String(), end) {
			return last, nil
		}
	}
	return "", fmt.Errorf("the tests failed, and none of them by name:\n%s", said.String())
}
