package main

import (
	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/demo"
)

func newDemoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show a consent, rotations, recoveries and a year's countdown on embedded parts",
		Long: `Shows the main job on embedded parts: an emulated Atlassian on a loopback
address, a store in memory, and a clock that runs through a year in seconds.
Nothing outside this process is touched.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo.Run(cmd.Context(), cmd.OutOrStdout())
		},
	}
}
