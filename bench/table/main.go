// Table prints what `go test -bench` prints as one table: a line for every
// benchmark, with its package, its time and its metrics. What else was printed,
// but for the packages without a benchmark, follows it.
//
//	go test -run '^$' -bench . -benchmem ./... | go run ./bench/table
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	if err := print(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

// result is one benchmark's line.
type result struct {
	pkg, name, runs string
	metrics         []string
}

// print reads the output of go test, and writes the table.
func print(in io.Reader, out io.Writer) error {
	var results []result
	var notes []string
	pkg := ""
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		line := lines.Text()
		if path, ok := strings.CutPrefix(line, "pkg: "); ok {
			pkg = path[strings.LastIndex(path, "/")+1:]
		} else if r, ok := parse(line); ok {
			r.pkg = pkg
			results = append(results, r)
		} else if !frame(line) {
			notes = append(notes, line)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "package\tbenchmark\truns\tresults")
	for _, r := range results {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.pkg, r.name, r.runs, strings.Join(r.metrics, ", "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(out, strings.Join(append(notes, ""), "\n"))
	return err
}

// parse reads a benchmark's line: its name, the runs, and pairs of value and unit.
func parse(line string) (r result, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
		return r, false
	}
	name := strings.TrimPrefix(fields[0], "Benchmark")
	if i := strings.LastIndex(name, "-"); i > 0 {
		name = name[:i] // the number of processors
	}
	r = result{name: name, runs: fields[1]}
	for i := 2; i+1 < len(fields); i += 2 {
		value, unit := fields[i], fields[i+1]
		if unit == "ns/op" {
			ns, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return r, false
			}
			value, unit = time.Duration(ns).String(), "each"
		}
		r.metrics = append(r.metrics, value+" "+unit)
	}
	return r, true
}

// frame reports whether a line is go test's own, about nothing that went wrong.
func frame(line string) bool {
	for _, prefix := range []string{"goos: ", "goarch: ", "cpu: ", "PASS", "ok  \t", "?   \t", "--- BENCH: "} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return strings.TrimSpace(line) == ""
}
