package main

import (
	"github.com/spf13/cobra"
)

// newSimulateCommand returns "tokenkeeper simulate": runs with random, planned or
// all faults (faults.go), or a scenario of the deployed stack (scenario.go).
func newSimulateCommand() *cobra.Command {
	var faults faultFlags
	var scenario scenarioFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Simulate faults, or a scenario and whom the alarms would have told of it",
		Long:  faultHelp + "\n\n" + scenarioHelp,
		Example: `  tokenkeeper simulate --runs 200000 --faults heavy --seed 1 --json
  tokenkeeper simulate --exhaustive 2
  tokenkeeper simulate --trace --replay "rotation seed=1 crash-after@11"
  tokenkeeper simulate --scenario password-changed
  tokenkeeper simulate --scenarios`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := exclusive(cmd, simulateExclusive()); err != nil {
				return err
			}
			if scenario.requested() {
				return scenario.run(cmd.OutOrStdout(), asJSON)
			}
			return faults.run(cmd.Context(), cmd.OutOrStdout(), asJSON)
		},
	}
	faults.add(cmd)
	scenario.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}

// simulateExclusive are pairs of flags that exclude each other.
func simulateExclusive() [][2]string {
	pairs := [][2]string{
		{"replay", "runs"}, {"replay", "seed"}, {"replay", "faults"}, {"replay", "exhaustive"}, {"replay", "mode"}, {"replay", "store-semantics"}, {"replay", "interval"},
		{"exhaustive", "runs"}, {"exhaustive", "seed"}, {"exhaustive", "faults"},
		{"json", "table"}, {"json", "trace"},
	}
	for _, s := range []string{"scenario", "scenarios"} {
		for _, f := range []string{"runs", "seed", "faults", "mode", "store-semantics", "interval", "exhaustive", "replay", "trace"} {
			pairs = append(pairs, [2]string{f, s})
		}
	}
	return pairs
}
