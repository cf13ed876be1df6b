package psoxy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DefaultPreset is the set of scopes that is asked for where none is named.
const DefaultPreset = "jira-psoxy"

// presets are named sets of scopes. An app must have all scopes of a set, or
// Atlassian shows an error page. Every app has offline_access.
var presets = map[string][]string{
	// What psoxy's Jira Cloud connector needs today.
	DefaultPreset: {"offline_access", "read:group:jira", "read:avatar:jira", "read:user:jira", "read:jira-user", "read:jira-work"},
	// What its guide asked for earlier, read:account of the User Identity API
	// included: for apps that were set up by it.
	"jira-psoxy-2024": {"offline_access", "read:group:jira", "read:avatar:jira", "read:user:jira", "read:account", "read:jira-user", "read:jira-work"},
}

// Preset returns the scopes of a named set: "jira-psoxy", what psoxy's Jira
// Cloud connector needs today, or "jira-psoxy-2024", its older list with
// read:account. The error names the sets there are.
func Preset(name string) ([]string, error) {
	scopes, ok := presets[name]
	if !ok {
		return nil, fmt.Errorf("there is no preset %q: expected %s", name, strings.Join(Presets(), " or "))
	}
	return slices.Clone(scopes), nil
}

// Presets returns the names of the sets, sorted.
func Presets() []string { return slices.Sorted(maps.Keys(presets)) }
