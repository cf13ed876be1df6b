// Package tokenkeeper holds files of the repository for programs that read them.
// The simulation takes the alarms from the template, and the command line shows the
// runbook.
package tokenkeeper

import _ "embed"

// Template is template.yaml.
//
//go:embed template.yaml
var Template []byte

// Runbook is docs/runbook.md.
//
//go:embed docs/runbook.md
var Runbook string
