package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// newKeeper returns a keeper for this process.
func newKeeper(st store.Store, api *atlassian.Client) *keeper.Keeper {
	return keeper.New(keeper.Config{Store: st, Token: api, Sites: api, Now: time.Now, Sleep: pause, Process: "cli-" + rand.Text()[:12]})
}

// pause waits, and returns early when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// newTickCommand returns "tokenkeeper tick".
func newTickCommand() *cobra.Command {
	var (
		connection connectionFlag
		stores     storeFlags
		hosts      atlassianFlags
		policies   policyFlags
		asJSON     bool
	)
	cmd := &cobra.Command{
		Use:   "tick",
		Short: "Keep a connection of a file store alive: rotate if it is due",
		Long: `Makes one tick, as the deployed function does every five minutes, for whoever runs
without AWS. Let it run every five minutes: what a crash leaves behind is saved
only within ten. It exits with 1 if somebody should look.`,
		Example: `  tokenkeeper tick --store file:./tokens --connection PSOXY_JIRA_CLOUD_`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, ok := stores.directory(); !ok {
				return errUsage{errors.New("tick serves a file store: expected --store file:DIR. In AWS the deployed function makes the ticks, one at a time; `aws lambda invoke` asks it for one")}
			}
			api, err := hosts.client()
			if err != nil {
				return err
			}
			st, _, conn, err := openConnection(cmd.Context(), connection, stores, policies)
			if err != nil {
				return err
			}
			log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
			if asJSON {
				log = slog.New(slog.DiscardHandler)
			}
			out := newKeeper(st, api).Tick(cmd.Context(), conn, log)
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), out)
			} else {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s: %s\n", out.Connection, out.Action, out.Reason)
			}
			if err == nil && !out.Action.Healthy() {
				err = errReported
			}
			return err
		},
	}
	connection.register(cmd)
	stores.register(cmd)
	hosts.register(cmd)
	policies.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the outcome as JSON")
	return cmd
}
