package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/authorize/terminal"
	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/gcpstore"
)

// doctorFlags are the flags of "tokenkeeper doctor".
type doctorFlags struct {
	statusFlags
	// location is the region of deploy/gcp.
	location string
}

// newDoctorCommand returns "tokenkeeper doctor".
func newDoctorCommand() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look at everything around the tokens, and say what to do",
		Long: `Looks at credentials, account, region and clock; at the deployed stack, its function,
schedule, last tick, key, topics, alarms and runbook; and at each connection, its
parameters, the form that consumers read, and where a consent comes back to. Each
line is ok, warn or fail, and says what to do. It reads and changes nothing; what
may not be read is a warning that names the permission.

On Google Cloud it looks at credentials, the project, the service, who may call it, its
schedule, last heartbeat and alert policies, and each connection and its secrets:
permissions, psoxy's label, expiry, old versions. --stack is the variable name of
deploy/gcp there. On a file store it looks at the connections. The exit code is 0 where all is ok, 1
with a warning, and 2 with a failure.`,
		Example: `  tokenkeeper doctor
  tokenkeeper doctor --stack tokenkeeper-prod --json
  tokenkeeper doctor --store gcp:my-project --connection psoxy_JIRA_CLOUD_
  tokenkeeper doctor --store file:./tokens`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.connection.register(cmd)
	f.stores.register(cmd)
	cmd.Flags().StringVar(&f.stack, "stack", defaultStack, "the deployed stack; on Google Cloud the variable name of deploy/gcp")
	cmd.Flags().StringVar(&f.location, "location", "", "on Google Cloud, the region of deploy/gcp; default: the one that the heartbeats name")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print the checks as JSON, as docs/schema/doctor.json describes it")
	return cmd
}

// diagnosis is the JSON of doctor.
type diagnosis struct {
	// Result is the worst of all.
	Result result  `json:"result"`
	Place  place   `json:"place"`
	Checks []check `json:"checks"`
}

func (f *doctorFlags) run(cmd *cobra.Command) error {
	f.one = cmd.Flags().Changed("connection")
	f.warning, f.refreshBefore = firstWarning, family.DefaultPolicy().RefreshBefore
	f.policies = policyFlags{lifetimeDays: defaultLifetimeDays}
	if err := f.connection.check(); err != nil {
		return err
	}
	found, err := f.find(cmd.Context())
	if err != nil {
		return err
	}
	d := diagnosis{resultOK, found.place, found.examine()}
	level := health.Fine
	for _, c := range d.Checks {
		switch {
		case c.Result == resultFail:
			d.Result, level = resultFail, health.Broken
		case c.Result == resultWarn && level == health.Fine:
			d.Result, level = resultWarn, health.Attention
		}
	}
	if f.asJSON {
		err = printJSON(cmd.OutOrStdout(), d)
	} else {
		p := printer{w: cmd.OutOrStdout()}
		s := styleOf(cmd.OutOrStdout())
		for _, c := range d.Checks {
			p.line("%s  %s: %s", s.result(c.Result), terminal.Printable(c.Name), terminal.Printable(c.Says))
			if c.Do != "" && !strings.Contains(c.Says, c.Do) {
				p.line("      do: %s", terminal.Printable(c.Do))
			}
		}
		err = p.err
	}
	return errors.Join(err, exitWith(level))
}

// result shows how a check ended, in a column.
func (s style) result(r result) string {
	level := map[result]health.Level{resultOK: health.Fine, resultWarn: health.Attention, resultFail: health.Broken}[r]
	return s.level(level, fmt.Sprintf("%-4s", r))
}

// find gathers the facts.
func (f *doctorFlags) find(ctx context.Context) (facts, error) {
	out := facts{now: time.Now(), own: config.Version()}
	st, err := f.stores.open(ctx)
	if err != nil {
		return out, err
	}
	out.place = f.stores.place()
	if f.stores.name == "ssm" {
		if out.place, out.ahead, err = awsPlace(ctx, f.stores.aws); err != nil {
			return out, err
		}
		out.stack = lookAtStack(ctx, f.stores.aws, f.stack, out.now)
		f.settle(out.stack.parameters)
	}
	if _, ok := f.stores.google(); ok {
		out.google = f.stores.lookAtProject(ctx, st, f.stack, f.location, out.now)
		out.place.As = out.google.as
	}
	names, err := f.names(ctx, st, out.stack, out.google)
	if err != nil {
		return out, err
	}
	policy, err := f.policies.policy()
	if err != nil {
		return out, err
	}
	policy.RefreshBefore = f.refreshBefore
	for _, name := range names {
		c := f.connection
		c.name = name
		conn := c.connection()
		conn.Policy = policy
		if out.google != nil && !gcpstore.ProjectRefused(out.google.project) {
			out.google.lookAtSecrets(ctx, st, name)
			if out.google.deployed != nil {
				out.google.deployed.connections = append(out.google.deployed.connections, name)
			}
		}
		seen, _, err := f.stores.look(ctx, st, conn)
		if err != nil {
			out.unseen = append(out.unseen, health.Unseen(name, err, f.commands(name), out.now))
			continue
		}
		seen.Configured = out.stack != nil && out.stack.err == nil
		at := out.place
		f.complete(ctx, st, conn, &seen, &at)
		out.connections = append(out.connections, seen)
	}
	return out, nil
}

// settle takes the settings of the stack for those of this command.
func (f *doctorFlags) settle(parameters map[string]string) {
	if path := parameters["LedgerPath"]; path != "" && f.connection.ledgerPath == "" {
		f.connection.ledgerPath = path
	}
	f.refreshBefore = durationOf(parameters["RefreshBefore"], f.refreshBefore)
	if days, err := strconv.ParseFloat(parameters["FamilyLifetimeDays"], 64); err == nil {
		f.policies.lifetimeDays = days
	}
	if days, err := strconv.ParseFloat(parameters["FirstWarningDays"], 64); err == nil {
		f.warning = days
	}
}

// names are the connections to look at: the one asked for, or the stack's, or those
// that the store has, or those that the service keeps.
func (f *doctorFlags) names(ctx context.Context, st store.Store, stack *stackFacts, google *googleFacts) ([]string, error) {
	switch {
	case f.one:
		return []string{f.connection.name}, nil
	case stack != nil && stack.err == nil && stack.parameters["ConnectionsPath"] == "":
		return strings.Split(stack.parameters["Connections"], ","), nil
	case stack != nil && stack.err == nil:
		return listedConnections(ctx, f.stores.aws, stack.parameters)
	}
	known, err := f.stores.connections(ctx, st)
	if (err != nil || len(known) == 0) && google != nil && google.deployed != nil {
		known = google.deployed.kept()
	}
	if len(known) == 0 {
		known = []string{f.connection.name}
	}
	return known, nil
}
