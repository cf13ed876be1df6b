package stack

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

const (
	root   = "../.."
	region = "eu-west-1"
	// startTimeout is generous: a first start compiles Python, on a busy machine.
	startTimeout = 3 * time.Minute
)

// stage is AWS and Atlassian, and the tools of an operator.
type stage struct {
	*testing.T
	em  *atlassiantest.Emulator
	fix atlassiantest.Fixture
	// atlassian and aws are their addresses.
	atlassian, aws string
	// key is one that is not the stack's.
	key       string
	pages     *pager
	functions *functions
	// dir holds what is built, the operator's programs among it, in dir/bin.
	dir string
	// env is the operator's environment.
	env []string
}

// newStage starts everything, and deploys nothing.
func newStage(t *testing.T) *stage {
	s := &stage{T: t, dir: t.TempDir(), em: atlassiantest.New(atlassiantest.Config{Clock: atlassiantest.NewRunningClock()})}
	var err error
	s.fix, err = s.em.AddFixture("http://localhost")
	require.NoError(t, err)
	server := httptest.NewTLSServer(s.em.Handler())
	t.Cleanup(server.Close)
	s.atlassian = server.URL
	trusted := filepath.Join(s.dir, "trusted.pem")
	require.NoError(t, os.WriteFile(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	s.functions = runFunctions(t, map[string]string{"SSL_CERT_FILE": trusted})
	s.pages = takePages(t)

	s.aws = s.serve()
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "AWS_") && !strings.HasPrefix(variable, "PATH=") {
			s.env = append(s.env, variable)
		}
	}
	s.env = append(s.env, "PATH="+filepath.Join(s.dir, "bin")+":"+os.Getenv("PATH"), "SSL_CERT_FILE="+trusted, "AWS_ENDPOINT_URL="+s.aws,
		"AWS_REGION="+region, "AWS_DEFAULT_REGION="+region, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_PAGER=", "AWS_DEFAULT_OUTPUT=json")
	s.tools()
	return s
}

// serve starts localstack and returns its address.
func (s *stage) serve() string {
	python, err := filepath.Abs(filepath.Join(root, ".venv-stack/bin/python"))
	require.NoError(s, err)
	require.FileExists(s, python, "run `make stack-test`, which installs localstack")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s, err)
	address := listener.Addr().String()
	require.NoError(s, listener.Close())
	cmd := exec.Command(python, "serve.py")
	cmd.Env = append(os.Environ(), "GATEWAY_LISTEN="+address, "LOCALSTACK_HOST="+address, "TOKENKEEPER_FUNCTIONS="+s.functions.URL,
		"TMPDIR="+s.dir, "DNS_ADDRESS=0", "DISABLE_EVENTS=1", "SKIP_SSL_CERT_DOWNLOAD=1", "ALLOW_NONSTANDARD_REGIONS=0")
	log, err := os.Create(filepath.Join(s.dir, "localstack.log"))
	require.NoError(s, err)
	cmd.Stdout, cmd.Stderr = log, log
	keep, err := cmd.StdinPipe() // its end is the server's
	require.NoError(s, err)
	require.NoError(s, cmd.Start())
	s.Cleanup(func() {
		_ = keep.Close()
		_ = cmd.Wait()
		if s.Failed() {
			text, _ := os.ReadFile(log.Name())
			lines := strings.Split(string(text), "\n")
			s.Logf("localstack's last lines:\n%s\n\nthe functions':\n%s", strings.Join(lines[max(0, len(lines)-60):], "\n"), s.functions.Logs())
		}
	})
	s.until(startTimeout, "localstack serves", func() bool {
		answer, err := http.Get("http://" + address + "/_localstack/health")
		if err == nil {
			_ = answer.Body.Close()
		}
		return err == nil
	})
	return "http://" + address
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

// tools puts the operator's programs into dir/bin.
func (s *stage) tools() {
	bin := filepath.Join(s.dir, "bin")
	require.NoError(s, os.Mkdir(bin, 0o700))
	aws, err := filepath.Abs(filepath.Join(root, ".venv-stack/bin/aws"))
	require.NoError(s, err)
	require.NoError(s, os.WriteFile(filepath.Join(bin, "aws"), fmt.Appendf(nil, oldCLI, aws), 0o700))
	out, err := exec.CommandContext(s.Context(), "go", "build", "-o", bin, root+"/cmd/tokenkeeper").CombinedOutput()
	require.NoError(s, err, string(out))
}

// until waits for a condition.
func (s *stage) until(limit time.Duration, what string, holds func() bool) {
	s.Helper()
	for deadline := time.Now().Add(limit); !holds(); <-time.After(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("waited %s in vain until %s", limit, what)
		}
	}
}

// run runs an operator's program and returns its standard output.
func (s *stage) run(name string, arguments ...string) string {
	s.Helper()
	out, err := s.try(name, arguments...)
	require.NoError(s, err)
	return out
}

// try is run whose failure is an error.
func (s *stage) try(name string, arguments ...string) (string, error) {
	cmd := exec.CommandContext(s.Context(), "/usr/bin/env", append([]string{name}, arguments...)...)
	cmd.Dir, cmd.Env = s.dir, s.env
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(arguments, " "), err, &out, &problems)
	}
	return out.String(), nil
}

// ask asks AWS and decodes the answer.
func ask[T any](s *stage, arguments ...string) (answer T) {
	s.Helper()
	out := s.run("aws", arguments...)
	require.NoError(s, json.Unmarshal([]byte(out), &answer), out)
	return answer
}

// documented runs a command of a document as it stands there, but for
// placeholders: each is followed by its value.
func (s *stage) documented(document, command string, placeholders ...string) string {
	s.Helper()
	text, err := os.ReadFile(filepath.Join(root, document))
	require.NoError(s, err)
	require.Contains(s, string(text), command, "%s has another command", document)
	return s.run("bash", "-euo", "pipefail", "-c", strings.NewReplacer(placeholders...).Replace(command))
}
