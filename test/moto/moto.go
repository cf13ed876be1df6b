// Package moto starts a real moto server, an emulator of AWS, for the tests of a
// package. `make setup` installs it into .venv. If it is missing, the test fails.
//
// moto behaves like AWS in what this project needs of Parameter Store: versions,
// create-only puts, `name:version`, and the history of 100 versions. It stores and
// returns CloudWatch metrics, with the differences that Values describes. It does not
// enforce sizes, tiers or names. It never evaluates an alarm. It does not check
// permissions.
//
// Only tests import this package.
package moto

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// Region is the region of everything in the emulator.
const Region = "eu-west-1"

// startTimeout is long because a first start compiles Python, perhaps on a busy machine.
const startTimeout = 2 * time.Minute

// Server is a running moto server.
type Server struct {
	// URL is its address for all services: the value of AWS_ENDPOINT_URL.
	URL string
}

var shared struct {
	once   sync.Once
	server *Server
	err    error
	// keep is the pipe whose end ends the server. It must stay reachable while the
	// test binary runs.
	keep io.Closer
}

// Start returns the test binary's moto server and starts it on the first call. The
// tests of a package share it: call Reset, or use different names. It always ends with
// the test binary.
func Start(t testing.TB) *Server {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.keep, shared.err = start() })
	if shared.err != nil {
		t.Fatalf("starting moto: %v", shared.err)
	}
	return shared.server
}

// Reset empties the emulator.
func (s *Server) Reset(t testing.TB) {
	t.Helper()
	resp, err := http.Post(s.URL+"/moto-api/reset", "", nil)
	if err != nil {
		t.Fatalf("resetting moto: %v", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("resetting moto: status %s", resp.Status)
	}
}

// supervise runs its arguments in the background until its standard input ends. The
// kernel closes that input when the test binary ends, even if it was killed. The shell
// closes its own standard error, so that the reader of the server's output sees the
// server's end.
const supervise = `"$@" & server=$!; exec 2>/dev/null; cat >/dev/null; kill -9 $server; wait $server`

func start() (*Server, io.Closer, error) {
	program, err := find()
	if err != nil {
		return nil, nil, err
	}
	// With port 0 the kernel picks a free port, and the server prints it.
	cmd := exec.Command("/bin/sh", "-c", supervise, "supervise", program, "-H", "127.0.0.1", "-p", "0")
	cmd.Env = environment()
	keep, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	output, err := cmd.StderrPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}

	address := make(chan string, 1)
	said := make(chan string, 1)
	go follow(output, address, said)
	select {
	case url := <-address:
		if err := ready(url); err != nil {
			keep.Close()
			return nil, nil, err
		}
		return &Server{URL: url}, keep, nil
	case text := <-said:
		keep.Close()
		return nil, nil, fmt.Errorf("%s ended before it was ready: run `make setup` again; its output:\n%s", program, text)
	case <-time.After(startTimeout):
		keep.Close()
		return nil, nil, fmt.Errorf("%s did not print its address within %s", program, startTimeout)
	}
}

var running = regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)

// follow reads the server's output to its end, so that the server never blocks on it.
// It sends the address when the server prints it, and the first lines at the end.
func follow(output io.Reader, address, said chan<- string) {
	var first []string
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if m := running.FindStringSubmatch(lines.Text()); m != nil {
			address <- m[1]
			break
		}
		first = append(first, lines.Text())
	}
	_, _ = io.Copy(io.Discard, output)
	said <- strings.Join(first, "\n")
}

// ready waits for the server's first answer.
func ready(url string) error {
	deadline := time.Now().Add(startTimeout)
	client := http.Client{Timeout: startTimeout}
	for {
		resp, err := client.Get(url + "/moto-api/data.json")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(resp.Status)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server does not answer: %w", err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// environment is this process's environment without the variables that could make the
// server or its client use AWS itself.
func environment() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "AWS_") && !strings.HasPrefix(e, "MOTO_") {
			env = append(env, e)
		}
	}
	return env
}

// find returns the path of moto_server in the module's .venv.
func find() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return findFrom(dir)
}

func findFrom(dir string) (string, error) {
	for from := dir; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("there is no go.mod in %s or above it: run the tests inside the module", from)
		}
	}
	program := filepath.Join(dir, ".venv", "bin", "moto_server")
	if _, err := os.Stat(program); err != nil {
		return "", fmt.Errorf("run `make setup` first: it installs %s", filepath.Join(".venv", "bin", "moto_server"))
	}
	return program, nil
}
