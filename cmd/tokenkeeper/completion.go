package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
)

// strict makes cobra's own commands as strict as ours: what is unknown is an error
// of the command line.
func strict(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			help := cmd.Run
			cmd.Run, cmd.RunE = nil, func(cmd *cobra.Command, args []string) error {
				if _, rest, err := root.Find(args); err != nil || len(rest) > 0 {
					return errUsage{fmt.Errorf("there is no command %q to help with; tokenkeeper --help lists the commands", strings.Join(args, " "))}
				}
				help(cmd, args)
				return nil
			}
		case "completion":
			cmd.Args = cobra.ArbitraryArgs
			cmd.RunE = func(cmd *cobra.Command, args []string) error {
				if len(args) > 0 {
					return errUsage{fmt.Errorf("there is no completion for the shell %q: expected bash, zsh, fish or powershell", args[0])}
				}
				return cmd.Help()
			}
			for _, shell := range cmd.Commands() {
				shell.Args = noArguments
			}
		}
	}
	for _, cmd := range root.Commands() {
		completeFlags(cmd)
	}
}

// flagValues are what a shell offers after a flag, by the flag's name.
var flagValues = map[string][]string{
	"access-token-format": {"auto", "raw", "psoxy-json"},
	"faults":              {"none", "light", "heavy"},
	"clock":               {"real", "manual"},
	"scopes-preset":       psoxy.Presets(),
	"store":               {"ssm", "file:"},
}

// completeFlags offers the values of a command's flags.
func completeFlags(cmd *cobra.Command) {
	for name, offers := range flagValues {
		if cmd.Flags().Lookup(name) != nil {
			_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(offers, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
		}
	}
	if cmd.Flags().Lookup("connection") != nil && cmd.Flags().Lookup("store") != nil {
		_ = cmd.RegisterFlagCompletionFunc("connection", completeConnection)
	}
}

// completionTimeout bounds the question which connections there are: a shell waits.
const completionTimeout = 3 * time.Second

// completeConnection offers the connections of the store that the other flags name.
func completeConnection(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(context.Background(), completionTimeout)
	defer cancel()
	value := func(flag string) string {
		f := cmd.Flags().Lookup(flag)
		if f == nil {
			return ""
		}
		return f.Value.String()
	}
	stores := storeFlags{name: value("store"), keyID: value("key-id")}
	st, err := stores.open(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found, err := stores.connections(ctx, st)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}
