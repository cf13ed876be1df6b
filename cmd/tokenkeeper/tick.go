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

	"github.com/tokenkeeper/tokenkeeper/internal/consent/lambdaclient"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
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

// tickFlags are the flags of "tokenkeeper tick".
type tickFlags struct {
	connection connectionFlag
	stores     storeFlags
	hosts      atlassianFlags
	policies   policyFlags
	function   string
	asJSON     bool
}

// newTickCommand returns "tokenkeeper tick".
func newTickCommand() *cobra.Command {
	var f tickFlags
	cmd := &cobra.Command{
		Use:   "tick",
		Short: "Make a tick: rotate what is due",
		Long: `Makes one tick of a connection on a file store or in Google Cloud, as the deployed
function does every two minutes, for whoever runs without AWS. tokenkeeper run makes
them by itself; a timer of yours must come every two minutes, since what a crash
leaves behind is saved only within ten.

With --function the deployed refresher makes one, of all its connections. That is
always safe: a tick never presents a token that should not be presented.

It exits with 1 if somebody should look; tokenkeeper status says what to do then.`,
		Example: `  tokenkeeper tick --store file:./tokens --connection PSOXY_JIRA_CLOUD_
  tokenkeeper tick --function tokenkeeper-refresher`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.connection.register(cmd)
	f.stores.register(cmd)
	f.hosts.register(cmd)
	f.policies.register(cmd)
	cmd.Flags().StringVar(&f.function, "function", "", "have this deployed refresher (name or ARN) make it")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print the outcome as JSON, as docs/schema/tick.json describes it")
	return cmd
}

func (f *tickFlags) run(cmd *cobra.Command) error {
	if err := exclusive(cmd, [][2]string{
		{"function", "store"}, {"function", "connection"}, {"function", "key-id"}, {"function", "ledger-path"}, {"function", "auth-url"}, {"function", "api-url"},
		{"function", "access-token-format"}, {"function", "family-lifetime-days"},
	}); err != nil {
		return err
	}
	if f.function != "" {
		return f.invoke(cmd)
	}
	if f.stores.name == "ssm" {
		return errUsage{errors.New("expected --store file:DIR or gcp:PROJECT, or --function NAME: in AWS the deployed function makes the ticks, one at a time, and tokenkeeper tick --function tokenkeeper-refresher asks it for one")}
	}
	api, err := f.hosts.client()
	if err != nil {
		return err
	}
	st, seen, conn, err := openConnection(cmd.Context(), f.connection, &f.stores, f.policies)
	if err != nil {
		return err
	}
	f.hint(cmd, st, seen)
	log := slog.New(slog.DiscardHandler)
	if !f.asJSON {
		log = slog.New(withoutOutcome{slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})})
	}
	k := newKeeper(st, api)
	k.Introduce(f.stores.neighbours(cmd.Context(), st, f.connection.ledgerPath, log))
	return f.print(cmd, k.Tick(cmd.Context(), conn, log))
}

// neighbours are the connections of the store. What is a token of one of them is not presented
// for another.
func (f *storeFlags) neighbours(ctx context.Context, st store.Store, ledgerPath string, log *slog.Logger) (all []family.Connection) {
	known, err := f.connections(ctx, st)
	if err != nil {
		log.Warn("the store's connections cannot be listed: a token that was copied from another connection is not recognised", "error", err)
	}
	for _, name := range known {
		all = append(all, (&connectionFlag{name: name, ledgerPath: ledgerPath}).connection())
	}
	return all
}

// hint says that another connection may be meant.
func (f *tickFlags) hint(cmd *cobra.Command, st store.Store, seen health.Survey) {
	known, err := f.stores.connections(cmd.Context(), st)
	if err != nil || seen.Verdict().State != health.NotFound || len(known) == 0 {
		return
	}
	seen.Place, seen.Similar = f.stores.place().String(), health.Similar(f.connection.name, known)
	fmt.Fprintln(cmd.ErrOrStderr(), seen.Verdict().Line)
}

// invoke has the deployed function make a tick.
func (f *tickFlags) invoke(cmd *cobra.Command) error {
	ctx := cmd.Context()
	cfg, err := awsConfig(ctx)
	if err != nil {
		return err
	}
	client := lambdaclient.New(cfg, f.function)
	report, err := whileBusy(ctx, func() (fleet.Report, error) { return client.Tick(ctx) })
	if err != nil {
		return err
	}
	if f.asJSON {
		err = printJSON(cmd.OutOrStdout(), report)
		for _, o := range report.Connections {
			if !o.Action.Healthy() {
				err = errors.Join(err, errReported)
			}
		}
		return err
	}
	for _, o := range report.Connections {
		err = errors.Join(err, f.print(cmd, o))
	}
	return err
}

// print shows the outcomes of a tick. The error is errReported if a person should
// look.
func (f *tickFlags) print(cmd *cobra.Command, o keeper.Outcome) (err error) {
	if f.asJSON {
		err = printJSON(cmd.OutOrStdout(), o)
	} else {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s: %s\n", o.Connection, o.Action, o.Reason)
	}
	if err == nil && !o.Action.Healthy() {
		err = errReported
	}
	return err
}

// withoutOutcome is a log without the line in which a tick says how it ended: that
// is printed.
type withoutOutcome struct{ slog.Handler }

// Handle implements slog.Handler.
func (h withoutOutcome) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == keeper.OutcomeMessage {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h withoutOutcome) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withoutOutcome{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h withoutOutcome) WithGroup(name string) slog.Handler {
	return withoutOutcome{h.Handler.WithGroup(name)}
}
