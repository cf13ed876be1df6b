package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
)

// statusFlags are the flags of "tokenkeeper status".
type statusFlags struct {
	connection    connectionFlag
	stores        storeFlags
	policies      policyFlags
	refreshBefore time.Duration
	warning       float64
	stack         string
	function      string
	asJSON        bool
	watch         bool
	every         time.Duration
	// one: the person asks about one connection.
	one bool
	// note is what the person has to know about the question; empty if nothing.
	note string
}

// newStatusCommand returns "tokenkeeper status".
func newStatusCommand() *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say whether all is well, until when, and who must do what",
		Long: `Says in its first line whether all is well, until when, and what to do next. With
--connection what is known about that one follows, and what the next tick would
do; without it a table of every connection of the store. It reads, changes nothing
and asks nobody else.

With --function the deployed function is asked, refresher or bootstrap: you then
need the permission to invoke it, and none on the parameters.

The exit code is 0 where nobody needs to act, 1 where a person should look, and 2
where consumers fail now or only a consent helps.`,
		Example: `  tokenkeeper status
  tokenkeeper status --connection PSOXY_JIRA_CLOUD_
  tokenkeeper status --function tokenkeeper-refresher --watch`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.connection.register(cmd)
	f.stores.register(cmd)
	f.policies.registerLifetime(cmd)
	fl := cmd.Flags()
	fl.DurationVar(&f.refreshBefore, "refresh-before", durationOf(os.Getenv("REFRESH_BEFORE"), family.DefaultPolicy().RefreshBefore), "what RefreshBefore is for the stack: with less left, a tick rotates; also REFRESH_BEFORE")
	fl.Float64Var(&f.warning, "warning-days", firstWarning, "a consent is due when a family has fewer days left")
	fl.StringVar(&f.stack, "stack", defaultStack, "the deployed stack that the commands to run next are about")
	fl.StringVar(&f.function, "function", "", "ask this deployed function (name or ARN) instead of reading the parameters")
	fl.BoolVar(&f.asJSON, "json", false, "print the status as JSON, as docs/schema/status.json describes it")
	fl.BoolVar(&f.watch, "watch", false, "look again and again, until Ctrl-C")
	fl.DurationVar(&f.every, "every", watchEvery, "with --watch: how often to look")
	return cmd
}

const (
	// firstWarning and lastWarning are the stack's defaults, in days.
	firstWarning = 60
	lastWarning  = 1
	// defaultStack is the name that make deploy gives a stack.
	defaultStack = "tokenkeeper"
	// watchEvery is how often --watch looks, where nothing else is said.
	watchEvery = 10 * time.Second
)

// durationOf reads a duration, or takes def.
func durationOf(text string, def time.Duration) time.Duration {
	if d, err := time.ParseDuration(text); err == nil {
		return d
	}
	return def
}

// check checks the flags.
func (f *statusFlags) check(cmd *cobra.Command) error {
	f.one = cmd.Flags().Changed("connection")
	if err := exclusive(cmd, [][2]string{
		{"function", "store"}, {"function", "key-id"}, {"function", "ledger-path"}, {"function", "refresh-before"},
		{"function", "warning-days"}, {"function", "family-lifetime-days"}, {"watch", "json"},
	}); err != nil {
		return err
	}
	if !(f.warning >= 0 && f.warning <= 3650) {
		return errUsage{fmt.Errorf("--warning-days is %v: expected 0 to 3650", f.warning)}
	}
	if f.refreshBefore < 0 || f.refreshBefore > time.Hour {
		return errUsage{fmt.Errorf("--refresh-before is %s: expected a duration of up to 1h, such as 25m", f.refreshBefore)}
	}
	if f.every < time.Second || f.every > time.Hour {
		return errUsage{fmt.Errorf("--every is %s: expected a duration from 1s to 1h", f.every)}
	}
	if cmd.Flags().Changed("every") && !f.watch {
		return errUsage{errors.New("--every goes with --watch")}
	}
	return f.connection.check()
}

// run asks and prints, once or until it is interrupted.
func (f *statusFlags) run(cmd *cobra.Command) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	ask, err := f.asker(cmd.Context())
	if err != nil {
		return err
	}
	if f.watch {
		return f.watching(cmd, ask)
	}
	reports, at, err := ask(cmd.Context())
	if err != nil {
		return err
	}
	if f.note != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), f.note)
	}
	if f.asJSON {
		err = printJSON(cmd.OutOrStdout(), f.document(reports, at))
	} else {
		_, err = cmd.OutOrStdout().Write(f.screen(reports, at, styleOf(cmd.OutOrStdout())))
	}
	return errors.Join(err, exitWith(worst(reports).Level))
}

// asker says how the connections are, and where.
type asker func(context.Context) ([]health.Report, place, error)

func (f *statusFlags) asker(ctx context.Context) (asker, error) {
	if f.function != "" {
		return f.askFunction(ctx)
	}
	policy, err := f.policies.policy()
	if err != nil {
		return nil, err
	}
	policy.RefreshBefore = f.refreshBefore
	st, err := f.stores.open(ctx)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) ([]health.Report, place, error) {
		return f.askStore(ctx, st, policy)
	}, nil
}

// exitWith is nil for a level at which nobody needs to act. For the others it is an
// error that ends the program with the exit code of the level.
func exitWith(l health.Level) error {
	if l == health.Fine {
		return nil
	}
	return exitCode(l)
}
