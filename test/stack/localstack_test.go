package stack

import (
	"encoding/pem"
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
	root = "../.."
	// startTimeout is generous: a first start compiles Python, on a busy machine.
	startTimeout = 3 * time.Minute
)

// stage is AWS and Atlassian, and an operator of both.
type stage struct {
	*operator
	em  *atlassiantest.Emulator
	fix atlassiantest.Fixture
	// atlassian and aws are their addresses.
	atlassian, aws string
	// callback is an address of this machine that the app has registered.
	callback string
	// key is one that is not the stack's.
	key string
	// moved is the stack in another region.
	moved     *stage
	pages     *pager
	functions *functions
}

// newStage starts everything, and deploys nothing.
func newStage(t *testing.T) *stage {
	s := &stage{operator: &operator{T: t, place: home, dir: t.TempDir()}, em: atlassiantest.New(atlassiantest.Config{Clock: atlassiantest.NewRunningClock()})}
	var err error
	s.callback = "http://" + strings.Replace(freeAddress(t), "127.0.0.1", "localhost", 1) + "/callback"
	s.fix, err = s.em.AddFixture("http://localhost", s.callback)
	require.NoError(t, err)
	server := httptest.NewTLSServer(s.em.Handler())
	t.Cleanup(server.Close)
	s.atlassian = server.URL
	trusted := filepath.Join(s.dir, "trusted.pem")
	require.NoError(t, os.WriteFile(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	s.functions = runFunctions(t, map[string]string{"SSL_CERT_FILE": trusted})
	s.pages = takePages(t)

	s.aws = s.serve()
	s.install(s.browser())
	s.signIn("SSL_CERT_FILE="+trusted, "AWS_ENDPOINT_URL="+s.aws, "ATLASSIAN_AUTH_URL="+s.atlassian, "ATLASSIAN_API_URL="+s.atlassian, "DISPLAY=:0")
	return s
}

// freeAddress is one that nobody listens at.
func freeAddress(t testing.TB) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

// serve starts localstack and returns its address.
func (s *stage) serve() string {
	python, err := filepath.Abs(filepath.Join(root, ".venv-stack/bin/python"))
	require.NoError(s, err)
	require.FileExists(s, python, "run `make stack-test`, which installs localstack")
	address := freeAddress(s)
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
