package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/chart"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/scenario"
)

// scenarioHelp describes the scenarios' part of the simulate command.
const scenarioHelp = `With --scenario it runs the deployed stack through a scenario under virtual time:
the real tick, on the template's schedule, against an emulated Atlassian, and the
alarms of template.yaml evaluated as CloudWatch does. Prints every ticket and page
with its time. Nothing outside this process is touched; the charts go to --out.`

// scenarioFlags are the flags of the simulate command that choose a scenario.
type scenarioFlags struct {
	days          int
	scenario, out string
	list, table   bool
}

func (f *scenarioFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.scenario, "scenario", "", "the scenario to run, or all; see --scenarios")
	flags.IntVar(&f.days, "days", 0, fmt.Sprintf("days to simulate, up to %d (default: the scenario's own)", scenario.MaxDays))
	flags.BoolVar(&f.list, "scenarios", false, "list the scenarios")
	flags.StringVar(&f.out, "out", "", "directory for countdown.svg and countdown.png; it is made if need be")
	flags.BoolVar(&f.table, "table", false, "print the results as a Markdown table")
}

// requested reports whether a scenario, or the list of them, was asked for.
func (f *scenarioFlags) requested() bool {
	return f.list || f.scenario != "" || f.days != 0 || f.out != "" || f.table
}

// selected returns the scenarios that the flags name, or a usage error.
func (f *scenarioFlags) selected() ([]scenario.Scenario, error) {
	switch {
	case f.scenario == "":
		return nil, errUsage{errors.New("--days, --out and --table are for a scenario: name one by --scenario, or list them by --scenarios")}
	case f.scenario == "all" && (f.out != "" || f.days != 0):
		return nil, errUsage{errors.New("--out and --days are for one scenario: name it by --scenario")}
	case f.days < 0 || f.days > scenario.MaxDays:
		return nil, errUsage{fmt.Errorf("--days is %d: expected 1 to %d", f.days, scenario.MaxDays)}
	case f.scenario == "all":
		return scenario.All(), nil
	}
	sc, err := scenario.Find(f.scenario)
	if err != nil {
		return nil, errUsage{fmt.Errorf("--scenario: %w", err)}
	}
	return []scenario.Scenario{sc}, nil
}

// run runs what the flags ask for.
func (f *scenarioFlags) run(out io.Writer, asJSON bool) error {
	if f.list {
		for _, sc := range scenario.All() {
			fmt.Fprintf(out, "%-29s %3d days  %s\n", sc.Name, sc.Days, sc.Summary)
		}
		return nil
	}
	selected, err := f.selected()
	if err != nil {
		return err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // short-lived garbage, and lots of memory for it
	var results []scenario.Result
	for _, sc := range selected {
		r, err := scenario.Run(tokenkeeper.Template, sc, scenario.Options{Days: f.days})
		if err != nil {
			return err
		}
		if f.out != "" {
			if err := chart.Write(f.out, r); err != nil {
				return fmt.Errorf("--out: %w", err)
			}
		}
		results = append(results, r)
		switch {
		case asJSON:
			if err := json.NewEncoder(out).Encode(r); err != nil {
				return err
			}
		case !f.table:
			scenario.Timeline(out, sc, r)
		}
	}
	if f.table {
		scenario.Table(out, results)
	}
	return nil
}
