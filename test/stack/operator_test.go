package stack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// operator runs the commands of the documents, as a person would.
type operator struct {
	*testing.T
	place
	// dir holds files; the operator's programs are in dir/bin.
	dir string
	// env is the operator's environment, and input what they type.
	env   []string
	input string
}

// place is what the commands are about; home is what the documents name.
type place struct{ stack, connection, region string }

var home = place{"tokenkeeper", "PSOXY_JIRA_CLOUD_", "eu-west-1"}

// at is the operator of another stack, for another connection or in another region.
func (o *operator) at(p place) *operator {
	other := o.with("AWS_REGION="+p.region, "AWS_DEFAULT_REGION="+p.region)
	other.place = p
	return other
}

// with is the operator with more environment. The last of a name counts.
func (o *operator) with(variables ...string) *operator {
	other := *o
	other.env = slices.Concat(o.env, variables)
	return &other
}

// signIn gives the operator credentials of AWS, and more variables.
func (o *operator) signIn(more ...string) {
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "AWS_") && !strings.HasPrefix(variable, "MAKE") { // this test may run in a make of its own
			o.env = append(o.env, variable)
		}
	}
	o.env = append(o.env, "PATH="+filepath.Join(o.dir, "bin")+":"+os.Getenv("PATH"),
		"AWS_REGION="+o.region, "AWS_DEFAULT_REGION="+o.region, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_PAGER=", "AWS_DEFAULT_OUTPUT=json")
	o.env = append(o.env, more...)
}

// oldCLI makes of AWS's command line of version 1, which is on PyPI, what the
// documents use of version 2.
const oldCLI = `#!/usr/bin/env bash
arguments=()
while [ $# -gt 0 ]; do
  if [ "$1" = --cli-binary-format ]; then shift 2; continue; fi
  arguments+=("$1"); shift
done
exec '%s' "${arguments[@]}"
`

// install puts the operator's programs into dir/bin, among them one that opens
// addresses in the browser of the given address.
func (o *operator) install(browser string) {
	bin := filepath.Join(o.dir, "bin")
	require.NoError(o, os.Mkdir(bin, 0o700))
	aws, err := filepath.Abs(filepath.Join(root, ".venv-stack/bin/aws"))
	require.NoError(o, err)
	require.NoError(o, os.WriteFile(filepath.Join(bin, "aws"), fmt.Appendf(nil, oldCLI, aws), 0o700))
	open := fmt.Sprintf("#!/bin/sh\nexec curl --silent --show-error --data-urlencode \"address=$1\" '%s'\n", browser)
	require.NoError(o, os.WriteFile(filepath.Join(bin, "xdg-open"), []byte(open), 0o700))
	out, err := exec.CommandContext(o.Context(), "go", "build", "-o", bin, root+"/cmd/tokenkeeper").CombinedOutput()
	require.NoError(o, err, string(out))
}

// until waits for a condition.
func (o *operator) until(limit time.Duration, what string, holds func() bool) {
	o.Helper()
	for deadline := time.Now().Add(limit); !holds(); <-time.After(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			o.Fatalf("waited %s in vain until %s", limit, what)
		}
	}
}

// run runs an operator's program and returns its standard output.
func (o *operator) run(name string, arguments ...string) string {
	o.Helper()
	out, err := o.try(name, arguments...)
	require.NoError(o, err)
	return out
}

// try is run whose failure is an error.
func (o *operator) try(name string, arguments ...string) (string, error) {
	cmd := exec.CommandContext(o.Context(), "/usr/bin/env", append([]string{name}, arguments...)...)
	cmd.Dir, cmd.Env, cmd.Stdin = root, o.env, strings.NewReader(o.input)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(arguments, " "), err, &out, &problems)
	}
	return out.String(), nil
}

// ask asks AWS and decodes the answer.
func ask[T any](o *operator, arguments ...string) (answer T) {
	o.Helper()
	out := o.run("aws", arguments...)
	require.NoError(o, json.Unmarshal([]byte(out), &answer), out)
	return answer
}

// documented runs a command of a document exactly as it is, with placeholders
// replaced: each is followed by its value.
func (o *operator) documented(document, command string, placeholders ...string) string {
	o.Helper()
	text, err := os.ReadFile(filepath.Join(root, document))
	require.NoError(o, err)
	require.Contains(o, string(text), command, "%s has another command", document)
	return o.run("bash", "-euo", "pipefail", "-c", strings.NewReplacer(placeholders...).Replace(command))
}

// file writes a file and returns its path.
func (o *operator) file(name, content string) string {
	path := filepath.Join(o.dir, name)
	require.NoError(o, os.WriteFile(path, []byte(content), 0o600))
	return path
}
