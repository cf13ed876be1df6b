package consumers

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shim is called in place of the AWS command line, and calls it. The real one
// checks every word of a command, and must get as far as the connection, which goes
// nowhere. No package registry has version 2. What only version 2 knows is compared
// here: logs tail, and the option that takes a payload as it is.
const shim = `#!/usr/bin/env bash
if [ "$1 $2" = "logs tail" ]; then
  [[ "${*:3}" =~ ^/aws/lambda/[a-z-]+\ --since\ [0-9]+[hm](\ --filter-pattern\ .+)?$ ]] && exit
fi
arguments="${*@Q}"
eval "set -- ${arguments/\'--cli-binary-format\' \'raw-in-base64-out\'/}"
answer=$("$REAL" "$@" --endpoint-url http://127.0.0.1:1 2>&1)
[[ $answer == *"Could not connect"* ]] && echo answer || { echo "$answer" >&2; exit 1; }
`

var shellFence = regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```")

// TestDocumentedAwsCommands: the AWS command line knows every command and option
// that a document shows.
func TestDocumentedAwsCommands(t *testing.T) {
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "aws"), []byte(shim), 0o755))
	env := append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "REAL="+filepath.Join(installed(t, "build/consumers/aws/bin"), "aws"),
		"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_DEFAULT_REGION=eu-west-1", "AWS_MAX_ATTEMPTS=1", "queue=https://queue.invalid", "connection=A_")
	seen := 0
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, block := range shellFence.FindAllStringSubmatch(string(text), -1) {
				for line := range strings.SplitSeq(strings.ReplaceAll(block[1], "\\\n", " "), "\n") {
					if line = strings.TrimSpace(line); !strings.HasPrefix(line, "aws ") {
						continue
					}
					seen++
					t.Run(filepath.Base(path)+": "+line, func(t *testing.T) {
						t.Parallel()
						cmd := exec.Command("bash", "-ec", "set -o pipefail; "+line)
						cmd.Env, cmd.Dir = env, t.TempDir()
						out, err := cmd.CombinedOutput()
						require.NoError(t, err, string(out))
					})
				}
			}
		}
	}
	require.Greater(t, seen, 10)
}
