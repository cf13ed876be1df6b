package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// newWhereCommand returns "tokenkeeper where".
func newWhereCommand() *cobra.Command {
	var asJSON, onlyRegion bool
	cmd := &cobra.Command{
		Use:   "where",
		Short: "Show which AWS account and region every command works in",
		Long: `Shows the account that the credentials belong to, and the region, with what decided
it: AWS_REGION, then AWS_DEFAULT_REGION, then the profile of AWS_PROFILE. This rule
holds for every command and for make deploy, which asks here before it creates
anything.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := exclusive(cmd, [][2]string{{"json", "region"}}); err != nil {
				return err
			}
			cfg, err := awsConfig(cmd.Context())
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if onlyRegion {
				_, err = fmt.Fprintln(out, cfg.Region)
				return err
			}
			p, _, err := awsPlace(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(out, p)
			}
			w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
			fmt.Fprintf(w, "account\t%s, as %s\n", p.Account, p.As)
			fmt.Fprintf(w, "region\t%s, %s\n", p.Region, p.RegionFrom)
			if p.Differs != "" {
				fmt.Fprintf(w, "note\t%s\n", p.Differs)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON, as docs/schema/where.json describes it")
	cmd.Flags().BoolVar(&onlyRegion, "region", false, "print the region alone, and do not ask for the account")
	return cmd
}
