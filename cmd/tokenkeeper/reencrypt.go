package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/fleet/reencrypt"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// newReencryptCommand returns "tokenkeeper reencrypt".
func newReencryptCommand() *cobra.Command {
	var (
		connection connectionFlag
		stores     storeFlags
		asJSON     bool
	)
	cmd := &cobra.Command{
		Use:   "reencrypt",
		Short: "Write a connection's encrypted parameters again, under another key",
		Long: `Writes each encrypted parameter of a connection again, so that it is under the key
that --key-id names. No value changes, and nothing is asked of Atlassian. It may run
while ticks and consents do. It exits with 1 if a parameter is left under its key:
run it again then.

What is read needs the right to decrypt with the key before. Earlier versions of
parameters stay under that: keep it for a week.`,
		Example: `  tokenkeeper reencrypt --connection PSOXY_JIRA_CLOUD_ --key-id arn:aws:kms:eu-west-1:111122223333:key/KEY`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, ok := stores.directory(); ok {
				return errUsage{errors.New("reencrypt is about Parameter Store: a directory of files is not encrypted")}
			}
			if !cmd.Flags().Changed("key-id") {
				return errUsage{errors.New("--key-id is missing: expected the key that the parameters are to be under, such as the stack's output KeyArn, or alias/aws/ssm")}
			}
			if err := connection.check(); err != nil {
				return err
			}
			st, err := stores.open(cmd.Context())
			if err != nil {
				return err
			}
			log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
			if asJSON {
				log = slog.New(slog.DiscardHandler)
			}
			done, err := reencrypt.Connection(cmd.Context(), newKeeper(st, &atlassian.Client{}), connection.connection(), log)
			if printed := printReencrypted(cmd, done, stores.keyID, asJSON); printed != nil || err != nil {
				return errors.Join(err, printed)
			}
			for _, one := range done {
				if one.Left != "" {
					return errReported
				}
			}
			return nil
		},
	}
	connection.register(cmd)
	stores.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the parameters as JSON")
	return cmd
}

// printReencrypted shows what became of each parameter.
func printReencrypted(cmd *cobra.Command, done []reencrypt.Parameter, key string, asJSON bool) error {
	if asJSON {
		return printJSON(cmd.OutOrStdout(), done)
	}
	if len(done) == 0 {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), "there is no encrypted parameter")
		return err
	}
	for _, one := range done {
		what := "written again, under " + key
		if one.Left != "" {
			what = "left: " + one.Left
		}
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", one.Parameter, what); err != nil {
			return err
		}
	}
	return nil
}
