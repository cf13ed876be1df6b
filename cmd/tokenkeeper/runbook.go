package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper"
)

// newRunbookCommand returns "tokenkeeper runbook".
func newRunbookCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "runbook [ALARM]",
		Short: "Show what an alarm means and what to do",
		Long: `Shows the runbook's entry for an alarm: what you see, why, how to confirm it, how to
mend it, and what happens if you sleep on it. Without an alarm it shows the whole
runbook. The alarm is what the page names, with or without the stack's name before
it.`,
		Example: `  tokenkeeper runbook rotation-failing
  tokenkeeper runbook tokenkeeper-first-warning`,
		ValidArgs: runbookNames(),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := tokenkeeper.Runbook
			if len(args) > 1 {
				return errUsage{fmt.Errorf("unexpected argument %q: expected one alarm", args[1])}
			}
			if len(args) == 1 {
				var ok bool
				if text, ok = runbookEntry(args[0]); !ok {
					return errUsage{fmt.Errorf("the runbook has no entry %q: expected one of %s", args[0], strings.Join(runbookNames(), ", "))}
				}
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), strings.TrimSpace(text))
			return err
		},
	}
}

// warningAlarms are the alarms that share the entry about a family's end.
var warningAlarms = []string{"first-warning", "second-warning", "third-warning", "fourth-warning"}

// runbookNames are the names of entries, and the alarms that share one.
func runbookNames() []string {
	names := slices.Clone(warningAlarms)
	for _, section := range strings.Split(tokenkeeper.Runbook, "\n## ")[1:] {
		names = append(names, entryName(section))
	}
	return names
}

// entryName is the anchor of a section's title.
func entryName(section string) string {
	title, _, _ := strings.Cut(section, "\n")
	return strings.ReplaceAll(strings.ToLower(strings.ReplaceAll(title, "'", "")), " ", "-")
}

// runbookEntry is the section about an alarm.
func runbookEntry(alarm string) (text string, ok bool) {
	for _, name := range warningAlarms {
		if strings.HasSuffix(alarm, name) {
			alarm = "family-ends-in-days"
		}
	}
	for _, section := range strings.Split(tokenkeeper.Runbook, "\n## ")[1:] {
		if name := entryName(section); alarm == name || strings.HasSuffix(alarm, "-"+name) {
			return "## " + section, true
		}
	}
	return "", false
}
