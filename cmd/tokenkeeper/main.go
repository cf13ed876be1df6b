// Command tokenkeeper is the operator's command line.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func main() {
	root := &cobra.Command{
		Use:           "tokenkeeper",
		Short:         "Keep rotating OAuth tokens alive",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newDemoCommand(), newEmulateCommand(), newSimulateCommand())
	if err := root.ExecuteContext(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "tokenkeeper: %v\n", err)
		os.Exit(1)
	}
}
