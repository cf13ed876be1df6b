// Package tokenkeeper holds the stack's template, for programs that read it:
// the simulation takes the alarms from it, so that they stand in one place.
package tokenkeeper

import _ "embed"

// Template is template.yaml.
//
//go:embed template.yaml
var Template []byte
