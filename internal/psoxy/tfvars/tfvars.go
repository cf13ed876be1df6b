// Package tfvars hands a connection over to psoxy's Terraform. It writes the cloud
// id into a .tfvars file, and keeps the rest byte for byte.
//
// Two forms are in use. Today's psoxy examples have a variable
// connector_settings, an object; older ones have the variable jira_cloud_id. A
// file gets both, since Terraform only warns about a variable that a
// configuration does not declare.
package tfvars

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// The names that psoxy's Terraform knows.
const (
	settingsName = "connector_settings"
	cloudIDName  = "jira_cloud_id"
	issueName    = "jira_example_issue_id"
)

// Values are what is handed over.
type Values struct {
	// CloudID of the Jira site.
	CloudID string
	// ExampleIssue is the key of an issue for psoxy's test calls; empty leaves
	// whatever a file says of it.
	ExampleIssue string
}

// setting is one name and its value.
type setting struct{ name, value string }

// settings are the members of connector_settings.
func (v Values) settings() []setting {
	list := []setting{{cloudIDName, v.CloudID}}
	if v.ExampleIssue != "" {
		list = append(list, setting{issueName, v.ExampleIssue})
	}
	return list
}

// variables are the top-level variables of the older form.
func (v Values) variables() []setting { return []setting{{cloudIDName, v.CloudID}} }

// Lines returns both forms as text to paste, ending in a newline.
func (v Values) Lines() string {
	return v.variableLines("\n") + v.settingsLines("\n")
}

func (v Values) variableLines(newline string) string {
	var b strings.Builder
	for _, s := range v.variables() {
		fmt.Fprintf(&b, "%s = %s%s", s.name, literal(s.value), newline)
	}
	return b.String()
}

func (v Values) settingsLines(newline string) string {
	width := 0
	for _, s := range v.settings() {
		width = max(width, len(s.name))
	}
	var b strings.Builder
	b.WriteString(settingsName + " = {" + newline)
	for _, s := range v.settings() {
		fmt.Fprintf(&b, "  %-*s = %s%s", width, s.name, literal(s.value), newline)
	}
	b.WriteString("}" + newline)
	return b.String()
}

// literal is a value as HCL source: quoted, with everything escaped that HCL
// would take for something else.
func literal(value string) string {
	return string(hclwrite.TokensForValue(cty.StringVal(value)).Bytes())
}

// value looks a setting up.
func value(settings []setting, name string) (string, bool) {
	i := slices.IndexFunc(settings, func(s setting) bool { return s.name == name })
	if i < 0 {
		return "", false
	}
	return settings[i].value, true
}
