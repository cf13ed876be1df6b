package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy/tfvars"
)

// registerTFVars adds the flag that hands the cloud id over to Terraform.
func registerTFVars(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "tfvars", "", "set the cloud id in this .tfvars file too, and keep the rest of it as it is")
}

// checkTFVars reports early that the file cannot be written into later.
func checkTFVars(path string) error {
	if path == "" {
		return nil
	}
	if err := tfvars.Check(path); err != nil {
		return fmt.Errorf("--tfvars: %w", err)
	}
	return nil
}

// handOver writes the values for psoxy's Terraform into the file at path.
func handOver(cmd *cobra.Command, path, cloudID, issue string) error {
	changed, err := tfvars.Update(path, tfvars.Values{CloudID: cloudID, ExampleIssue: issue})
	if err != nil {
		return fmt.Errorf("--tfvars: %w", err)
	}
	what := "has these values already"
	if changed {
		what = "is updated"
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "\n%s %s.\n", path, what)
	return err
}
