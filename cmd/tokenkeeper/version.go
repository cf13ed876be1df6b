package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
)

// newVersionCommand returns "tokenkeeper version".
func newVersionCommand(version string) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version and the commit that this program was built from",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), version)
			return err
		},
	}
}

// buildVersion is this program's version, commit and toolchain.
func buildVersion() string {
	info, _ := debug.ReadBuildInfo() // nil where the linker left nothing
	return describeBuild(info, config.Version())
}

// describeBuild says what a build is made from, on one line; info may be nil.
// released is the version that a release was built as, or "unknown".
func describeBuild(info *debug.BuildInfo, released string) string {
	if info == nil {
		return "tokenkeeper, version not recorded"
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	version := info.Main.Version
	switch {
	case released != "unknown":
		version = released
	case version == "" || version == "(devel)":
		version = "(development version)"
	}
	commit := "commit not recorded"
	if revision := settings["vcs.revision"]; revision != "" {
		commit = "commit " + revision
		if at := settings["vcs.time"]; at != "" {
			commit += " of " + at
		}
		if settings["vcs.modified"] == "true" {
			commit += ", with uncommitted changes"
		}
	}
	return fmt.Sprintf("tokenkeeper %s, %s, %s", version, commit, info.GoVersion)
}
